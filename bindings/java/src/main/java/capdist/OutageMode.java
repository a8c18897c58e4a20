// Generated from include/capdist.h: do not edit. `make abi` writes it.
package capdist;

/**
 * What a request does during an outage. An outage begins when an attempt to connect fails, and ends when one
 * succeeds (docs/timeouts.md, While the gateway is down).
 */
public enum OutageMode {
    /** In request options: as the connection; in capdist_options: wait. */
    DEFAULT(0),
    /** Wait for the connection, at most for the queue timeout. */
    WAIT(1),
    /**
     * The call is refused at once, with the status and the cause of the last attempt. Before an outage
     * begins, a request waits for the attempt in progress. If that attempt fails, the request completes with
     * the same status.
     */
    FAIL(2);

    private final int number;

    OutageMode(int number) {
        this.number = number;
    }

    /** The number in the C library. */
    public int number() {
        return number;
    }
}
