package capdist;

/** What a request does when no slot of the quota is free. */
public enum QuotaMode {
    /** In {@link RequestOptions}: as the connection's; in {@link Options}: wait. */
    DEFAULT,
    /** Wait its turn, at most the queue timeout. */
    WAIT,
    /** Be refused at once with {@link Status#QUOTA_EXHAUSTED}. */
    FAIL
}
