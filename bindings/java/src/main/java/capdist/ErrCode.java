package capdist;

/**
 * Takes apart the {@code errCode} of {@link Listener#onInitConnect} and {@link Listener#onDisconnect}, which is laid out as
 * the vendor's: the high 32 bits are the kind, the low 32 bits the code.
 */
public final class ErrCode {
    /** The socket could not be made. The code of this and of the next ones is errno. */
    public static final int KIND_CREATE = 1;
    /** The host's name did not resolve. */
    public static final int KIND_NAME_NOT_FOUND = 4;
    /** Connecting failed or took too long. */
    public static final int KIND_CONNECT = 6;
    /** Waiting on the socket failed. */
    public static final int KIND_SELECT = 9;
    /** Sending failed. */
    public static final int KIND_SEND = 10;
    /** Receiving failed; code 0: closed by the gateway. */
    public static final int KIND_RECEIVE = 11;
    /** InitConnect failed; the code is one of {@code INIT_CONNECT_…}. */
    public static final int KIND_INIT_CONNECT = 100;

    /** Why is not known. */
    public static final int INIT_CONNECT_UNKNOWN = 0;
    /** No answer in time. */
    public static final int INIT_CONNECT_TIMEOUT = 1;
    /** The line ended before the answer. */
    public static final int INIT_CONNECT_DISCONNECTED = 3;
    /** It could not be sent. */
    public static final int INIT_CONNECT_NOT_SENT = 4;
    /** Refused by OpenD. */
    public static final int INIT_CONNECT_REFUSED = 5;

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
