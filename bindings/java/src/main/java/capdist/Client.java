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
 * A connection to a gateway, and requests over it. Requests may be made right away: they wait until the connection is
 * established.
 *
 * <p>Every method may be called from any thread, and in any callback but for what waits: {@link #waitReady},
 * {@link #fetchCapitalDistribution} and the waiting methods of futures throw {@link Status#WOULD_DEADLOCK} there. Callbacks
 * run one at a time on the connection's thread, a daemon named "capdist". What depends on a future ({@code thenApply}) never
 * does: it runs on daemons named "capdist-futures", and may wait for other futures. Close a client: until then it stays
 * connected, and is not collected.
 */
public final class Client implements AutoCloseable {
    private static final int MAX_WAIT_MS = 3_600_000;

    private final Connection connection;

    /**
     * Starts to connect, and returns at once; how it went comes to {@link Listener#onInitConnect}.
     *
     * @throws CapdistException the options are refused
     */
    public Client(Options options) {
        connection = new Connection(this, options.listener());
        connection.start(options);
    }

    /** The same, with nothing but an address. */
    public Client(String host, int port) {
        this(new Options().host(host).port(port));
    }

    /** The C library's version, such as "1.1.0". */
    public static String version() {
        return CapdistLibrary.text(Abi.capdist_version());
    }

    /**
     * Waits until the connection is established.
     *
     * @param timeout at most an hour; zero only looks
     * @throws CapdistException at the time limit, or when it failed permanently: why
     */
    public void waitReady(Duration timeout) throws InterruptedException {
        int ms = Options.milliseconds(timeout);
        if (ms < 0 || ms > MAX_WAIT_MS) {
            throw new CapdistException(Status.INVALID_ARGUMENT, "timeout is not from 0 to an hour");
        }
        connection.waitReady(ms);
    }

    /** As below, for a text such as "HK.00700". */
    public CompletableFuture<CapitalDistribution> getCapitalDistribution(String security) {
        return getCapitalDistribution(Security.parse(security), null);
    }

    /**
     * Asks for a stock's capital distribution. The future ends exactly once: with the figures, or with a
     * {@link RequestException}, also when the client is closed. Cancelling it ends the request; one that was sent keeps its
     * quota slot.
     *
     * @param options null: the connection's
     * @throws CapdistException the request is refused, and there is no future
     */
    public CompletableFuture<CapitalDistribution> getCapitalDistribution(Security security, RequestOptions options) {
        return future(security, options, connection::end);
    }

    /**
     * The same, with a callback, which gets the reply exactly once on the connection's thread. What it throws goes to the
     * thread's uncaught exception handler.
     *
     * @return the request's serial number, never 0, for {@link #cancel}
     */
    public long getCapitalDistribution(Security security, RequestOptions options, Consumer<Reply> callback) {
        if (callback == null) throw new CapdistException(Status.INVALID_ARGUMENT, "callback is null");
        return Integer.toUnsignedLong(ask(security, options, raw -> callback.accept(Reply.of(raw))));
    }

    /** As below, for a text such as "HK.00700". */
    public CapitalDistribution fetchCapitalDistribution(String security) throws InterruptedException {
        return fetchCapitalDistribution(Security.parse(security), null);
    }

    /**
     * The figures, waited for at most the queue timeout plus the reply timeout. An interrupt ends the request.
     *
     * @throws RequestException there are none
     * @throws CapdistException the request is refused
     */
    public CapitalDistribution fetchCapitalDistribution(Security security, RequestOptions options)
            throws InterruptedException {
        Connection.refuseInCallback();
        // Nothing depends on it but this, so it may end where the answer comes.
        CompletableFuture<CapitalDistribution> future = future(security, options, Runnable::run);
        try {
            return future.get();
        } catch (InterruptedException interrupted) {
            future.cancel(true);
            throw interrupted;
        } catch (ExecutionException ended) {
            // Anew, with the stack of who asked.
            if (ended.getCause() instanceof RequestException why) throw new RequestException(why.reply());
            throw new IllegalStateException(ended.getCause());
        }
    }

    /**
     * Sends any other request as raw protobuf. The future ends with the reply whatever its status is. InitConnect and
     * KeepAlive are the library's own, and refused.
     *
     * @param options null: the connection's
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
                        connection.end(() -> future.complete(reply));
                    } catch (Throwable failed) {
                        connection.end(() -> future.completeExceptionally(failed));
                    }
                },
                (conn, token) -> Abi.capdist_send_proto(
                        conn, protoId, body, body.length, rawOptions, Connection.ON_PROTO_REPLY, token, serialNo));
        int number = serialNo[0];
        future.onCancel(() -> Abi.capdist_cancel(connection.handle(), number));
        return future;
    }

    /**
     * Ends a request that is queued or in flight: it completes as {@link Status#CANCELLED}.
     *
     * @throws CapdistException also if there is no such request ({@link Status#NOT_FOUND})
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

    /** The quota of the connection's group. */
    public Quota quota() {
        Abi.Quota raw = new Abi.Quota();
        CapdistLibrary.check(Abi.capdist_get_quota(connection.handle(), raw));
        Optional<Duration> nextSlot =
                raw.next_slot_ms >= 0 ? Optional.of(Duration.ofMillis(raw.next_slot_ms)) : Optional.empty();
        return new Quota(raw.limit, Duration.ofMillis(raw.window_ms), raw.used, raw.waiting, nextSlot);
    }

    /**
     * Closes the connection. Every request that has not ended ends as {@link Status#RELEASED}, then comes
     * {@link Listener#onClosed}. Outside callbacks it returns when all that is over and the thread is gone; in a callback at
     * once, and the rest happens after that callback. Harmless to repeat; every other call throws {@link Status#RELEASED}
     * from now on.
     */
    @Override
    public void close() {
        connection.release();
    }

    /** Asks; the future ends on {@code ends}. */
    private CompletableFuture<CapitalDistribution> future(Security security, RequestOptions options, Executor ends) {
        RequestFuture<CapitalDistribution> future = new RequestFuture<>();
        int serialNo = ask(security, options, raw -> {
            try {
                Reply reply = Reply.of(raw);
                if (reply.distribution().isPresent()) {
                    CapitalDistribution figures = reply.distribution().get();
                    ends.execute(() -> future.complete(figures));
                } else {
                    RequestException why = new RequestException(reply);
                    ends.execute(() -> future.completeExceptionally(why));
                }
            } catch (Throwable failed) {
                ends.execute(() -> future.completeExceptionally(failed));
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
