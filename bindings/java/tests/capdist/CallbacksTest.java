package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever the application does in its callbacks: each request completes once, nothing crashes, no thread is left. */
@Timeout(300)
class CallbacksTest {
    private static final Security TENCENT = new Security(Security.MARKET_HK, "00700");
    private static Simulator gateway;

    @BeforeAll
    static void start() throws Exception {
        gateway = new Simulator("--no-quota", "--fault", "late=1500@HK.00001", "--fault", "never@HK.00002");
    }

    @AfterAll
    static void stop() throws Exception {
        gateway.close();
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        assertTrue(Simulator.soon(() -> Simulator.attached() == 0), () -> Thread.getAllStackTraces().keySet().toString());
        for (String name : List.of("CONNECTIONS", "REQUESTS")) {
            Field field = Connection.class.getDeclaredField(name);
            field.setAccessible(true);
            assertEquals(Map.of(), field.get(null), name);
        }
    }

    private static Options unlimited() {
        return gateway.options().quotaRequests(0).maxQueue(20_000);
    }

    /** Makes garbage and collects it, until it is closed. */
    private static final class Collector implements AutoCloseable {
        private final AtomicBoolean goesOn = new AtomicBoolean(true);
        final AtomicInteger rounds = new AtomicInteger();
        private final Thread thread = new Thread(() -> {
            while (goesOn.get()) {
                byte[][] garbage = new byte[200][];
                for (int i = 0; i < garbage.length; i++) garbage[i] = new byte[10_000];
                System.gc();
                rounds.incrementAndGet();
                Thread.yield(); // each collection stops the other threads
            }
        });

        Collector() {
            thread.start();
        }

        @Override
        public void close() throws InterruptedException {
            goesOn.set(false);
            thread.join();
        }
    }

