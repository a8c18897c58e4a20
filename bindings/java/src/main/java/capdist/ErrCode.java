package capdist;

/**
 * Splits the {@code errCode} of {@link Listener#onInitConnect}, {@link Listener#onAttemptFailed} and
 * {@link Listener#onDisconnect}. It has the vendor's layout: the high 32 bits are the kind, the low 32 bits the code.
 */
public final class ErrCode {
    /** The socket could not be made. The code is errno, as for the other kinds unless they say otherwise. */
    public static final int KIND_CREATE = Abi.ERR_KIND_CREATE;
    /** The host name was not found; the code is that of getaddrinfo(), without its sign. */
    public static final int KIND_NAME_NOT_FOUND = Abi.ERR_KIND_NAME_NOT_FOUND;
    /** Connecting failed, or timed out. */
    public static final int KIND_CONNECT = Abi.ERR_KIND_CONNECT;
    /** Waiting on the socket failed. */
    public static final int KIND_SELECT = Abi.ERR_KIND_SELECT;
    /** Sending failed. */
    public static final int KIND_SEND = Abi.ERR_KIND_SEND;
    /** Receiving failed. Code 0: the gateway closed the connection. */
    public static final int KIND_RECEIVE = Abi.ERR_KIND_RECEIVE;
    /** InitConnect failed; the code is one of {@code INIT_CONNECT_…}. */
    public static final int KIND_INIT_CONNECT = Abi.ERR_KIND_INIT_CONNECT;

    /** The answer to InitConnect could not be used. */
    public static final int INIT_CONNECT_UNKNOWN = Abi.INIT_CONNECT_UNKNOWN;
    /** InitConnect was not answered in time. */
    public static final int INIT_CONNECT_TIMEOUT = Abi.INIT_CONNECT_TIMEOUT;
    /** The connection was lost before the answer to InitConnect. */
    public static final int INIT_CONNECT_DISCONNECTED = Abi.INIT_CONNECT_DISCONNECTED;
    /** InitConnect could not be sent. */
    public static final int INIT_CONNECT_NOT_SENT = Abi.INIT_CONNECT_NOT_SENT;
    /** OpenD refused InitConnect. */
    public static final int INIT_CONNECT_REFUSED = Abi.INIT_CONNECT_REFUSED;

    private ErrCode() {}

    /** The step that failed: one of {@code KIND_…}. */
    public static int kind(long errCode) {
        return (int) (errCode >> 32);
    }

    /** The code. Its meaning depends on the kind. */
    public static int code(long errCode) {
        return (int) (errCode & 0x7fffffff);
    }
}
