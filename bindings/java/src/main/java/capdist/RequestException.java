package capdist;

/** An accepted request completed without figures. */
public final class RequestException extends CapdistException {
    private static final long serialVersionUID = 1;

    private final transient Reply reply;

    RequestException(Reply reply) {
        super(reply.status(), reply.desc(), reply.retry());
        this.reply = reply;
    }

    /** How the request completed; null after serialization. */
    public Reply reply() {
        return reply;
    }
}
