package capdist;

import com.sun.jna.Pointer;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * A connection to a gateway, and the requests over it. Requests may be made right away: they are queued until the connection
 * is established.
 *
 * <p>Every method may be called from any thread, and from inside callbacks, except those that wait: {@link #waitReady},
 * {@link #fetchCapitalDistribution} and the waiting methods of futures throw {@link Status#WOULD_DEADLOCK} there. Callbacks
 * run one at a time on the connection's thread, a daemon named "capdist". Stages that depend on a future ({@code thenApply})
 * never run on that thread. They run on daemons named "capdist-futures", and may wait for other futures.
 *
 * <p>Close each client. A client that is not closed stays connected, and is not garbage-collected.
 */
public final class Client implements AutoCloseable {
    private static final int MAX_WAIT_MS = 3_600_000;

    private final Connection connection;

    /**
     * Starts to connect, and returns at once. The result goes to {@link Listener#onInitConnect}.
     *
     * @throws CapdistException the options were refused
     */
    public Client(Options options) {
        connection = new Connection(this, options.listener());
        connection.start(options);
    }

    /** Starts to connect to that address, with the default options. */
    public Client(String host, int port) {
        this(new Options().host(host).port(port));
    }

    /** The C library's version, such as "1.1.0". */
    public static String version() {
        return CapdistLibrary.text(Abi.capdist_version());
    }

    /**
     * Waits until the connection is established. If an attempt fails and another one follows, it goes on waiting.
     *
     * @param timeout at most an hour; zero: does not wait
     * @throws CapdistException the timeout passed, or the connection failed permanently; its status is the cause
     */
    public void waitReady(Duration timeout) throws InterruptedException {
        int ms = Options.milliseconds(timeout);
        if (ms < 0 || ms > MAX_WAIT_MS) {
            throw new CapdistException(Status.INVALID_ARGUMENT, "timeout is not from 0 to an hour");
        }
        connection.waitReady(ms);
    }

    /** The same for a text such as "HK.00700", with the connection's options. */
    public CompletableFuture<CapitalDistribution> getCapitalDistribution(String security) {
        return getCapitalDistribution(Security.parse(security), null);
    }

    /**
     * Requests a stock's capital distribution. The future completes exactly once: with the figures, or with a
     * {@link RequestException}, also when the client is closed. Cancelling the future ends the request. A request that was sent
     * keeps its quota slot.
     *
     * @param options options of this request; null: the connection's
     * @throws CapdistException the request was refused; there is no future
     */
    public CompletableFuture<CapitalDistribution> getCapitalDistribution(Security security, RequestOptions options) {
        return future(security, options, connection::complete);
    }

    /**
     * The same with a callback. It receives the reply exactly once, on the connection's thread. What it throws goes to that
     * thread's uncaught exception handler.
     *
     * @return the request's serial number, never 0, for {@link #cancel}
     */
    public long getCapitalDistribution(Security security, RequestOptions options, Consumer<Reply> callback) {
        if (callback == null) throw new CapdistException(Status.INVALID_ARGUMENT, "callback is null");
        return Integer.toUnsignedLong(ask(security, options, raw -> callback.accept(Reply.of(raw))));
    }

    /** The same for a text such as "HK.00700", with the connection's options. */
    public CapitalDistribution fetchCapitalDistribution(String security) throws InterruptedException {
        return fetchCapitalDistribution(Security.parse(security), null);
    }

    /**
     * Requests a stock's capital distribution, and waits for it: at most the queue timeout plus the reply timeout. An interrupt
     * ends the request.
     *
     * @throws RequestException the request completed without figures
     * @throws CapdistException the request was refused
     */
    public CapitalDistribution fetchCapitalDistribution(Security security, RequestOptions options)
            throws InterruptedException {
        Connection.refuseInCallback();
        // No stage depends on this future, so it may complete on the connection's thread.
        CompletableFuture<CapitalDistribution> future = future(security, options, Runnable::run);
        try {
            return future.get();
        } catch (InterruptedException interrupted) {
            future.cancel(true);
            throw interrupted;
        } catch (ExecutionException ended) {
            // A new exception has the stack trace of this caller.
            if (ended.getCause() instanceof RequestException why) throw new RequestException(why.reply());
            throw new IllegalStateException(ended.getCause());
        }
    }

    /**
     * Sends any other request as raw protobuf. The future completes with the reply, whatever its status is. The library's own
     * protocols, such as InitConnect and KeepAlive, are refused.
     *
     * @param options options of this request; null: the connection's
     */
    public CompletableFuture<ProtoReply> sendProto(int protoId, byte[] body, RequestOptions options) {
        if (body == null) throw new CapdistException(Status.INVALID_ARGUMENT, "body is null");
        RequestFuture<ProtoReply> future = new RequestFuture<>();
        int[] serialNo = new int[1];
        Abi.RequestOptions rawOptions = options != null ? options.raw() : null;
        connection.request(
                raw -> {
                    try {
                        ProtoReply reply = ProtoReply.of(raw);
                        connection.complete(() -> future.complete(reply));
                    } catch (Throwable failed) {
                        connection.complete(() -> future.completeExceptionally(failed));
                    }
                },
                (conn, token) -> Abi.capdist_send_proto(
                        conn, protoId, body, body.length, rawOptions, Connection.ON_PROTO_REPLY, token, serialNo));
        int number = serialNo[0];
        future.onCancel(() -> Abi.capdist_cancel(connection.handle(), number));
        return future;
    }

    /**
     * Ends a request that is queued or in flight. It completes as {@link Status#CANCELLED}.
     *
     * @throws CapdistException among others {@link Status#NOT_FOUND}: no such request is queued or in flight
     */
    public void cancel(long serialNo) {
        CapdistLibrary.check(Abi.capdist_cancel(connection.handle(), (int) serialNo));
    }

    /** What is known of the connection. */
    public ConnectionInfo connectionInfo() {
        Abi.ConnectionInfo raw = connection.info();
        return new ConnectionInfo(
                unsigned(raw.conn_id), unsigned(raw.login_user_id), raw.server_version, ConnectionInfo.State.of(raw.state));
    }

    /** The state of the connection's quota group. */
    public Quota quota() {
        Abi.Quota raw = new Abi.Quota();
        CapdistLibrary.check(Abi.capdist_get_quota(connection.handle(), raw));
        Optional<Duration> nextSlot =
                raw.next_slot_ms >= 0 ? Optional.of(Duration.ofMillis(raw.next_slot_ms)) : Optional.empty();
        return new Quota(raw.limit, Duration.ofMillis(raw.window_ms), raw.used, raw.waiting, nextSlot);
    }

    /**
     * Closes the connection. Each request that is queued or in flight completes as {@link Status#RELEASED}. Then
     * {@link Listener#onClosed} is called. Outside callbacks it returns after all that, when the connection's thread has ended.
     * Inside a callback it returns at once, and the rest happens after that callback. Calling it again is harmless. Every other
     * call throws {@link Status#RELEASED} from now on.
     */
    @Override
    public void close() {
        connection.release();
    }

    /** Makes a request, whose future is completed by {@code executor}. */
    private CompletableFuture<CapitalDistribution> future(Security security, RequestOptions options, Executor executor) {
        RequestFuture<CapitalDistribution> future = new RequestFuture<>();
        int serialNo = ask(security, options, raw -> {
            try {
                Reply reply = Reply.of(raw);
                if (reply.distribution().isPresent()) {
                    CapitalDistribution figures = reply.distribution().get();
                    executor.execute(() -> future.complete(figures));
                } else {
                    RequestException why = new RequestException(reply);
                    executor.execute(() -> future.completeExceptionally(why));
                }
            } catch (Throwable failed) {
                executor.execute(() -> future.completeExceptionally(failed));
            }
        });
        future.onCancel(() -> Abi.capdist_cancel(connection.handle(), serialNo));
        return future;
    }

    private int ask(Security security, RequestOptions options, Consumer<Pointer> sink) {
        if (security == null) throw new CapdistException(Status.INVALID_ARGUMENT, "security is null");
        byte[] rawSecurity = security.raw();
        Abi.RequestOptions rawOptions = options != null ? options.raw() : null;
        int[] serialNo = new int[1];
        connection.request(
                sink,
                (conn, token) -> Abi.capdist_get_capital_distribution(
                        conn, rawSecurity, rawOptions, Connection.ON_REPLY, token, serialNo));
        return serialNo[0];
    }

    private static BigInteger unsigned(long number) {
        BigInteger value = BigInteger.valueOf(number);
        return number >= 0 ? value : value.add(BigInteger.ONE.shiftLeft(Long.SIZE));
    }
}
