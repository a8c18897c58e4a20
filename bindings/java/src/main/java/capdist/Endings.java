package capdist;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The daemons on which futures end. What depends on a future may wait there for other futures, however deep: a task that nobody
 * takes, because all threads wait, gets another thread. Threads that have nothing to do end.
 *
 * <p>A {@link java.util.concurrent.ForkJoinPool} makes threads for those that wait, too, but not for all: in JDK 17 it was left
 * with a hundred that waited and none that worked.
 */
final class Endings implements Executor {
    /** Threads that are made at once; more only for a task that nobody takes. */
    private static final int USUAL = 4;
    /** How long a thread stays that has nothing to do. */
    private static final long IDLE_NS = TimeUnit.MILLISECONDS.toNanos(20);
    /** How long tasks may wait without any being taken. */
    private static final long STUCK_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final String name;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition added = lock.newCondition();
    private final Condition passing = lock.newCondition();
    // All guarded by the lock.
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private int threads;
    private int idle;
    private long taken;
    private boolean isWatched;

    Endings(String name) {
        this.name = name;
    }

    /** Throws when there is no thread for the task and none can be made. */
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
            // An interrupt was that task's.
            Thread.interrupted();
        }
    }

    /** The next task; null when the thread is to end. */
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

    /** As long as there are tasks: sees to it that one is taken now and then. */
    private void watch() {
        lock.lock();
        try {
            while (!tasks.isEmpty()) {
                long seen = taken;
                for (long left = STUCK_NS; left > 0; ) left = pass(passing, left);
                if (taken != seen || tasks.isEmpty()) continue;
                try {
                    startWorker();
                } catch (Throwable noThread) { // perhaps the next time
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
        } catch (InterruptedException interrupted) { // nobody means this thread
            return left;
        }
    }
}
