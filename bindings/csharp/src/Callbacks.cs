using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Capdist
{
    /// <summary>The functions that C calls. Their delegates are static, so they live as long as C may call them. `user_data` is
    /// a GCHandle, which keeps alive what belongs to a connection or a request. The last call with it frees it. Each function
    /// catches all exceptions: an exception must not unwind frames of C.</summary>
    internal sealed unsafe class Callbacks
    {
        /// <summary>A request that has not completed. It keeps its client alive, whose finaliser would end the
        /// request.</summary>
        private sealed class Pending<T>
        {
            internal readonly Client Client;
            internal readonly Action<T> Body;

            internal Pending(Client client, Action<T> body)
            {
                Client = client;
                Body = body;
            }
        }

        private static readonly Native.capdist_reply_fn ReplyFn = Replied;
        private static readonly Native.capdist_proto_fn ProtoFn = ProtoReplied;
        private static readonly Native.capdist_init_connect_fn InitConnectFn = InitConnected;
        private static readonly Native.capdist_disconnect_fn DisconnectFn = Disconnected;
        private static readonly Native.capdist_attempt_failed_fn AttemptFailedFn = AttemptFailed;
        private static readonly Native.capdist_push_fn PushFn = Pushed;
        private static readonly Native.capdist_log_fn LogFn = Logged;
        private static readonly Native.capdist_closed_fn ClosedFn = Closed;

        internal static readonly IntPtr OnReply = Marshal.GetFunctionPointerForDelegate(ReplyFn);
        internal static readonly IntPtr OnProtoReply = Marshal.GetFunctionPointerForDelegate(ProtoFn);
        private static readonly IntPtr OnInitConnect = Marshal.GetFunctionPointerForDelegate(InitConnectFn);
        private static readonly IntPtr OnDisconnect = Marshal.GetFunctionPointerForDelegate(DisconnectFn);
        private static readonly IntPtr OnAttemptFailed = Marshal.GetFunctionPointerForDelegate(AttemptFailedFn);
        private static readonly IntPtr OnPush = Marshal.GetFunctionPointerForDelegate(PushFn);
        private static readonly IntPtr OnLog = Marshal.GetFunctionPointerForDelegate(LogFn);
        private static readonly IntPtr OnClosed = Marshal.GetFunctionPointerForDelegate(ClosedFn);

        /// <summary>Set on the connections' threads. All C# code on them runs inside callbacks.</summary>
        [ThreadStatic] internal static bool IsRunning;

        private readonly Options given;
        /// <summary>A weak reference, so that a client without other references is finalised, which closes it.</summary>
        private readonly WeakReference<Client> client;

        private GCHandle handle;

        /// <summary>The handle; zero until the connection is made. Used by Exit, under its lock.</summary>
        internal IntPtr Conn;

        private Callbacks(Client client, Options given)
        {
            this.client = new WeakReference<Client>(client);
            this.given = given;
        }

        /// <summary>Sets the callbacks and `user_data` in `raw`. The on_closed callback frees `user_data`, or
        /// <see cref="Refused"/> if the connection is not made.</summary>
        internal static Callbacks Install(Client client, Options given, Native.capdist_options* raw)
        {
            Callbacks callbacks = new Callbacks(client, given);
            Exit.Opening(callbacks);
            callbacks.handle = GCHandle.Alloc(callbacks);
            if (given.OnInitConnect != null) raw->on_init_connect = OnInitConnect;
            if (given.OnDisconnect != null) raw->on_disconnect = OnDisconnect;
            if (given.OnPush != null) raw->on_push = OnPush;
            if (given.OnLog != null) raw->on_log = OnLog;
            raw->on_closed = OnClosed;
            // An older library refuses fields that it does not know.
            if (Native.IsAtLeast(1))
            {
                if (given.OnAttemptFailed != null) raw->on_attempt_failed = OnAttemptFailed;
                // The runtime's default stack size.
                raw->thread_stack_bytes = 1536 * 1024;
            }
            raw->user_data = GCHandle.ToIntPtr(callbacks.handle);
            return callbacks;
        }

        /// <summary>The connection was not made, so on_closed is not called.</summary>
        internal void Refused()
        {
            Exit.Closed(this);
            handle.Free();
        }

        /// <summary>A `user_data` for a request. The request's callback frees it, or the caller if the request is
        /// refused.</summary>
        internal static GCHandle Wait<T>(Client client, Action<T> body)
        {
            return GCHandle.Alloc(new Pending<T>(client, body));
        }

        private static void Replied(IntPtr conn, uint serialNo, Native.capdist_reply* reply, IntPtr userData)
        {
            Pending<Reply> pending = Take<Pending<Reply>>(userData);
            if (Exit.HasBegun) return;
            try
            {
                pending.Body(new Reply(reply));
            }
            catch (Exception thrown)
            {
                Client.Report(pending.Client, thrown);
            }
        }

        private static void ProtoReplied(IntPtr conn, uint serialNo, Native.capdist_proto_reply* reply, IntPtr userData)
        {
            Pending<ProtoReply> pending = Take<Pending<ProtoReply>>(userData);
            if (Exit.HasBegun) return;
            try
            {
                pending.Body(new ProtoReply(reply));
            }
            catch (Exception thrown)
            {
                Client.Report(pending.Client, thrown);
            }
        }

        private static void InitConnected(IntPtr conn, long errCode, byte* desc, IntPtr userData)
        {
            Callbacks mine = Of(userData);
            Client sender = mine.Sender(conn);
            if (sender == null) return;
            try
            {
                mine.given.OnInitConnect(sender, errCode, Native.Text(desc));
            }
            catch (Exception thrown)
            {
                Client.Report(sender, thrown);
            }
        }

        private static void Disconnected(IntPtr conn, long errCode, byte* desc, IntPtr userData)
        {
            Callbacks mine = Of(userData);
            Client sender = mine.Sender(conn);
            if (sender == null) return;
            try
            {
                mine.given.OnDisconnect(sender, errCode, Native.Text(desc));
            }
            catch (Exception thrown)
            {
                Client.Report(sender, thrown);
            }
        }

        private static void AttemptFailed(IntPtr conn, long errCode, byte* desc, IntPtr userData)
        {
            Callbacks mine = Of(userData);
            Client sender = mine.Sender(conn);
            if (sender == null) return;
            try
            {
                mine.given.OnAttemptFailed(sender, errCode, Native.Text(desc));
            }
            catch (Exception thrown)
            {
                Client.Report(sender, thrown);
            }
        }

        private static void Pushed(IntPtr conn, uint protoId, byte* body, UIntPtr length, IntPtr userData)
        {
            Callbacks mine = Of(userData);
            Client sender = mine.Sender(conn);
            if (sender == null) return;
            try
            {
                mine.given.OnPush(sender, protoId, Native.Bytes(body, length));
            }
            catch (Exception thrown)
            {
                Client.Report(sender, thrown);
            }
        }

        private static void Logged(IntPtr conn, int level, byte* message, IntPtr userData)
        {
            Callbacks mine = Of(userData);
            Client sender = mine.Sender(conn);
            if (sender == null) return;
            try
            {
                mine.given.OnLog(sender, (LogLevel)level, Native.Text(message));
            }
            catch (Exception thrown)
            {
                Client.Report(sender, thrown);
            }
        }

        private static void Closed(IntPtr userData)
        {
            Callbacks mine = Take<Callbacks>(userData);
            Exit.Closed(mine);
            if (Exit.HasBegun) return;
            try
            {
                mine.given.OnClosed?.Invoke();
            }
            catch (Exception thrown)
            {
                Client.Report(null, thrown);
            }
        }

        private static Callbacks Of(IntPtr userData)
        {
            IsRunning = true;
            return (Callbacks)GCHandle.FromIntPtr(userData).Target;
        }

        /// <summary>The object of `user_data`, which is freed: for the last call with it.</summary>
        private static T Take<T>(IntPtr userData)
        {
            IsRunning = true;
            GCHandle handle = GCHandle.FromIntPtr(userData);
            T taken = (T)handle.Target;
            handle.Free();
            return taken;
        }

        /// <summary>The client; null if it is about to be finalised, or the process is exiting.</summary>
        private Client Sender(IntPtr from)
        {
            Client sender;
            if (!client.TryGetTarget(out sender) || Exit.HasBegun) return null;
            // The first callback may run before the constructor has stored the handle.
            sender.Conn = from;
            return sender;
        }
    }
}
