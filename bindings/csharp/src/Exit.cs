using System;
using System.Collections.Generic;
using System.Threading;

namespace Capdist
{
    /// <summary>Closes all connections when a process on Mono exits. Mono 6.8 otherwise waits at exit, without a limit, for
    /// each thread that has run a callback and that Mono did not create (mono/mono#20466): forever, if a client is open. To the
    /// application it looks as on .NET, where such threads end with the process: callbacks no longer run, and other threads'
    /// waits do not return.
    /// </summary>
    internal static class Exit
    {
        /// <summary>The longest wait for a callback that does not return.</summary>
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

        /// <summary>Called before a connection is made.</summary>
        internal static void Opening(Callbacks connection)
        {
            if (!IsMono) return;
            lock (Open)
            {
                if (hasBegun) throw new InvalidOperationException("the process is exiting: no new connections");
                Open.Add(connection);
            }
        }

        /// <summary>Called after a connection was made. If the process began to exit meanwhile, it is closed at once.</summary>
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

        /// <summary>Called when a wait ended because of the exit. On a background thread it does not return before the process
        /// is gone, or within a limit, should somebody wait for that thread. Inside a callback it returns: it would delay the
        /// exit.
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
            // Inside a callback, release returns at once. Elsewhere each has a thread: a callback that hangs must delay neither
            // the others nor the exit.
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
