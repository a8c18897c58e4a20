package capdist;

/** What became of a request or a call, as {@code CAPDIST_…} of the C header. */
public enum Status {
    /** Done; for a reply: the gateway answered, and there are figures. */
    OK(0),

    /** The gateway refused; {@link Reply#retType()}, {@link Reply#retMsg()} and {@link Reply#errCode()} tell why. */
    REFUSED(1),
    /** The gateway refused for frequency; nothing is sent for {@link Reply#retryAfter()}. */
    RATE_LIMITED(2),
    /** Timed out before it was sent: safe to repeat. */
    QUEUE_TIMEOUT(3),
    /** Sent, and no answer came in time. */
    REPLY_TIMEOUT(4),
    /** The connection was lost after the request was sent, or for good before it was. */
    DISCONNECTED(5),
    /** The answer is damaged. */
    MALFORMED_REPLY(6),
    /** Ended by {@link Client#cancel}, or by cancelling its future. */
    CANCELLED(7),
    /** The client was closed; also what every call on a closed client throws. */
    RELEASED(8),

    /** The gateway could not be reached. */
    CONNECT_FAILED(16),
    /** No connection, or no answer to InitConnect, in time. */
    CONNECT_TIMEOUT(17),
    /** The gateway refused InitConnect, as OpenD does while it waits for a code: tried again. */
    CONNECT_REFUSED(18),
    /** The peer broke the protocol: is that port OpenD's? */
    PROTOCOL_ERROR(19),
    /** Encryption was asked for and is not happening, or a body could not be decrypted. */
    ENCRYPTION_FAILED(20),
    /** TLS could not be set up, or the gateway's certificate was not accepted. */
    TLS_FAILED(21),

    /** An argument is missing, empty, too long, not Unicode or out of range; nothing was changed. */
    INVALID_ARGUMENT(32),
    /** {@link Options#maxQueue} requests are waiting or in flight. */
    QUEUE_FULL(33),
    /** Fail mode, and no slot of the quota is free. */
    QUOTA_EXHAUSTED(34),
    /** The connection has failed for good: close the client and make a new one. */
    NOT_CONNECTED(35),
    /** The call would wait for the thread it is on: it was made in a callback. */
    WOULD_DEADLOCK(36),
    /** Another thread is in a call that only one may be in. */
    BUSY(37),
    /** The connection comes from before a fork. */
    FORKED(38),
    /** Not built into this library. */
    UNSUPPORTED(39),
    /** Host-driven mode takes numeric addresses and {@code localhost} only. */
    NEEDS_ADDRESS(40),
    /** An open connection of the same quota group was given other figures. */
    QUOTA_CONFLICT(41),
    /** No request with that serial number is queued or in flight. */
    NOT_FOUND(42),
    /** The operating system refused (threads, descriptors, memory). */
    SYSTEM_ERROR(43),

    /** A status that only a newer library has. */
    UNKNOWN(-1);

    private static final Status[] BY_NUMBER = new Status[64];

    static {
        for (Status status : values()) {
            if (status.number >= 0) BY_NUMBER[status.number] = status;
        }
    }

    private final int number;

    Status(int number) {
        this.number = number;
    }

    /** The status of the C library with this number. */
    static Status of(int number) {
        Status status = number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
        return status != null ? status : UNKNOWN;
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
