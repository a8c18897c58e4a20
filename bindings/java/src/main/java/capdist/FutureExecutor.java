package capdist;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Completes futures on daemon threads, where the stages that depend on them run. A stage may wait for other futures, to any
 * depth: if no task is taken for a while, because all threads wait, another thread is started. Idle threads end.
 *
 * <p>A {@link java.util.concurrent.ForkJoinPool} also adds threads for waiting ones, but not always: in JDK 17 it ended up with
 * a hundred waiting threads and none that worked.
 */
final class FutureExecutor implements Executor {
    /** The number of threads that are started at once. More are started only if no task is taken for a while. */
    private static final int USUAL = 4;
    /** Time after which an idle thread ends. */
    private static final long IDLE_NS = TimeUnit.MILLISECONDS.toNanos(20);
    /** Time without any task taken after which another thread is started. */
    private static final long STUCK_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final String name;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition added = lock.newCondition();
    private final Condition passing = lock.newCondition();
    // The lock guards all of these.
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private int threads;
    private int idle;
    private long taken;
    private boolean isWatched;

    FutureExecutor(String name) {
        this.name = name;
    }

    /** Throws if another thread is needed and cannot be started. */
    @Override
    public void execute(Runnable task) {
        lock.lock();
        try {
            if (tasks.size() >= idle) {
                if (threads < USUAL) {
                    startWorker();
                } else if (!isWatched) {
                    start(this::watch);
                    isWatched = true;
                }
            }
            tasks.add(task);
            added.signal();
        } finally {
            lock.unlock();
        }
    }

    private void startWorker() {
        start(this::work);
        threads++;
    }

    private void start(Runnable body) {
        Thread thread = new Thread(null, body, name, 0, false);
        thread.setDaemon(true);
        thread.start();
    }

    private void work() {
        Runnable task;
        while ((task = next()) != null) {
            try {
                task.run();
            } catch (Throwable thrown) {
                Connection.report(thrown);
            }
            // An interrupt was meant for that task.
            Thread.interrupted();
        }
    }

    /** Takes the next task; null if the thread should end. */
    private Runnable next() {
        long left = IDLE_NS;
        lock.lock();
        try {
            idle++;
            while (tasks.isEmpty() && left > 0) left = pass(added, left);
            idle--;
            if (tasks.isEmpty()) {
                threads--;
            } else {
                taken++;
            }
            return tasks.poll();
        } finally {
            lock.unlock();
        }
    }

    /** Runs while there are tasks, and starts a thread whenever none was taken for a while. */
    private void watch() {
        lock.lock();
        try {
            while (!tasks.isEmpty()) {
                long seen = taken;
                for (long left = STUCK_NS; left > 0; ) left = pass(passing, left);
                if (taken != seen || tasks.isEmpty()) continue;
                try {
                    startWorker();
                } catch (Throwable noThread) { // the next round tries again
                }
            }
        } finally {
            isWatched = false;
            lock.unlock();
        }
    }

    private static long pass(Condition condition, long left) {
        try {
            return condition.awaitNanos(left);
        } catch (InterruptedException interrupted) { // no task is interrupted
            return left;
        }
    }
}
