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

        /// <summary>Where a gateway of the suite's listens; the Makefile tells which there are.</summary>
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

        /// <summary>Without a quota, in a group of its own so that tests do not meet in one.</summary>
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

        /// <summary>The library's threads in this process, by the name it gives them. One that was joined may stay among them
        /// for a moment.</summary>
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

        /// <summary>Runs it where no stack keeps what it made.</summary>
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

    /// <summary>Hears what callbacks throw, while it is used.</summary>
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
