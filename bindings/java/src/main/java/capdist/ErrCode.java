package capdist;

/**
 * Takes apart the {@code errCode} of {@link Listener#onInitConnect} and {@link Listener#onDisconnect}, which is laid out as
 * the vendor's: the high 32 bits are the kind, the low 32 bits the code.
 */
public final class ErrCode {
    /** The socket could not be made. The code of this and of the next ones is errno. */
    public static final int KIND_CREATE = Abi.ERR_KIND_CREATE;
    /** The host name was not found. */
    public static final int KIND_NAME_NOT_FOUND = Abi.ERR_KIND_NAME_NOT_FOUND;
    /** Connecting failed or took too long. */
    public static final int KIND_CONNECT = Abi.ERR_KIND_CONNECT;
    /** Waiting on the socket failed. */
    public static final int KIND_SELECT = Abi.ERR_KIND_SELECT;
    /** Sending failed. */
    public static final int KIND_SEND = Abi.ERR_KIND_SEND;
    /** Receiving failed; code 0: closed by the gateway. */
    public static final int KIND_RECEIVE = Abi.ERR_KIND_RECEIVE;
    /** InitConnect failed; the code is one of {@code INIT_CONNECT_…}. */
    public static final int KIND_INIT_CONNECT = Abi.ERR_KIND_INIT_CONNECT;

    /** Why is not known. */
    public static final int INIT_CONNECT_UNKNOWN = Abi.INIT_CONNECT_UNKNOWN;
    /** No answer in time. */
    public static final int INIT_CONNECT_TIMEOUT = Abi.INIT_CONNECT_TIMEOUT;
    /** The line ended before the answer. */
    public static final int INIT_CONNECT_DISCONNECTED = Abi.INIT_CONNECT_DISCONNECTED;
    /** It could not be sent. */
    public static final int INIT_CONNECT_NOT_SENT = Abi.INIT_CONNECT_NOT_SENT;
    /** Refused by OpenD. */
    public static final int INIT_CONNECT_REFUSED = Abi.INIT_CONNECT_REFUSED;

    private ErrCode() {}

    /** What failed, one of {@code KIND_…}. */
    public static int kind(long errCode) {
        return (int) (errCode >> 32);
    }

    /** How it failed. */
    public static int code(long errCode) {
        return (int) (errCode & 0x7fffffff);
    }
}
