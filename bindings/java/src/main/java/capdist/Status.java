// Generated from include/capdist.h: do not edit. `make abi` writes it.
package capdist;

/** The result of a call or of a request. */
public enum Status {
    /** Done. */
    OK(0),
    /** The gateway refused the request. */
    REFUSED(1),
    /** The gateway refused because too many requests were made. Try again after the time given. */
    RATE_LIMITED(2),
    /** The request timed out before it was sent. It is safe to repeat. */
    QUEUE_TIMEOUT(3),
    /** The request was sent, and no answer came in time. */
    REPLY_TIMEOUT(4),
    /** The connection to the gateway was lost. */
    DISCONNECTED(5),
    /** The gateway's answer is damaged. */
    MALFORMED_REPLY(6),
    /** The request was cancelled. */
    CANCELLED(7),
    /** The connection was released. */
    RELEASED(8),
    /** The gateway could not be reached. */
    CONNECT_FAILED(16),
    /** The gateway did not answer in time. */
    CONNECT_TIMEOUT(17),
    /** The gateway refused the connection's InitConnect. */
    CONNECT_REFUSED(18),
    /** The peer does not speak OpenD's protocol. */
    PROTOCOL_ERROR(19),
    /** The requested encryption failed. */
    ENCRYPTION_FAILED(20),
    /** The TLS connection could not be made. */
    TLS_FAILED(21),
    /** An argument is not valid. */
    INVALID_ARGUMENT(32),
    /** Too many requests are waiting. */
    QUEUE_FULL(33),
    /** The quota is used up for now. */
    QUOTA_EXHAUSTED(34),
    /** The connection has failed permanently. Release it and make a new one. */
    NOT_CONNECTED(35),
    /** The call would wait for the thread that it runs on. */
    WOULD_DEADLOCK(36),
    /** Another thread drives this connection. */
    BUSY(37),
    /** The connection belongs to the parent process. */
    FORKED(38),
    /** This version of the library cannot do that. */
    UNSUPPORTED(39),
    /** A numeric address is needed here. */
    NEEDS_ADDRESS(40),
    /** Another connection of this quota group has another limit or window. */
    QUOTA_CONFLICT(41),
    /** There is no such request. It may have completed already. */
    NOT_FOUND(42),
    /** The operating system refused a thread, a descriptor or memory. */
    SYSTEM_ERROR(43),
    /** A number that only a newer library has. */
    UNKNOWN(-1);

    private final int number;

    Status(int number) {
        this.number = number;
    }

    /** The constant with this number; {@link #UNKNOWN} for a number that only a newer library has. */
    static Status of(int number) {
        return switch (number) {
            case 0 -> OK;
            case 1 -> REFUSED;
            case 2 -> RATE_LIMITED;
            case 3 -> QUEUE_TIMEOUT;
            case 4 -> REPLY_TIMEOUT;
            case 5 -> DISCONNECTED;
            case 6 -> MALFORMED_REPLY;
            case 7 -> CANCELLED;
            case 8 -> RELEASED;
            case 16 -> CONNECT_FAILED;
            case 17 -> CONNECT_TIMEOUT;
            case 18 -> CONNECT_REFUSED;
            case 19 -> PROTOCOL_ERROR;
            case 20 -> ENCRYPTION_FAILED;
            case 21 -> TLS_FAILED;
            case 32 -> INVALID_ARGUMENT;
            case 33 -> QUEUE_FULL;
            case 34 -> QUOTA_EXHAUSTED;
            case 35 -> NOT_CONNECTED;
            case 36 -> WOULD_DEADLOCK;
            case 37 -> BUSY;
            case 38 -> FORKED;
            case 39 -> UNSUPPORTED;
            case 40 -> NEEDS_ADDRESS;
            case 41 -> QUOTA_CONFLICT;
            case 42 -> NOT_FOUND;
            case 43 -> SYSTEM_ERROR;
            default -> UNKNOWN;
        };
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
