package capdist;

/** Whether it is of use to ask again, as {@code CAPDIST_RETRY_…} of the C header. */
public enum Retry {
    /** Not known: the gateway's words tell nothing, the answer was damaged, or the library is an older one. */
    UNKNOWN(0),
    /** The same request can not succeed. */
    NEVER(1),
    /** It may succeed later. */
    LATER(2),
    /** It may succeed after {@link Reply#retryAfter()}. */
    AFTER(3);

    private final int number;

    Retry(int number) {
        this.number = number;
    }

    /** The one of the C library with this number; what only a newer one knows is {@link #UNKNOWN}. */
    static Retry of(int number) {
        for (Retry retry : values()) {
            if (retry.number == number) return retry;
        }
        return UNKNOWN;
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
