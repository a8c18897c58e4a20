using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;
using static Capdist.Tests.Support;

namespace Capdist.Tests
{
    [TestFixture]
    public class LifetimeTests
    {
        [Test]
        public void DisposeEndsEverythingAndLeavesNothing()
        {
            string[] threads = LibraryThreads();
            List<string> told = new List<string>();
            Options options = Given();
            options.QuotaRequests = 5;
            options.OnClosed = () => { lock (told) told.Add("closed"); };
            Client client = new Client(options);
            Action<Reply> tell = reply => { lock (told) told.Add(reply.Status.ToString()); };
            for (int i = 0; i < 100; i++) client.GetCapitalDistribution("HK.00700", tell);
            Task<CapitalDistribution> task = client.GetCapitalDistributionAsync("HK.00700");
            client.Dispose();
            int count = told.Count;
            Assert.That(count, Is.EqualTo(101));
            Assert.That(told.Last(), Is.EqualTo("closed"));
            Assert.That(told.Take(100).Distinct(), Is.SubsetOf(new[] { "Ok", "Released" }));
            Assert.That(told.Contains("Released"));
            Assert.That(Soon(() => !LibraryThreads().Except(threads).Any())); // /proc may list it a moment longer
            AggregateException ended = Assert.Throws<AggregateException>(() => task.Wait(Patience));
            Assert.That(((RequestException)ended.InnerException).Status, Is.EqualTo(Status.Released));
            Thread.Sleep(50);
            Assert.That(told.Count, Is.EqualTo(count));
        }

        [Test]
        public void UseAfterDispose()
        {
            Client client = new Client(Given());
            client.Dispose();
            client.Dispose();
            Assert.Throws<ObjectDisposedException>(() => client.FetchCapitalDistribution("HK.00700"));
            Assert.Throws<ObjectDisposedException>(() => client.GetCapitalDistribution("HK.00700", reply => { }));
            Assert.Throws<ObjectDisposedException>(() => client.SendProto(1002, new byte[0], reply => { }));
            Assert.Throws<ObjectDisposedException>(() => client.WaitReady(Patience));
            Assert.Throws<ObjectDisposedException>(() => client.Cancel(1));
            Assert.Throws<ObjectDisposedException>(() => client.GetQuota());
            Assert.Throws<ObjectDisposedException>(() => client.GetConnectionInfo());
            Exception thrown = Assert.Throws<AggregateException>(
                () => client.GetCapitalDistributionAsync("HK.00700").Wait(Patience)).InnerException;
            Assert.That(thrown, Is.InstanceOf<ObjectDisposedException>());
            thrown = Assert.Throws<AggregateException>(() => client.WaitReadyAsync(Patience).Wait(Patience)).InnerException;
            Assert.That(thrown, Is.InstanceOf<ObjectDisposedException>());
        }

        [Test]
        public void DisposeInsideCallbacks()
        {
            string[] threads = LibraryThreads();
            int closed = 0, ended = 0;
            Client other = new Client(Given());
            Options options = Given();
            options.OnClosed = () => Interlocked.Increment(ref closed);
            Client client = new Client(options);
            using (ManualResetEvent asked = new ManualResetEvent(false))
            {
                for (int i = 0; i < 10; i++)
                {
                    client.GetCapitalDistribution("HK.00700", reply =>
                    {
                        asked.WaitOne(Patience);
                        client.Dispose();
                        other.Dispose();
                        Interlocked.Increment(ref ended);
                    });
                }
                asked.Set();
                Assert.That(Soon(() => Volatile.Read(ref ended) == 10));
            }
            Assert.That(Soon(() => Volatile.Read(ref closed) == 1));
            Assert.That(Soon(() => !LibraryThreads().Except(threads).Any()));
            client.Dispose();

            // The first callback may run before the constructor has returned.
            Options first = Given();
            first.OnLog = (sender, level, message) => sender.Dispose();
            first.OnClosed = () => Interlocked.Increment(ref closed);
            Client gone = new Client(first);
            Assert.That(Soon(() => Volatile.Read(ref closed) == 2));
            Assert.Throws<ObjectDisposedException>(() => gone.GetQuota());
        }

