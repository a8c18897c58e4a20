package capdist;

/** A request was accepted and ended without figures. */
public final class RequestException extends CapdistException {
    private static final long serialVersionUID = 1;

    private final transient Reply reply;

    RequestException(Reply reply) {
        super(reply.status(), reply.desc(), reply.retry());
        this.reply = reply;
    }

    /** All that is known of how it ended; null after serialization. */
    public Reply reply() {
        return reply;
    }
}
