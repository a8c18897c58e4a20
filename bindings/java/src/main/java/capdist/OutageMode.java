package capdist;

/** What a request does during an outage: from an attempt to connect that failed until one succeeds. */
public enum OutageMode {
    /** In {@link RequestOptions}: as the connection's; in {@link Options}: wait. */
    DEFAULT,
    /** Wait for the connection, at most the queue timeout. */
    WAIT,
    /** Be refused at once, with the last attempt's status and cause. */
    FAIL
}
