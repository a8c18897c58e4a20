package capdist;

import java.util.Objects;

/** A call was refused: nothing was changed and no answer will come of it. Its message says why, and what to do next. */
public class CapdistException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Status status;

    CapdistException(Status status, String message) {
        super(message);
        this.status = Objects.requireNonNull(status);
    }

    /** Why. */
    public final Status status() {
        return status;
    }
}
