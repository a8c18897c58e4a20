package capdist;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The future of a request, and every stage that depends on it. Cancelling the first ends the request. Waiting for one inside a
 * callback throws, since the waiting thread is the one that brings the answer.
 */
final class RequestFuture<T> extends CompletableFuture<T> {
    private volatile Runnable cancel;

    /** Sets what ends the request. */
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
