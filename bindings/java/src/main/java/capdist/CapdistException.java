package capdist;

import java.util.Objects;

/** A call was refused: nothing was changed and no answer will come of it. Its message says why, and what to do next. */
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

    /** Why. */
    public final Status status() {
        return status;
    }

    /** Whether it is of use to ask again. */
    public final Retry retry() {
        return retry;
    }
}
