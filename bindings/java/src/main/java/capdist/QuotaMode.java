// Generated from include/capdist.h: do not edit. `make abi` writes it.
package capdist;

/** What a request does when no slot of the quota is free. */
public enum QuotaMode {
    /** In request options: as the connection; in capdist_options: wait. */
    DEFAULT(0),
    /** Wait for a slot, at most for the queue timeout. */
    WAIT(1),
    /**
     * The call is refused at once with {@code QUOTA_EXHAUSTED}, unless a shared answer serves it
     * (capdist_request_options.max_age_ms).
     */
    FAIL(2);

    private final int number;

    QuotaMode(int number) {
        this.number = number;
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
