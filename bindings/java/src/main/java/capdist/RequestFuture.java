package capdist;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A request's future, and those made of it. Cancelling it ends the request. Waiting for it in a callback is refused: the
 * thread that would wait is the one that answers. What depends on it does not run on that thread, and may wait.
 */
final class RequestFuture<T> extends CompletableFuture<T> {
    private volatile Runnable cancel;

    /** What ends the request. */
    void onCancel(Runnable cancel) {
        this.cancel = cancel;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean isNew = !isDone();
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        Runnable request = cancel;
        if (isNew && cancelled && request != null) request.run();
        return cancelled;
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        mayWait();
        return super.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        mayWait();
        return super.get(timeout, unit);
    }

    @Override
    public T join() {
        mayWait();
        return super.join();
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new RequestFuture<>();
    }

    private void mayWait() {
        if (!isDone()) Connection.refuseInCallback();
    }
}
