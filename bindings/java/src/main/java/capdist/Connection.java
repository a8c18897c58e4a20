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
 * A connection of the C library, with its callbacks.
 *
 * <p>The user data that C gets is a number, which is looked up here. It is never an address on the heap, since the garbage
 * collector moves and frees objects. There is one native function for each kind of callback. It lives as long as this class.
 */
final class Connection {
    /** By user data: connections for which onClosed has not been called. */
    private static final Map<Long, Connection> CONNECTIONS = new ConcurrentHashMap<>();
    /** By user data: requests that have not completed. */
    private static final Map<Long, Request> REQUESTS = new ConcurrentHashMap<>();

    private static final Listener NOBODY = new Listener() {};
    private static final AtomicLong TOKENS = new AtomicLong();
    private static final FutureExecutor FUTURES = new FutureExecutor("capdist-futures");
    /** Set on the connections' threads. All Java code on them runs inside callbacks. */
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
        // JNA attaches a connection's thread once, at its first callback. As a daemon it does not keep the JVM from ending. The
        // last callback detaches it.
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

    /** Calls the C function that makes a request, with the number as its user data. */
    interface Call {
        int make(long conn, long token);
    }

    private final Client client;
    private final Listener listener;
    /** What completes the futures of requests that have completed. Each stays here until it has run. */
    private final Set<Runnable> completions = ConcurrentHashMap.newKeySet();
    private final ClassLoader classLoader = Thread.currentThread().getContextClassLoader();
    /** Whether release() has completed those futures. A stage may close the client again, and must not run them twice. */
    private final AtomicBoolean areCompleted = new AtomicBoolean();
    /** Guarded by this: how often the state of the connection changed. */
    private long changes;

    private volatile long handle;

    Connection(Client client, Listener listener) {
        this.client = client;
        this.listener = listener != null ? listener : NOBODY;
    }

    /** Starts to connect. Callbacks may run before this returns, so the client must be initialised by now. */
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
            // An older library refuses fields that it does not know.
            if (Abi.Since1_1.IS_THERE) {
                raw.on_attempt_failed = listener != NOBODY ? ON_ATTEMPT_FAILED : null;
                // The default stack size of Java threads.
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

    /** The C handle. It is safe to use after the connection was released. */
    long handle() {
        return handle;
    }

    /** Makes a request. {@code sink} receives the C reply exactly once, unless this throws. */
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

    /** Waits until the connection is established. It waits in Java, since an interrupt does not end a wait in C. */
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

    /** Completes a future on a thread where its stages may wait: never on the connection's thread, which brings the answers. */
    void complete(Runnable completion) {
        completions.add(completion);
        try {
            FUTURES.execute(() -> {
                Thread.currentThread().setContextClassLoader(classLoader);
                finish(completion);
            });
        } catch (Throwable noThread) { // then on this thread
            finish(completion);
        }
    }

    private void finish(Runnable completion) {
        // Only then is it removed: close() completes what is left here, and running it twice does no harm.
        completion.run();
        completions.remove(completion);
    }

    /**
     * Closes the connection. Outside callbacks it returns when everything has completed. Calling it again is harmless. While the
     * JVM shuts down it waits at most two seconds: a callback that called {@code System.exit} waits for the shutdown hooks, and
     * this may run in one of them.
     */
    void release() {
        if (IN_CALLBACK.get() != null) {
            Abi.capdist_release(handle);
            return;
        }
        releaseAndWait();
        // Every request has completed. Its future completes before this returns, too.
        if (!areCompleted.getAndSet(true)) completions.forEach(this::finish);
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

    /** Whether the JVM is shutting down: then it refuses new hooks. */
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

    /** Throws inside a callback: a wait there would be for the thread that it runs on. */
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
        // capdist_init_connect() may not have returned yet.
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

    /** Runs code of the application. No exception may reach the C frames below. */
    private void run(Runnable body) {
        try {
            if (IN_CALLBACK.get() == null) {
                IN_CALLBACK.set(true);
                // A thread that the application starts inherits the class loader in the same way.
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
        } catch (Throwable ofHandler) { // the JVM ignores what a handler throws, too
        }
    }
}
