using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace Capdist.Tests
{
    internal static class Support
    {
        internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
        private static int groups;

        /// <summary>The port of one of the suite's gateways. The Makefile starts them.</summary>
        internal static int Port(string name = "CAPDIST_PORT")
        {
            string text = Environment.GetEnvironmentVariable(name);
            Assert.That(text, Is.Not.Null, name + " tells where a simulator listens");
            return int.Parse(text);
        }

        internal static string RsaKeyFile
        {
            get { return Environment.GetEnvironmentVariable("CAPDIST_RSA_KEY"); }
        }

        /// <summary>Options without a quota, with a quota group of their own, so that tests do not share a quota.</summary>
        internal static Options Given(string port = "CAPDIST_PORT")
        {
            return new Options
            {
                Port = Port(port), QuotaRequests = 0, QuotaGroup = "test-" + Interlocked.Increment(ref groups)
            };
        }

        internal static bool Soon(Func<bool> holds)
        {
            Stopwatch passed = Stopwatch.StartNew();
            while (!holds() && passed.Elapsed < Patience) Thread.Sleep(2);
            return holds();
        }

        /// <summary>The connections' threads of this process, by their name. /proc may list an ended thread for a
        /// moment.</summary>
        internal static string[] LibraryThreads()
        {
            return Directory.GetDirectories("/proc/self/task").Where(task =>
            {
                try
                {
                    return File.ReadAllText(task + "/comm").Trim() == "capdist";
                }
                catch (IOException)
                {
                    return false; // it has just ended
                }
            }).ToArray();
        }

        /// <summary>Runs the action on another thread, so that no stack keeps references to what it made.</summary>
        internal static void Elsewhere(Action body)
        {
            Exception thrown = null;
            Thread thread = new Thread(() =>
            {
                try
                {
                    body();
                }
                catch (Exception exception)
                {
                    thrown = exception;
                }
            });
            thread.Start();
            Assert.That(thread.Join(Patience), "it does not end");
            if (thrown != null) throw new Exception("elsewhere: " + thrown.Message, thrown);
        }
    }

    /// <summary>Collects what callbacks throw, until it is disposed.</summary>
    internal sealed class Reports : IDisposable
    {
        private readonly System.Collections.Generic.List<Tuple<object, Exception>> heard =
            new System.Collections.Generic.List<Tuple<object, Exception>>();

        internal Reports()
        {
            Client.CallbackException += Hear;
        }

        internal Tuple<object, Exception>[] All
        {
            get { lock (heard) return heard.ToArray(); }
        }

        private void Hear(object sender, ThreadExceptionEventArgs told)
        {
            lock (heard) heard.Add(Tuple.Create(sender, told.Exception));
        }

        public void Dispose()
        {
            Client.CallbackException -= Hear;
        }
    }
}
