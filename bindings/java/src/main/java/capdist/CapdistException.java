package capdist;

import java.util.Objects;

/** A call was refused: it changed nothing, and no answer follows. The message says why, and what to do next. */
public class CapdistException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Status status;
    private final Retry retry;

    CapdistException(Status status, String message) {
        this(status, message, CapdistLibrary.retry(status));
    }

    CapdistException(Status status, String message, Retry retry) {
        super(message);
        this.status = Objects.requireNonNull(status);
        this.retry = Objects.requireNonNull(retry);
    }

    /** Why the call was refused, or how the request completed. */
    public final Status status() {
        return status;
    }

    /** Whether the call or request may succeed if it is repeated. */
    public final Retry retry() {
        return retry;
    }
}