    @Test
    void tenThousandWithTheCollectorRunning() throws Exception {
        int count = 10_000;
        Map<String, Integer> calls = new ConcurrentHashMap<>();
        CountDownLatch ended = new CountDownLatch(count);
        // While garbage is collected, a busy machine may answer later than the default timeout.
        Options patient = unlimited().replyTimeout(Duration.ofMinutes(2));
        try (Client client = new Client(patient); Collector collector = new Collector()) {
            // Two threads make requests: half with callbacks, half with futures.
            List<Thread> threads = new ArrayList<>();
            for (int part = 0; part < 2; part++) {
                int first = part * count / 2;
                boolean isFuture = part == 1;
                Thread thread = new Thread(() -> {
                    for (int number = first; number < first + count / 2; number++) {
                        Security security = new Security(Security.MARKET_SZ, "%06d".formatted(number + 1));
                        if (isFuture) {
                            client.getCapitalDistribution(security, null).whenComplete((figures, failed) -> {
                                if (failed == null) calls.merge(security.code(), 1, Integer::sum);
                                ended.countDown();
                            });
                        } else {
                            client.getCapitalDistribution(security, null, reply -> {
                                boolean isIts = reply.security().equals(security) && reply.distribution().isPresent();
                                if (isIts) calls.merge(security.code(), 1, Integer::sum);
                                ended.countDown();
                            });
                        }
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) thread.join();
            assertTrue(ended.await(120, TimeUnit.SECONDS), ended.getCount() + " are left");
            assertTrue(collector.rounds.get() > 10, "the collector ran " + collector.rounds + " times");
            assertEquals(1.651089180e6, client.fetchCapitalDistribution("SZ.001000").capitalInSuper().getAsDouble());
        }
        assertEquals(count, calls.size());
        assertTrue(calls.values().stream().allMatch(times -> times == 1), "some came twice");
    }

    @Test
    void whatNobodyElseHoldsIsNotCollected() throws Exception {
        CountDownLatch ended = new CountDownLatch(2);
        Client client = new Client(unlimited());
        Security late = new Security(Security.MARKET_HK, "00001");
        client.getCapitalDistribution(late, null, reply -> ended.countDown());
        client.getCapitalDistribution(late, null).thenRun(ended::countDown);
        for (int i = 0; i < 20; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertTrue(ended.await(20, TimeUnit.SECONDS));
        client.close();
    }

    @Test
    void whatACallbackThrowsIsReportedAndHarmless() throws Exception {
        List<String> reported = new ArrayList<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            synchronized (reported) {
                reported.add(thread.getName() + ": " + thrown.getMessage());
            }
            throw new IllegalStateException("and so does the handler");
        });
        try (Simulator pushing = new Simulator("--push", "1", "--no-quota")) {
            Client client = new Client(pushing.options().recvNotify(true).listener(new Listener() {
                @Override
                public void onInitConnect(Client client, long errCode, String desc) {
                    throw new IllegalStateException("init");
                }

                @Override
                public void onDisconnect(Client client, long errCode, String desc) {
                    throw new IllegalStateException("lost");
                }

                @Override
                public void onPush(Client client, int protoId, byte[] body) {
                    throw new IllegalStateException("push");
                }

                @Override
                public void onLog(Client client, LogLevel level, String message) {
                    throw new IllegalStateException("log");
                }

                @Override
                public void onClosed(Client client) {
                    throw new IllegalStateException("closed");
                }
            }));
            client.getCapitalDistribution(TENCENT, null, reply -> {
                throw new AssertionError("reply");
            });
            client.fetchCapitalDistribution("HK.00700");
            assertTrue(Simulator.soon(() -> {
                synchronized (reported) {
                    return reported.contains("capdist: push");
                }
            }));
            pushing.kill();
            assertTrue(Simulator.soon(() -> {
                synchronized (reported) {
                    return reported.contains("capdist: lost");
                }
            }));
            client.close();
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
        assertEquals(
                Set.of("capdist: init", "capdist: lost", "capdist: push", "capdist: log", "capdist: closed", "capdist: reply"),
                Set.copyOf(reported));
    }

    private static int deeper(int depth) {
        return deeper(depth + 1) + 1;
    }

    private static int length(String text) {
        return text.length();
    }

    /** The JVM makes these exceptions from signals, here on a thread that it did not create. */
    @Test
    void errorsOfTheMachineItself() throws Exception {
        Set<String> reported = ConcurrentHashMap.newKeySet();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler(
                (thread, thrown) -> reported.add(thrown.getClass().getSimpleName()));
        try (Client client = new Client(unlimited())) {
            client.getCapitalDistribution(TENCENT, null, reply -> {
                // In compiled code the JVM detects null by SIGSEGV.
                int sum = 0;
                for (int i = 0; i < 200_000; i++) sum += length("some text");
                length(sum == 0 ? "" : null);
            });
            client.getCapitalDistribution(TENCENT, null, reply -> deeper(0));
            client.getCapitalDistribution(TENCENT, null, reply -> {
                List<long[]> all = new ArrayList<>();
                while (true) all.add(new long[Integer.MAX_VALUE - 8]);
            });
            client.fetchCapitalDistribution("HK.00700");
            client.fetchCapitalDistribution("HK.00700");
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
        assertEquals(Set.of("NullPointerException", "StackOverflowError", "OutOfMemoryError"), reported);
    }

    @Test
    void theThreadIsOneAndADaemonAndAsAnyOfTheApplications() throws Exception {
        ThreadLocal<String> local = new ThreadLocal<>();
        List<Object> seen = new ArrayList<>();
        ClassLoader mine = new URLClassLoader(new URL[0], getClass().getClassLoader());
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(mine);
        try (Client client = new Client(unlimited())) {
            CountDownLatch ended = new CountDownLatch(2);
            client.getCapitalDistribution(TENCENT, null, reply -> {
                local.set("kept");
                seen.add(Thread.currentThread());
                Thread.currentThread().interrupt(); // must have no effect
                ended.countDown();
            });
            client.getCapitalDistribution(TENCENT, null, reply -> {
                seen.add(Thread.currentThread());
                seen.add(local.get());
                seen.add(Thread.currentThread().getContextClassLoader());
                ended.countDown();
            });
            assertTrue(ended.await(20, TimeUnit.SECONDS));
            Security late = new Security(Security.MARKET_HK, "00001");
            CompletableFuture<Thread> dependent = client.getCapitalDistribution(late, null).thenApply(figures -> {
                seen.add(Thread.currentThread().getContextClassLoader());
                return Thread.currentThread();
            });
            assertEquals("capdist-futures", dependent.get(20, TimeUnit.SECONDS).getName());
            assertTrue(dependent.join().isDaemon());
            Thread thread = (Thread) seen.get(0);
            assertSame(thread, seen.get(1));
            assertEquals("kept", seen.get(2));
            assertSame(mine, seen.get(3));
            assertSame(mine, seen.get(4));
            assertTrue(thread.isDaemon());
            assertEquals("capdist", thread.getName());
            assertNotSame(Thread.currentThread(), thread);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    /** Also of refused connections and requests: see nothingIsLeft. */
    @Test
    void refusedCallsLeaveNothing() throws Exception {
        try (Client client = new Client(unlimited())) {
            assertThrows(CapdistException.class, () -> client.getCapitalDistribution(new Security(1, ""), null));
            assertThrows(CapdistException.class, () -> client.sendProto(1001, new byte[0], null));
            assertThrows(CapdistException.class, () -> new Client(unlimited().port(-1)));
            assertThrows(CapdistException.class, () -> new Client(unlimited().clientId("\ud800")));
        }
    }

    @Test
    void theClientIsWholeInItsFirstCallback() throws Exception {
        ConcurrentLinkedQueue<Object> seen = new ConcurrentLinkedQueue<>();
        for (int i = 0; i < 200; i++) {
            Client client = new Client(unlimited().listener(new Listener() {
                @Override
                public void onLog(Client logs, LogLevel level, String message) {
                    try {
                        seen.add(logs.connectionInfo().state());
                    } catch (CapdistException closed) { // before "connected" was logged
                        seen.add(closed.status());
                    } catch (Throwable thrown) {
                        seen.add(thrown);
                    }
                }
            }));
            client.waitReady(Duration.ofSeconds(8));
            client.close();
        }
        assertTrue(seen.size() >= 200);
        seen.removeIf(one -> one instanceof ConnectionInfo.State || one == Status.RELEASED);
        assertEquals(List.of(), List.copyOf(seen));
    }

    @Test
    void closingInACallback() throws Exception {
        ConcurrentLinkedQueue<String> order = new ConcurrentLinkedQueue<>();
        Client client = new Client(unlimited().listener(new Listener() {
            @Override
            public void onClosed(Client closed) {
                order.add("closed");
            }
        }));
        Security never = new Security(Security.MARKET_HK, "00002");
        CompletableFuture<CapitalDistribution> future = client.getCapitalDistribution(never, null);
        client.getCapitalDistribution(TENCENT, null, reply -> {
            client.close();
            client.close();
            order.add(reply.status().name());
        });
        assertTrue(Simulator.soon(() -> order.contains("closed")), order::toString);
        assertEquals(List.of("OK", "closed"), List.copyOf(order));
        ExecutionException ended = assertThrows(ExecutionException.class, () -> future.get(20, TimeUnit.SECONDS));
        assertEquals(Status.RELEASED, ((RequestException) ended.getCause()).status());
    }

    /** Requests two more and waits for both, to that depth. */
    private static int both(Client client, int levels) {
        if (levels == 0) return 1;
        CompletableFuture<Integer> one = client.getCapitalDistribution(TENCENT, null).thenApply(figures -> both(client, levels - 1));
        CompletableFuture<Integer> other = client.getCapitalDistribution(TENCENT, null).thenApply(figures -> both(client, levels - 1));
        CompletableFuture.allOf(one, other).join();
        return one.join() + other.join();
    }

    @Test
    void whatDependsOnAFutureMayWait() throws Exception {
        try (Client client = new Client(unlimited())) {
            List<CompletableFuture<Integer>> futures = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                CompletableFuture<Void> pair = CompletableFuture.allOf(
                        client.getCapitalDistribution(TENCENT, null), client.sendProto(1002, new byte[] {10, 2, 8, 0}, null));
                futures.add(pair.thenApply(nothing -> both(client, 3)));
                futures.add(client.getCapitalDistribution(TENCENT, null).thenApply(figures -> {
                    try {
                        client.waitReady(Duration.ofSeconds(1));
                        return client.fetchCapitalDistribution("HK.00700").capitalInBig() > 0 ? 8 : 0;
                    } catch (InterruptedException interrupted) {
                        return -1;
                    }
                }));
            }
            for (CompletableFuture<Integer> future : futures) assertEquals(8, future.get(20, TimeUnit.SECONDS));
        }
        assertTrue(Simulator.soon(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("capdist-futures"))), "threads are left");
    }

    @Test
    void whatDependsOnAFutureMayClose() throws Exception {
        for (int round = 0; round < 20; round++) {
            Client client = new Client(unlimited());
            List<CompletableFuture<Void>> futures = new ArrayList<>();
            try {
                for (int i = 0; i < 500; i++) {
                    futures.add(client.getCapitalDistribution(TENCENT, null).handle((figures, failed) -> {
                        client.close();
                        return null;
                    }));
                }
            } catch (CapdistException closed) { // by the stage of the first answer
                assertEquals(Status.RELEASED, closed.status());
            }
            for (CompletableFuture<Void> future : futures) future.get(20, TimeUnit.SECONDS);
            client.close();
        }
    }

    @Test
    void whenCloseReturnsEveryFutureHasEnded() throws Exception {
        for (int round = 0; round < 20; round++) {
            List<CompletableFuture<?>> futures = new ArrayList<>();
            try (Client client = new Client(unlimited())) {
                for (int i = 0; i < 500; i++) {
                    futures.add(client.getCapitalDistribution(TENCENT, null));
                    futures.add(client.sendProto(1002, new byte[] {10, 2, 8, 0}, null));
                }
                if (round % 2 == 0) client.fetchCapitalDistribution("HK.00700");
            }
            assertTrue(futures.stream().allMatch(CompletableFuture::isDone));
        }
    }

    @Test
    void closingFromManyThreadsWhileAsking() throws Exception {
        for (int round = 0; round < 20; round++) {
            Client client = new Client(unlimited());
            AtomicInteger accepted = new AtomicInteger();
            AtomicInteger ended = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                boolean closes = i % 2 == 1;
                Thread thread = new Thread(() -> {
                    try {
                        for (int n = 0; n < 50; n++) {
                            client.getCapitalDistribution(TENCENT, null, reply -> ended.incrementAndGet());
                            accepted.incrementAndGet();
                        }
                        if (closes) client.close();
                    } catch (CapdistException closed) {
                        if (closed.status() != Status.RELEASED) throw closed;
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) thread.join();
            client.close();
            assertEquals(accepted.get(), ended.get());
        }
    }

    @Test
    void connectionsComeAndGo() throws Exception {
        // This loads what is loaded at first use.
        try (Client client = new Client(unlimited())) {
            client.fetchCapitalDistribution("HK.00700");
        }
        // The JVM's own threads vary, but not by one for each connection.
        int before = Simulator.threads();
        for (int i = 0; i < 100; i++) {
            try (Client client = new Client(unlimited())) {
                if (i % 2 == 0) client.waitReady(Duration.ofSeconds(8));
                if (i % 4 == 0) client.fetchCapitalDistribution("HK.00700");
                assertTrue(Simulator.soon(() -> Simulator.attached() <= 1));
            }
            assertTrue(Simulator.soon(() -> Simulator.attached() == 0));
        }
        int after = Simulator.threads();
        assertTrue(after < before + 20, before + " threads before, " + after + " after");
    }
}
