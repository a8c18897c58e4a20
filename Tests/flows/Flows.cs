// Plays Tests/cases/flows.json in C#. Tests/flows/play.py describes the input and output. It is compiled with the
// binding's sources, since the constructor of figures is internal.
using System;
using System.Globalization;
using System.Linq;
using Capdist;

internal static class Flows
{
    private static unsafe void Main()
    {
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            double[] told = line.Split(' ').Select(word => word == "nan" ? double.NaN : double.Parse(word, CultureInfo.InvariantCulture)).ToArray();
            var raw = new Native.capdist_capital_distribution
            {
                capital_in_super = told[0], capital_in_big = told[1], capital_in_mid = told[2], capital_in_small = told[3],
                capital_out_super = told[4], capital_out_big = told[5], capital_out_mid = told[6], capital_out_small = told[7],
                present = Native.RequiredFigures,
            };
            if (!double.IsNaN(told[0])) raw.present |= Native.CAPDIST_HAS_CAPITAL_IN_SUPER;
            if (!double.IsNaN(told[4])) raw.present |= Native.CAPDIST_HAS_CAPITAL_OUT_SUPER;
            var figures = new CapitalDistribution(&raw);
            var flows = new[] { figures.FlowSuper, figures.FlowBig, figures.FlowMid, figures.FlowSmall, figures.FlowMain, figures.FlowRetail, figures.FlowTotal };
            Console.WriteLine(string.Join(" ", flows.SelectMany(flow => new[] { flow.CapitalIn, flow.CapitalOut, flow.Net, flow.OutShare })
                .Select(number => number.HasValue ? number.Value.ToString("R", CultureInfo.InvariantCulture) : "nan")));
        }
    }
}
