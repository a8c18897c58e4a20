// Fetches one stock's capital distribution: First [SECURITY [HOST [PORT]]]
using System;
using System.Threading.Tasks;
using Capdist;

public static class First
{
    public static int Main(string[] arguments)
    {
        return Run(arguments).GetAwaiter().GetResult();
    }

    private static async Task<int> Run(string[] arguments)
    {
        string security = arguments.Length > 0 ? arguments[0] : "HK.00700";
        string host = arguments.Length > 1 ? arguments[1] : "127.0.0.1";
        int port = arguments.Length > 2 ? int.Parse(arguments[2]) : 11111;
        try
        {
            using (Client client = new Client(host, port))
            {
                await client.WaitReadyAsync(TimeSpan.FromSeconds(5));
                CapitalDistribution figures = await client.GetCapitalDistributionAsync(security);
                Console.WriteLine("{0} at {1}", security, figures.UpdateTime ?? "an unknown time");
                Console.WriteLine("capital in big:  {0}", figures.CapitalInBig);
                Console.WriteLine("capital out big: {0}", figures.CapitalOutBig);
            }
            return 0;
        }
        catch (Exception refused) when (refused is CapdistException || refused is ArgumentException)
        {
            Console.Error.WriteLine(refused.Message);
            return 1;
        }
    }
}
