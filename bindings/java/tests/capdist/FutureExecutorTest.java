package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The threads that complete futures. */
class FutureExecutorTest {
    private static long threadsNamed(String name) {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().equals(name)).count();
    }

    @Test
    void tasksThatAllWaitForTheLastAreAllRun() throws Exception {
        FutureExecutor executor = new FutureExecutor("futures that wait");
        CountDownLatch begun = new CountDownLatch(100), ended = new CountDownLatch(100);
        for (int i = 0; i < 100; i++) {
            executor.execute(() -> {
                begun.countDown();
                try {
                    if (begun.await(20, TimeUnit.SECONDS)) ended.countDown();
                } catch (InterruptedException interrupted) { // then it does not count as ended
                }
            });
        }
        assertTrue(ended.await(20, TimeUnit.SECONDS), begun.getCount() + " did not begin");
        assertTrue(Simulator.soon(() -> threadsNamed("futures that wait") == 0), "threads are left");
    }

    @Test
    void tasksThatDoNotWaitShareAFewThreads() throws Exception {
        FutureExecutor executor = new FutureExecutor("futures that share");
        AtomicInteger count = new AtomicInteger();
        for (int i = 0; i < 10_000; i++) executor.execute(count::incrementAndGet);
        assertTrue(Simulator.soon(() -> count.get() == 10_000), () -> count + " tasks were run");
        assertTrue(Simulator.soon(() -> threadsNamed("futures that share") == 0), "threads are left");
    }

    @Test
    void whatATaskThrowsOrInterruptsIsItsOwn() throws Exception {
        FutureExecutor executor = new FutureExecutor("futures that throw");
        AtomicInteger count = new AtomicInteger();
        for (int i = 0; i < 20; i++) {
            executor.execute(() -> {
                Thread.currentThread().setUncaughtExceptionHandler((thread, thrown) -> count.incrementAndGet());
                if (Thread.currentThread().isInterrupted()) count.addAndGet(1000);
                Thread.currentThread().interrupt();
                throw new IllegalStateException("meant");
            });
        }
        assertTrue(Simulator.soon(() -> count.get() >= 20));
        assertEquals(20, count.get());
    }
}
