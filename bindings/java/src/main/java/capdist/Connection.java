package capdist;

import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * A connection of the C library's, and how its callbacks find their way.
 *
 * <p>C gets a number for its user data, which is looked up here, and never an address of the heap's: nothing that the garbage
 * collector moves or frees is in C's hands. The C functions themselves are one for each kind, kept as long as this class.
 */
final class Connection {
    /** Connections whose last callback has not come. */
    private static final Map<Long, Connection> CONNECTIONS = new ConcurrentHashMap<>();
    /** Requests that have not ended. */
    private static final Map<Long, Request> REQUESTS = new ConcurrentHashMap<>();

    private static final Listener NOBODY = new Listener() {};
    private static final AtomicLong TOKENS = new AtomicLong();
    private static final Endings FUTURES = new Endings("capdist-futures");
    /** Set on threads of the library's, whose Java code all runs inside callbacks. */
    private static final ThreadLocal<Boolean> IN_CALLBACK = new ThreadLocal<>();

    static final Abi.ReplyFn ON_REPLY = (conn, serialNo, reply, token) -> answered(token, reply);
    static final Abi.ProtoFn ON_PROTO_REPLY = (conn, serialNo, reply, token) -> answered(token, reply);
    private static final Abi.InitConnectFn ON_INIT_CONNECT = (conn, errCode, desc, token) ->
            called(token, conn, one -> one.initConnected(errCode, CapdistLibrary.text(desc)));
    private static final Abi.DisconnectFn ON_DISCONNECT = (conn, errCode, desc, token) ->
            called(token, conn, one -> one.disconnected(errCode, CapdistLibrary.text(desc)));
    private static final Abi.AttemptFailedFn ON_ATTEMPT_FAILED = (conn, errCode, desc, token) -> called(
            token, conn, one -> one.listener.onAttemptFailed(one.client, errCode, CapdistLibrary.text(desc)));
    private static final Abi.PushFn ON_PUSH = (conn, protoId, body, length, token) -> called(
            token, conn, one -> one.listener.onPush(one.client, protoId, CapdistLibrary.bytes(body, length)));
    private static final Abi.LogFn ON_LOG = (conn, level, message, token) -> called(
            token, conn, one -> one.listener.onLog(one.client, Listener.LogLevel.of(level), CapdistLibrary.text(message)));
    private static final Abi.ClosedFn ON_CLOSED = Connection::closed;

    static {
        // Attached once, at the thread's first callback, and as a daemon, so that no connection keeps the JVM from ending.
        // The last callback detaches it.
        CallbackThreadInitializer attached = new CallbackThreadInitializer(true, false, "capdist");
        Native.setCallbackThreadInitializer(ON_REPLY, attached);
        Native.setCallbackThreadInitializer(ON_PROTO_REPLY, attached);
        Native.setCallbackThreadInitializer(ON_INIT_CONNECT, attached);
        Native.setCallbackThreadInitializer(ON_DISCONNECT, attached);
        Native.setCallbackThreadInitializer(ON_ATTEMPT_FAILED, attached);
        Native.setCallbackThreadInitializer(ON_PUSH, attached);
        Native.setCallbackThreadInitializer(ON_LOG, attached);
        Native.setCallbackThreadInitializer(ON_CLOSED, attached);
    }

    private record Request(Connection connection, Consumer<Pointer> sink) {}

    /** Makes a request of C's, with this as its user data. */
    interface Call {
        int make(long conn, long token);
    }

    private final Client client;
    private final Listener listener;
    /** Of futures whose request has ended, and who have not. */
    private final Set<Runnable> endings = ConcurrentHashMap.newKeySet();
    private final ClassLoader classLoader = Thread.currentThread().getContextClassLoader();
    /** Whether a close saw to the futures: what depends on one may close, too. */
    private final AtomicBoolean areEnded = new AtomicBoolean();
    /** Guarded by this: how often the gateway was reached, lost or given up. */
    private long changes;

    private volatile long handle;

    Connection(Client client, Listener listener) {
        this.client = client;
        this.listener = listener != null ? listener : NOBODY;
    }

    /** Starts to connect. Callbacks may come before this returns: the client must be whole by now. */
    void start(Options options) {
        long token = TOKENS.incrementAndGet();
        CapdistLibrary.RawOptions raw = options.raw();
        try {
            raw.user_data = token;
            raw.on_init_connect = ON_INIT_CONNECT;
            raw.on_disconnect = ON_DISCONNECT;
            raw.on_push = listener != NOBODY ? ON_PUSH : null;
            raw.on_log = listener != NOBODY ? ON_LOG : null;
            raw.on_closed = ON_CLOSED;
            // An older library refuses what it does not know.
            if (Abi.Since1_1.IS_THERE) {
                raw.on_attempt_failed = listener != NOBODY ? ON_ATTEMPT_FAILED : null;
                // As the virtual machine gives its own threads.
                raw.thread_stack_bytes = 1024 * 1024;
            }
            LongByReference conn = new LongByReference();
            CONNECTIONS.put(token, this);
            CapdistLibrary.check(Abi.capdist_init_connect(raw, conn));
            handle = conn.getValue();
        } catch (Throwable refused) {
            CONNECTIONS.remove(token);
            throw refused;
        } finally {
            raw.wipe();
        }
    }

