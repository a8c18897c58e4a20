using System;
using System.Collections.Generic;
using System.Threading;

namespace Capdist
{
    /// <summary>
    /// The end of a process on Mono. At exit Mono 6.8 waits, without a limit, until every thread that ever ran a callback and
    /// is not its own has ended (mono/mono#20466): with a client open, for ever. So there all that is open is closed when the
    /// process begins to exit, and to the program that looks as on .NET, where such threads just end with it: no callback
    /// runs any more, and what other threads wait for does not return.
    /// </summary>
    internal static class Exit
    {
        /// <summary>Longest a callback that does not return is waited for.</summary>
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

        private static readonly HashSet<Callbacks> Open = new HashSet<Callbacks>();
        private static readonly bool IsMono = Type.GetType("Mono.Runtime") != null;
        private static volatile bool hasBegun;
        private static Thread exiting;

        static Exit()
        {
            if (IsMono) AppDomain.CurrentDomain.ProcessExit += (sender, nothing) => CloseAll();
        }

        internal static bool HasBegun
        {
            get { return hasBegun; }
        }

        /// <summary>Before a connection is made.</summary>
        internal static void Opening(Callbacks connection)
        {
            if (!IsMono) return;
            lock (Open)
            {
                if (hasBegun) throw new InvalidOperationException("the process is exiting: no new connections");
                Open.Add(connection);
            }
        }

        /// <summary>After it was made; it is closed at once if that was too late.</summary>
        internal static void Opened(Callbacks connection, IntPtr conn)
        {
            if (!IsMono) return;
            lock (Open) connection.Conn = conn;
            if (hasBegun) Native.capdist_release(conn);
        }

        internal static void Closed(Callbacks connection)
        {
            if (!IsMono) return;
            lock (Open) Open.Remove(connection);
        }

        /// <summary>For a call that ends only because the process does: it does not return to a thread that ends with it.
        /// A limit, should somebody wait for that thread all the same. In a callback it would hold up the end itself.
        /// </summary>
        internal static void Vanish()
        {
            if (!hasBegun || Callbacks.IsRunning || Thread.CurrentThread == exiting) return;
            if (Thread.CurrentThread.IsBackground) Thread.Sleep(Patience);
        }

        private static void CloseAll()
        {
            List<IntPtr> open = new List<IntPtr>();
            lock (Open)
            {
                exiting = Thread.CurrentThread;
                hasBegun = true;
                foreach (Callbacks connection in Open)
                {
                    if (connection.Conn != IntPtr.Zero) open.Add(connection.Conn);
                }
            }
            // Inside a callback nothing waits for one. Elsewhere one that hangs must hold up no other's end, nor the exit.
            if (Callbacks.IsRunning)
            {
                foreach (IntPtr conn in open) Native.capdist_release(conn);
                return;
            }
            List<Thread> closing = new List<Thread>();
            foreach (IntPtr conn in open)
            {
                Thread thread = new Thread(() => Native.capdist_release(conn)) { IsBackground = true };
                thread.Start();
                closing.Add(thread);
            }
            DateTime deadline = DateTime.UtcNow + Patience;
            foreach (Thread thread in closing)
            {
                TimeSpan left = deadline - DateTime.UtcNow;
                thread.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }
        }
    }
}