        [Test]
        public void DisposeOnManyThreads()
        {
            for (int round = 0; round < 20; round++)
            {
                Client client = new Client(Given());
                int ended = 0;
                for (int i = 0; i < 20; i++) client.GetCapitalDistribution("HK.00700", reply => Interlocked.Increment(ref ended));
                Parallel.For(0, 8, i => client.Dispose());
                client.Dispose();
                Assert.That(Soon(() => Volatile.Read(ref ended) == 20));
            }
        }

        [Test]
        public void WhatCallbacksThrowIsReportedAndHarmless()
        {
            using (Reports reports = new Reports())
            {
                Options options = Given("CAPDIST_PORT_PUSHES");
                options.RecvNotify = true;
                options.OnInitConnect = (sender, errCode, desc) => { throw new InvalidOperationException("connect"); };
                options.OnPush = (sender, protoId, body) => { throw new InvalidOperationException("push"); };
                options.OnLog = (sender, level, message) => { throw new InvalidOperationException("log"); };
                options.OnClosed = () => { throw new InvalidOperationException("closed"); };
                Client client = new Client(options);
                using (client)
                {
                    client.WaitReady(Patience);
                    client.GetCapitalDistribution("HK.00700", reply => { throw new InvalidOperationException("reply"); });
                    client.SendProto(1002, new byte[] { 10, 2, 8, 0 }, reply => { throw new InvalidOperationException("proto"); });
                    Assert.That(Soon(() => reports.All.Any(it => it.Item2.Message == "push")));
                    // The connection still works.
                    Assert.That(client.FetchCapitalDistribution("HK.00700").CapitalInBig, Is.EqualTo(859479380));
                }
                Assert.That(reports.All.Select(it => it.Item2.Message).Distinct(),
                            Is.EquivalentTo(new[] { "connect", "push", "log", "closed", "reply", "proto" }));
                Assert.That(reports.All.Count(it => it.Item2.Message == "reply"), Is.EqualTo(1));
                foreach (Tuple<object, Exception> report in reports.All)
                {
                    Assert.That(report.Item1, Is.SameAs(report.Item2.Message == "closed" ? null : client));
                }
            }
        }

        [Test]
        public void AListenerThatThrowsAndNoListener()
        {
            EventHandler<ThreadExceptionEventArgs> bad = (sender, told) => { throw new InvalidOperationException("listener"); };
            StringWriter traced = new StringWriter();
            TextWriterTraceListener listener = new TextWriterTraceListener(traced);
            using (Client client = new Client(Given()))
            {
                Client.CallbackException += bad;
                client.GetCapitalDistribution("HK.00700", reply => { throw new InvalidOperationException("one"); });
                client.FetchCapitalDistribution("HK.00700");
                Client.CallbackException -= bad;
                Trace.Listeners.Add(listener);
                client.GetCapitalDistribution("HK.00700", reply => { throw new InvalidOperationException("two"); });
                client.FetchCapitalDistribution("HK.00700");
                Trace.Listeners.Remove(listener);
            }
            Assert.That(traced.ToString(), Is.StringContaining("InvalidOperationException: two"));
        }

        [Test]
        public void AClientThatIsDroppedCloses()
        {
            string[] threads = LibraryThreads();
            int closed = 0;
            Elsewhere(() =>
            {
                for (int i = 0; i < 10; i++)
                {
                    Options options = Given();
                    options.OnClosed = () => Interlocked.Increment(ref closed);
                    new Client(options).WaitReady(Patience);
                }
            });
            // A conservative garbage collector may keep one.
            Assert.That(Soon(() =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return Volatile.Read(ref closed) >= 9;
            }), closed + " are closed");
            Assert.That(Soon(() => LibraryThreads().Except(threads).Count() <= 1));
        }

