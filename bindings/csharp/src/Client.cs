#define TRACE // without it the compiler removes calls of Trace
using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Capdist
{
    /// <summary>A connection to a gateway, and the requests over it. Requests may be made right away: they are queued until
    /// the connection is established. Every member may be called from any thread, and from inside callbacks, except the two
    /// that wait: <see cref="WaitReady"/> and <see cref="FetchCapitalDistribution"/> throw <see cref="Status.WouldDeadlock"/>
    /// there.
    /// <para>Callbacks run on the connection's thread, one at a time. Code after an await never runs there. Dispose each
    /// client. A client without references also closes when it is garbage-collected, but not before its requests have
    /// completed. After <see cref="Dispose"/> every call throws ObjectDisposedException.</para>
    /// </summary>
    public sealed unsafe class Client : IDisposable
    {
        /// <summary>A callback of any client of the process threw. Raised on the connection's thread, where nothing else
        /// changes. The sender is the client, or null if it is closed. Without a handler the exception goes to
        /// System.Diagnostics.Trace. What a handler throws is dropped.</summary>
        public static event EventHandler<ThreadExceptionEventArgs> CallbackException;

        private IntPtr conn;

        internal IntPtr Conn
        {
            private get { return Volatile.Read(ref conn); }
            set { Volatile.Write(ref conn, value); }
        }

        /// <summary>Starts to connect with the default options, and returns at once.</summary>
        public Client() : this(new Options())
        {
        }

        /// <summary>Starts to connect to that host, with the default options otherwise.</summary>
        public Client(string host) : this(new Options { Host = host })
        {
        }

        /// <summary>Starts to connect to that address, with the default options otherwise.</summary>
        public Client(string host, int port) : this(new Options { Host = host, Port = port })
        {
        }

        /// <summary>Starts to connect, and returns at once. The result goes to <see cref="Options.OnInitConnect"/>.</summary>
        /// <exception cref="ArgumentException">An option is not valid, or an open client has another quota for the
        /// group.</exception>
        /// <exception cref="NotSupportedException">This version of the library does not have an option.</exception>
        /// <exception cref="InvalidOperationException">On Mono: the process is exiting.</exception>
        public Client(Options options)
        {
            if (options == null) throw new ArgumentNullException(nameof(options));
            using (Texts texts = new Texts())
            {
                Options given = options.Copy();
                Native.capdist_options raw = given.Raw(texts);
                // The callbacks do not need the keys.
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

        /// <summary>Closes on another thread: a finaliser must not wait for a callback.</summary>
        ~Client()
        {
            IntPtr left = Conn;
            if (left == IntPtr.Zero || Environment.HasShutdownStarted || Exit.HasBegun) return;
            ThreadPool.QueueUserWorkItem(ignored => Native.capdist_release(left));
        }

        /// <summary>Closes the connection. Each request that is queued or in flight completes as <see cref="Status.Released"/>.
        /// Then <see cref="Options.OnClosed"/> is called. Outside callbacks it returns after all that, when the connection's
        /// thread has ended. Inside a callback it returns at once, and the rest happens after that callback. Calling it again
        /// is harmless.</summary>
        public void Dispose()
        {
            Native.capdist_release(Conn);
            GC.SuppressFinalize(this);
        }

        /// <summary>Waits until the connection is established. If an attempt fails and another one follows, it goes on waiting.
        /// The timeout is at most an hour; zero: does not wait.</summary>
        /// <exception cref="CapdistException">The timeout passed, or the connection failed permanently; the status is the
        /// cause.
        /// </exception>
        public void WaitReady(TimeSpan timeout)
        {
            CapdistException.Check(Native.capdist_wait_ready(Conn, Native.Milliseconds(timeout)));
            GC.KeepAlive(this);
        }

        /// <summary>The same as a task, which takes a thread of its own while it waits.</summary>
        public Task WaitReadyAsync(TimeSpan timeout)
        {
            return Task.Factory.StartNew(
                () => WaitReady(timeout), CancellationToken.None,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }

        /// <summary>Requests a stock's capital distribution. The task fails with <see cref="RequestException"/> if the request
        /// completes without figures. If the request is refused, it fails as <see cref="GetCapitalDistribution"/> throws. A
        /// cancelled request that was sent keeps its quota slot.</summary>
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

        /// <summary>The same with a callback. It receives the reply exactly once, on the connection's thread. Returns the
        /// request's serial number, never 0.</summary>
        /// <exception cref="ArgumentException">The security or an option is not valid.</exception>
        /// <exception cref="CapdistException">The request was refused: the queue is full, the connection has failed
        /// permanently, or with <see cref="QuotaMode.Fail"/> no slot of the quota is free.</exception>
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

        /// <summary>Requests a stock's capital distribution, and waits for it: at most the queue timeout plus the reply
        /// timeout.
        /// </summary>
        /// <exception cref="RequestException">The request completed without figures. Otherwise it throws as
        /// <see cref="GetCapitalDistribution"/>.</exception>
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

        /// <summary>Sends any other request as raw protobuf. The task fails with <see cref="ProtoRequestException"/> unless the
        /// status is Ok. The library's own protocols, such as InitConnect and KeepAlive, are refused.</summary>
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

        /// <summary>The same with a callback. Returns the serial number, and throws as <see cref="GetCapitalDistribution"/>.
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

        /// <summary>Ends a request that is queued or in flight. It completes as <see cref="Status.Cancelled"/>. Returns false
        /// if no such request is queued or in flight.</summary>
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

        /// <summary>The state of the connection's quota group.</summary>
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
                // The handler threw, too: its exception is dropped.
            }
        }

        private static bool IsCancelled(Status status, CancellationToken token)
        {
            return status == Status.Cancelled && token.IsCancellationRequested;
        }

        /// <summary>A task that the request completes. Code that awaits it runs on another thread than the connection's, which
        /// it would delay.</summary>
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

        /// <summary>The serial number of an accepted request. If it was refused, frees `pending` and throws.</summary>
        private static uint Accepted(GCHandle pending, int result, uint* serialNo)
        {
            if (result == 0) return *serialNo;
            Exception why = CapdistException.Of(result);
            pending.Free();
            throw why;
        }
    }
}
