using System;
using System.Threading;
using Capdist;

/// <summary>The binding with version 1.0 of the library: its structs are shorter, and it lacks functions and options. Reading
/// beyond a struct's end would crash the process.</summary>
static class Older
{
    static void Main(string[] arguments)
    {
        int port = int.Parse(arguments[0]);
        Options options = new Options { Port = port, QuotaRequests = 0, OnAttemptFailed = (client, code, text) => { } };
        using (Client client = new Client(options))
        {
            client.WaitReady(TimeSpan.FromSeconds(20));
            Console.WriteLine(client.FetchCapitalDistribution("HK.00700").CapitalInBig);
            try
            {
                client.FetchCapitalDistribution("HK.99999");
            }
            catch (RequestException refused)
            {
                Console.WriteLine(refused.Status + " " + refused.Retry);
            }
            byte[] body = { 0x0a, 0x0b, 0x0a, 0x09, 0x08, 0x01, 0x12, 0x05, 0x39, 0x39, 0x39, 0x39, 0x39 };
            using (ManualResetEvent told = new ManualResetEvent(false))
            {
                client.SendProto(3212, body, reply =>
                {
                    Console.WriteLine(reply.Status + " " + reply.Retry);
                    told.Set();
                });
                if (!told.WaitOne(20000)) Console.WriteLine("no answer");
            }
            Console.WriteLine(client.GetConnectionInfo().State + " " + client.GetQuota().Limit);
        }
        try
        {
            new Client(new Options { Port = port, OutageMode = OutageMode.Fail });
        }
        catch (NotSupportedException)
        {
            Console.WriteLine("not supported");
        }
    }
}