        [Test]
        public void ARequestKeepsItsClient()
        {
            Task<CapitalDistribution> task = null;
            Elsewhere(() => task = new Client(Given("CAPDIST_PORT_SLOW")).GetCapitalDistributionAsync("HK.00700"));
            while (!task.Wait(10)) GC.Collect();
            Assert.That(task.Result.CapitalInBig, Is.EqualTo(859479380));
        }

        [Test]
        public void TheLibrarysThreadsTakeTheRuntimesSignals()
        {
            string[] before = LibraryThreads();
            using (Client client = new Client(Given()))
            {
                client.FetchCapitalDistribution("HK.00700");
                string[] threads = LibraryThreads().Except(before).ToArray();
                Assert.That(threads, Is.Not.Empty);
                // Real-time signals, 32 to 64, that have a handler: Mono suspends threads with one, and so does .NET.
                foreach (string thread in threads)
                {
                    ulong caught = Mask(thread, "SigCgt"), blocked = Mask(thread, "SigBlk");
                    Assert.That(caught >> 31, Is.Not.EqualTo(0), "the runtime has none");
                    Assert.That(caught >> 31 & blocked >> 31, Is.EqualTo(0));
                }
            }
        }

        private static ulong Mask(string thread, string name)
        {
            string line = File.ReadAllLines(thread + "/status").First(it => it.StartsWith(name + ":"));
            return Convert.ToUInt64(line.Substring(name.Length + 1).Trim(), 16);
        }