    /** The C handle. It stays safe to pass when the connection is gone. */
    long handle() {
        return handle;
    }

    /** Makes a request; {@code sink} gets C's reply exactly once, unless this throws. */
    void request(Consumer<Pointer> sink, Call call) {
        long token = TOKENS.incrementAndGet();
        REQUESTS.put(token, new Request(this, sink));
        boolean isAccepted = false;
        try {
            CapdistLibrary.check(call.make(handle, token));
            isAccepted = true;
        } finally {
            if (!isAccepted) REQUESTS.remove(token);
        }
    }

    /** Waits until the connection is established. Not inside C, where no interrupt reaches a thread. */
    void waitReady(int timeoutMs) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        refuseInCallback();
        while (true) {
            long seen;
            synchronized (this) {
                seen = changes;
            }
            if (Abi.capdist_wait_ready(handle, 0) == Status.OK.number()) return;
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime() + 999_999);
            if (left <= 0 || info().state == Abi.STATE_NOT_CONNECTED) {
                CapdistLibrary.check(Abi.capdist_wait_ready(handle, 0));
                return;
            }
            synchronized (this) {
                if (changes == seen) wait(left);
            }
        }
    }

    Abi.ConnectionInfo info() {
        Abi.ConnectionInfo raw = new Abi.ConnectionInfo();
        CapdistLibrary.check(Abi.capdist_get_connection_info(handle, raw));
        return raw;
    }

    /** Ends a future where what depends on it may wait: not on this thread, which brings the answers. */
    void end(Runnable ending) {
        endings.add(ending);
        try {
            FUTURES.execute(() -> {
                Thread.currentThread().setContextClassLoader(classLoader);
                finish(ending);
            });
        } catch (Throwable noThread) { // better here than never
            finish(ending);
        }
    }

    private void finish(Runnable ending) {
        // Ended before it is taken off: close() looks for what is left, and both may end it.
        ending.run();
        endings.remove(ending);
    }

    /**
     * Closes; outside callbacks it returns when all is over. Harmless to repeat. While the JVM shuts down it waits no longer than
     * two seconds: a callback that called {@code System.exit} waits for the shutdown hooks, of which this may be one.
     */
    void release() {
        if (IN_CALLBACK.get() != null) {
            Abi.capdist_release(handle);
            return;
        }
        releaseAndWait();
        // Every request has ended; so have the futures when this returns.
        if (!areEnded.getAndSet(true)) endings.forEach(this::finish);
    }

    private void releaseAndWait() {
        if (!isExiting()) {
            Abi.capdist_release(handle);
            return;
        }
        Thread release = new Thread(() -> Abi.capdist_release(handle), "capdist-release");
        release.setDaemon(true);
        release.start();
        try {
            release.join(2000);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the JVM shuts down: then it takes no more hooks. */
    private static boolean isExiting() {
        Thread hook = new Thread(() -> {});
        try {
            Runtime.getRuntime().addShutdownHook(hook);
            Runtime.getRuntime().removeShutdownHook(hook);
            return false;
        } catch (IllegalStateException exiting) {
            return true;
        }
    }

    /** Throws in a callback, where a wait would be for the thread that it is on. */
    static void refuseInCallback() {
        if (IN_CALLBACK.get() != null) {
            throw new CapdistException(
                    Status.WOULD_DEADLOCK, "this would wait for the thread it is on: do not wait inside a callback");
        }
    }

    // On the connection's thread

    private static void answered(long token, Pointer reply) {
        Request request = REQUESTS.remove(token);
        if (request != null) request.connection.run(() -> request.sink.accept(reply));
    }

    private static void called(long token, long conn, Consumer<Connection> body) {
        Connection connection = CONNECTIONS.get(token);
        if (connection == null) return;
        // The call that makes the connection may not have returned yet.
        connection.handle = conn;
        connection.run(() -> body.accept(connection));
    }

    private static void closed(long token) {
        Connection connection = CONNECTIONS.remove(token);
        if (connection != null) {
            connection.changed();
            connection.run(() -> connection.listener.onClosed(connection.client));
        }
        Native.detach(true);
    }

    private void initConnected(long errCode, String desc) {
        changed();
        listener.onInitConnect(client, errCode, desc);
    }

    private void disconnected(long errCode, String desc) {
        changed();
        listener.onDisconnect(client, errCode, desc);
    }

    private synchronized void changed() {
        changes++;
        notifyAll();
    }

    /** Runs what the application gave. Nothing that it throws may reach the C frames that called. */
    private void run(Runnable body) {
        try {
            if (IN_CALLBACK.get() == null) {
                IN_CALLBACK.set(true);
                // As of a thread that the application had started where it made the connection.
                Thread.currentThread().setContextClassLoader(classLoader);
            }
            body.run();
        } catch (Throwable thrown) {
            report(thrown);
        }
    }

    static void report(Throwable thrown) {
        try {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
        } catch (Throwable nobodyLeftToTell) { // as for any thread
        }
    }
}
