// Generated from include/capdist.h: do not edit. `make abi` writes it.
package capdist;

/** Whether a failed request or call may succeed if it is repeated. */
public enum Retry {
    /** Not known: the gateway's words do not tell, or the answer was damaged. Also the value after success. */
    UNKNOWN(0),
    /**
     * The same request cannot succeed: the stock is unknown, the account may not see the quote, the
     * connection has ended.
     */
    NEVER(1),
    /** It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's servers. */
    LATER(2),
    /** It may succeed after {@code retryAfterMs}. */
    AFTER(3);

    private final int number;

    Retry(int number) {
        this.number = number;
    }

    /** The constant with this number; {@link #UNKNOWN} for a number that only a newer library has. */
    static Retry of(int number) {
        return switch (number) {
            case 0 -> UNKNOWN;
            case 1 -> NEVER;
            case 2 -> LATER;
            case 3 -> AFTER;
            default -> UNKNOWN;
        };
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
