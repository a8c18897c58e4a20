#define TRACE // or the compiler leaves Trace's calls out
using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Capdist
{
    /// <summary>
    /// A connection to an OpenD gateway. Every member may be called from any thread and in any callback, but for the two
    /// that wait (<see cref="WaitReady"/>, <see cref="FetchCapitalDistribution"/>), which throw there:
    /// <see cref="Status.WouldDeadlock"/>.
    /// <para>Callbacks run on the connection's own thread, one at a time; what awaits a task does not go on there, but where
    /// awaiting goes on anywhere. A client that nobody holds any more closes once it is collected, not before its requests
    /// have ended. After <see cref="Dispose"/> every call throws ObjectDisposedException.</para>
    /// </summary>
    public sealed unsafe class Client : IDisposable
    {
        /// <summary>What a callback threw, of any client in the process; the sender is the client, or null once it is
        /// closed. On the connection's thread, which goes on unharmed. While nobody listens, it goes to
        /// System.Diagnostics.Trace; what a listener throws is dropped.</summary>
        public static event EventHandler<ThreadExceptionEventArgs> CallbackException;

        private IntPtr conn;

        internal IntPtr Conn
        {
            private get { return Volatile.Read(ref conn); }
            set { Volatile.Write(ref conn, value); }
        }

        /// <summary>For a gateway at the default place, all else as by default.</summary>
        public Client() : this(new Options())
        {
        }

        /// <summary>For a gateway of that host at the default port, all else as by default.</summary>
        public Client(string host) : this(new Options { Host = host })
        {
        }

        /// <summary>For a gateway elsewhere, all else as by default.</summary>
        public Client(string host, int port) : this(new Options { Host = host, Port = port })
        {
        }

        /// <summary>Starts connecting and returns: requests may be made right away, and wait for the connection.</summary>
        /// <exception cref="ArgumentException">An option is not valid, or at odds with an open client's quota.</exception>
        /// <exception cref="NotSupportedException">An option is not in this version of the library.</exception>
        /// <exception cref="InvalidOperationException">On Mono: the process is exiting.</exception>
        public Client(Options options)
        {
            if (options == null) throw new ArgumentNullException(nameof(options));
            using (Texts texts = new Texts())
            {
                Options given = options.Copy();
                Native.capdist_options raw = given.Raw(texts);
                // The callbacks need no key.
                given.RsaPrivateKey = given.WebSocketKey = null;
                Callbacks callbacks = Callbacks.Install(this, given, &raw);
                IntPtr made;
                int result = Native.capdist_init_connect(&raw, &made);
                if (result != 0)
                {
                    Exception why = CapdistException.Of(result);
                    callbacks.Refused();
                    throw why;
                }
                Conn = made;
                Exit.Opened(callbacks, made);
            }
        }

        /// <summary>Closes without being waited for: no finaliser may wait for a callback.</summary>
        ~Client()
        {
            IntPtr left = Conn;
            if (left == IntPtr.Zero || Environment.HasShutdownStarted || Exit.HasBegun) return;
            ThreadPool.QueueUserWorkItem(ignored => Native.capdist_release(left));
        }

        /// <summary>Closes. Requests under way end as <see cref="Status.Released"/>; outside callbacks no callback runs once
        /// this has returned, and no thread is left. Harmless to repeat.</summary>
        public void Dispose()
        {
            Native.capdist_release(Conn);
            GC.SuppressFinalize(this);
        }

        /// <summary>Waits until the connection is established; zero only looks.</summary>
        /// <exception cref="CapdistException">Why it is not established.</exception>
        public void WaitReady(TimeSpan timeout)
        {
            CapdistException.Check(Native.capdist_wait_ready(Conn, Native.Milliseconds(timeout)));
            GC.KeepAlive(this);
        }

        /// <summary>The same, on a thread of its own.</summary>
        public Task WaitReadyAsync(TimeSpan timeout)
        {
            return Task.Factory.StartNew(
                () => WaitReady(timeout), CancellationToken.None,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }

        /// <summary>A stock's capital distribution. The task fails with <see cref="RequestException"/> if there is none, and
        /// as <see cref="GetCapitalDistribution"/> throws if the request is refused. A request that is cancelled after it
        /// was sent keeps its slot of the quota.</summary>
        public Task<CapitalDistribution> GetCapitalDistributionAsync(
            Security security, RequestOptions options = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Promise<CapitalDistribution>(cancellationToken, promise => GetCapitalDistribution(security, reply =>
            {
                if (reply.Distribution != null) promise.TrySetResult(reply.Distribution);
                else if (IsCancelled(reply.Status, cancellationToken)) promise.TrySetCanceled(cancellationToken);
                else promise.TrySetException(new RequestException(reply));
            }, options));
        }

        /// <summary>The same for who does not want a task: the callback gets the reply exactly once, on the connection's
        /// thread. Returns the request's serial number, never 0.</summary>
        /// <exception cref="ArgumentException">The security or an option is not valid.</exception>
        /// <exception cref="CapdistException">The request was not accepted: the queue is full, there is no connection for
        /// good, or no slot of the quota is free and it is not to wait.</exception>
        /// <exception cref="ObjectDisposedException">The client is closed.</exception>
        public uint GetCapitalDistribution(Security security, Action<Reply> callback, RequestOptions options = null)
        {
            if (callback == null) throw new ArgumentNullException(nameof(callback));
            Native.capdist_security rawSecurity = security.Raw();
            Native.capdist_request_options rawOptions = RequestOptions.Raw(options);
            GCHandle pending = Callbacks.Wait(this, callback);
            uint serialNo;
            return Accepted(pending, Native.capdist_get_capital_distribution(
                Conn, &rawSecurity, &rawOptions, Callbacks.OnReply, GCHandle.ToIntPtr(pending), &serialNo), &serialNo);
        }

        /// <summary>The same, waited for at most the queue timeout plus the reply timeout.</summary>
        /// <exception cref="RequestException">There are no figures; else as <see cref="GetCapitalDistribution"/>.
        /// </exception>
        public CapitalDistribution FetchCapitalDistribution(Security security, RequestOptions options = null)
        {
            Native.capdist_security rawSecurity = security.Raw();
            Native.capdist_request_options rawOptions = RequestOptions.Raw(options);
            Native.capdist_reply* reply;
            int result = Native.capdist_fetch_capital_distribution(Conn, &rawSecurity, &rawOptions, &reply);
            GC.KeepAlive(this);
            if (reply == null) throw CapdistException.Of(result);
            if (reply->status == (int)Status.Released) Exit.Vanish();
            try
            {
                return new Reply(reply).Value;
            }
            finally
            {
                Native.capdist_reply_free(reply);
            }
        }

        /// <summary>Any other request as raw protobuf. The task fails with <see cref="ProtoRequestException"/> unless the
        /// status is Ok.</summary>
        public Task<ProtoReply> SendProtoAsync(
            uint protoId, byte[] body, RequestOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Promise<ProtoReply>(cancellationToken, promise => SendProto(protoId, body, reply =>
            {
                if (reply.Status == Status.Ok) promise.TrySetResult(reply);
                else if (IsCancelled(reply.Status, cancellationToken)) promise.TrySetCanceled(cancellationToken);
                else promise.TrySetException(new ProtoRequestException(reply));
            }, options));
        }

        /// <summary>The same with a callback; returns the serial number and throws as <see cref="GetCapitalDistribution"/>.
        /// </summary>
        public uint SendProto(uint protoId, byte[] body, Action<ProtoReply> callback, RequestOptions options = null)
        {
            if (body == null) throw new ArgumentNullException(nameof(body));
            if (callback == null) throw new ArgumentNullException(nameof(callback));
            Native.capdist_request_options rawOptions = RequestOptions.Raw(options);
            GCHandle pending = Callbacks.Wait(this, callback);
            uint serialNo;
            fixed (byte* bytes = body)
            {
                return Accepted(pending, Native.capdist_send_proto(
                    Conn, protoId, bytes, (UIntPtr)body.Length, &rawOptions, Callbacks.OnProtoReply,
                    GCHandle.ToIntPtr(pending), &serialNo), &serialNo);
            }
        }

        /// <summary>Ends a request that is under way: it completes as <see cref="Status.Cancelled"/>. False if there is none
        /// with that serial number any more.</summary>
        public bool Cancel(uint serialNo)
        {
            int result = Native.capdist_cancel(Conn, serialNo);
            GC.KeepAlive(this);
            if (result != (int)Status.NotFound) CapdistException.Check(result);
            return result == 0;
        }

        /// <summary>What is known of the connection.</summary>
        public ConnectionInfo GetConnectionInfo()
        {
            Native.capdist_connection_info raw;
            CapdistException.Check(
                Native.capdist_connection_info_init(&raw, (UIntPtr)sizeof(Native.capdist_connection_info)));
            CapdistException.Check(Native.capdist_get_connection_info(Conn, &raw));
            GC.KeepAlive(this);
            return new ConnectionInfo(&raw);
        }

        /// <summary>The quota of the connection's group.</summary>
        public Quota GetQuota()
        {
            Native.capdist_quota raw;
            CapdistException.Check(Native.capdist_quota_init(&raw, (UIntPtr)sizeof(Native.capdist_quota)));
            CapdistException.Check(Native.capdist_get_quota(Conn, &raw));
            GC.KeepAlive(this);
            return new Quota(&raw);
        }

        /// <summary>The library's version, such as "1.1.0".</summary>
        public static string Version
        {
            get { return Native.Text(Native.capdist_version()); }
        }

        internal static void Report(Client sender, Exception thrown)
        {
            try
            {
                EventHandler<ThreadExceptionEventArgs> listener = CallbackException;
                if (listener != null) listener(sender, new ThreadExceptionEventArgs(thrown));
                else Trace.TraceError("capdist: a callback threw {0}", thrown);
            }
            catch (Exception)
            {
                // There is nobody left to tell.
            }
        }

        private static bool IsCancelled(Status status, CancellationToken token)
        {
            return status == Status.Cancelled && token.IsCancellationRequested;
        }

        /// <summary>A task that `ask` is to end. It goes on elsewhere than on the connection's thread, which it would hold
        /// up.</summary>
        private Task<T> Promise<T>(CancellationToken token, Func<TaskCompletionSource<T>, uint> ask)
        {
            if (token.IsCancellationRequested) return Task.FromCanceled<T>(token);
            TaskCompletionSource<T> promise = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                uint serialNo = ask(promise);
                if (!token.CanBeCanceled) return promise.Task;
                IntPtr asked = Conn;
                CancellationTokenRegistration registration = token.Register(() => Native.capdist_cancel(asked, serialNo));
                promise.Task.ContinueWith(
                    ignored => registration.Dispose(), CancellationToken.None, TaskContinuationOptions.None,
                    TaskScheduler.Default);
            }
            catch (Exception refused)
            {
                promise.TrySetException(refused);
            }
            return promise.Task;
        }

        /// <summary>The serial number; throws, and lets go of what waits, if the request was refused.</summary>
        private static uint Accepted(GCHandle pending, int result, uint* serialNo)
        {
            if (result == 0) return *serialNo;
            Exception why = CapdistException.Of(result);
            pending.Free();
            throw why;
        }
    }
}