        [Test]
        public void ThreadsDoEverythingAtOnce()
        {
            const int Count = 12;
            Client[] clients = Enumerable.Range(0, 4).Select(i => new Client(Given())).ToArray();
            int accepted = 0, completed = 0;
            List<string> odd = new List<string>();
            Stopwatch passed = Stopwatch.StartNew();
            Thread[] threads = Enumerable.Range(0, Count).Select(seed => new Thread(() =>
            {
                Random chance = new Random(seed);
                while (passed.Elapsed < TimeSpan.FromSeconds(2))
                {
                    int place = chance.Next(clients.Length);
                    Client client = clients[place];
                    try
                    {
                        int what = chance.Next(20);
                        if (what == 0)
                        {
                            clients[place] = new Client(Given());
                            client.Dispose();
                        }
                        else if (what < 6) client.FetchCapitalDistribution("HK.00700");
                        else if (what < 8) client.WaitReady(Patience);
                        else if (what < 10) client.Cancel((uint)chance.Next(1, 100));
                        else if (what < 11) GC.Collect(0);
                        else if (what < 14)
                        {
                            Task task = client.GetCapitalDistributionAsync("HK.00700");
                            task.ContinueWith(it => it.Exception, TaskContinuationOptions.OnlyOnFaulted);
                        }
                        else
                        {
                            client.GetCapitalDistribution("HK.00001", reply => Interlocked.Increment(ref completed));
                            Interlocked.Increment(ref accepted);
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                        // Other threads may have closed any client and cancelled any request.
                    }
                    catch (CapdistException ended)
                    {
                        Status[] expected = { Status.Released, Status.Cancelled };
                        if (!expected.Contains(ended.Status)) lock (odd) odd.Add(ended.ToString());
                    }
                    catch (Exception thrown)
                    {
                        lock (odd) odd.Add(thrown.ToString());
                    }
                }
            })).ToArray();
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) Assert.That(thread.Join(TimeSpan.FromSeconds(12)));
            foreach (Client client in clients) client.Dispose();
            Assert.That(odd, Is.Empty);
            Assert.That(accepted, Is.GreaterThan(100));
            // A client that two threads replaced at once was disposed before this.
            Assert.That(Soon(() => Volatile.Read(ref completed) == accepted), completed + " of " + accepted);
        }
    }

    /// <summary>Runs while garbage is collected; again with each of Mono's ways to suspend threads.</summary>
    [TestFixture]
    public class CollectorTests
    {
        private const int Requests = 10000;
        private Thread collector;
        private volatile bool stop;

        [SetUp]
        public void StartCollecting()
        {
            stop = false;
            collector = new Thread(() =>
            {
                for (int round = 0; !stop; round++)
                {
                    GC.Collect(round % 16 == 0 ? 2 : 0);
                    GC.WaitForPendingFinalizers();
                    // Without the pause Mono hardly lets another thread run.
                    if (round % 8 == 0) Thread.Sleep(1);
                }
            });
            collector.Start();
        }

        [TearDown]
        public void StopCollecting()
        {
            stop = true;
            Assert.That(collector.Join(Patience));
        }

        [Test]
        public void TenThousandCallbacks()
        {
            int[] completed = new int[Requests];
            int started = GC.CollectionCount(0), done = 0, wrong = 0;
            Options options = Given();
            options.MaxQueue = Requests;
            options.ReplyTimeout = TimeSpan.FromMinutes(2); // while garbage is collected, a busy machine may answer later
            using (Client client = new Client(options))
            {
                for (int number = 0; number < Requests; number++)
                {
                    int mine = number; // each callback is a separate object without other references
                    client.GetCapitalDistribution("HK.00700", reply =>
                    {
                        byte[] garbage = new byte[256];
                        if (reply.Status != Status.Ok || reply.Value.CapitalInBig != 859479380) Interlocked.Increment(ref wrong);
                        if (mine % 1000 == 0) GC.Collect();
                        Interlocked.Increment(ref completed[mine]);
                        Interlocked.Increment(ref done);
                        GC.KeepAlive(garbage);
                    });
                }
                Assert.That(Within(60, () => Volatile.Read(ref done) >= Requests), done + " are done");
            }
            Assert.That(wrong, Is.EqualTo(0));
            Assert.That(completed, Is.All.EqualTo(1));
            Assert.That(GC.CollectionCount(0) - started, Is.GreaterThan(20), "the collector did not run");
        }

        [Test]
        public async Task TenThousandTasks()
        {
            int started = GC.CollectionCount(0);
            using (Client client = new Client(Given()))
            {
                for (int round = 0; round < Requests / 100; round++)
                {
                    CapitalDistribution[] all = await Task.WhenAll(
                        Enumerable.Range(0, 100).Select(i => client.GetCapitalDistributionAsync("HK.00700")));
                    Assert.That(all.All(it => it.CapitalInBig == 859479380));
                }
            }
            Assert.That(GC.CollectionCount(0) - started, Is.GreaterThan(20), "the collector did not run");
        }

        [Test]
        public void ACallbackHoldsUpNoCollection()
        {
            foreach (bool busy in new[] { true, false })
            {
                bool leave = false;
                using (Client client = new Client(Given()))
                using (ManualResetEvent inside = new ManualResetEvent(false))
                {
                    client.GetCapitalDistribution("HK.00700", reply =>
                    {
                        inside.Set();
                        // Runs without calls and allocations, or sleeps.
                        while (!Volatile.Read(ref leave))
                        {
                            if (!busy) Thread.Sleep(1);
                        }
                    });
                    Assert.That(inside.WaitOne(Patience));
                    int before = GC.CollectionCount(0);
                    bool collected = Soon(() => GC.CollectionCount(0) > before + 5);
                    Volatile.Write(ref leave, true);
                    Assert.That(collected, "no collection beside it");
                }
            }
        }

        [Test]
        public void ClientsComeAndGo()
        {
            string[] threads = LibraryThreads();
            for (int round = 0; round < 100; round++)
            {
                using (Client client = new Client(Given())) client.FetchCapitalDistribution("HK.00700");
            }
            Assert.That(Soon(() => !LibraryThreads().Except(threads).Any())); // /proc may list it a moment longer
        }

        private static bool Within(int seconds, Func<bool> holds)
        {
            Stopwatch passed = Stopwatch.StartNew();
            while (!holds() && passed.Elapsed < TimeSpan.FromSeconds(seconds)) Thread.Sleep(2);
            return holds();
        }
    }
}
