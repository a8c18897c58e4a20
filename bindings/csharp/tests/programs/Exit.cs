// Exits in the way that its first argument names, with connections to a gateway that answers and to one that does not. It prints
// nothing itself.
using System;
using System.Threading;
using Capdist;

internal static class Exit
{
    private static int alive, silent;

    private static int Main(string[] arguments)
    {
        alive = int.Parse(arguments[1]);
        silent = int.Parse(arguments[2]);
        switch (arguments[0])
        {
            case "open":
                Open(alive).WaitReady(TimeSpan.FromSeconds(10));
                return 3;
            case "connecting":
                Open(silent);
                return 3;
            case "busy":
                Busy();
                return 3;
            case "many":
                for (int i = 0; i < 10; i++) Busy();
                return 3;
            case "outstanding":
                Client waits = Open(silent);
                for (int i = 0; i < 100; i++) waits.GetCapitalDistribution("HK.00001", reply => { });
                for (int i = 0; i < 100; i++) waits.GetCapitalDistributionAsync("HK.00001");
                return 3;
            case "threads":
                Client busy = Busy();
                for (int i = 0; i < 4; i++)
                {
                    new Thread(() =>
                    {
                        while (true) busy.FetchCapitalDistribution("HK.00001");
                    }) { IsBackground = true }.Start();
                }
                Thread.Sleep(50);
                return 3;
            case "closed":
                Busy().Dispose();
                return 3;
            case "closing":
                Client closing = Busy();
                new Thread(closing.Dispose) { IsBackground = true }.Start();
                return 3;
            case "blocked":
                using (ManualResetEvent entered = new ManualResetEvent(false))
                {
                    Open(alive).GetCapitalDistribution("HK.00001", reply =>
                    {
                        entered.Set();
                        Thread.Sleep(Timeout.Infinite);
                    });
                    entered.WaitOne();
                }
                return 3;
            case "callback":
                Busy().GetCapitalDistribution("HK.00001", reply => Environment.Exit(3));
                Thread.Sleep(Timeout.Infinite);
                return 0;
            case "collecting":
                Busy();
                new Thread(() =>
                {
                    // Without the pause Mono hardly lets another thread run, also without the library.
                    for (; ; Thread.Sleep(1)) GC.Collect();
                }) { IsBackground = true }.Start();
                Thread.Sleep(50);
                return 3;
            default:
                return 2;
        }
    }

    private static Client Open(int port)
    {
        return new Client(new Options { Port = port, QuotaRequests = 0, OnLog = (sender, level, message) => { } });
    }

    /// <summary>Makes another request with each answer.</summary>
    private static Client Busy()
    {
        Client client = Open(alive);
        client.WaitReady(TimeSpan.FromSeconds(10));
        Action<Reply> again = null;
        again = reply =>
        {
            try
            {
                client.GetCapitalDistribution("HK.00001", again);
            }
            catch (ObjectDisposedException)
            {
            }
        };
        for (int i = 0; i < 16; i++) client.GetCapitalDistribution("HK.00001", again);
        Thread.Sleep(20);
        return client;
    }
}
