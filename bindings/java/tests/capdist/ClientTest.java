package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The client behaves as its documentation says. */
@Timeout(300)
class ClientTest {
    private static final Duration PATIENCE = Duration.ofSeconds(8);
    private static final Security TENCENT = new Security(Security.MARKET_HK, "00700");
    private static final String RSA_KEY = "Tests/vectors/rsa/1024.pem";

    private static Simulator gateway;

    @BeforeAll
    static void start() throws Exception {
        gateway = new Simulator("--no-quota", "--fault", "never@HK.00001", "--fault", "no-content@HK.00002",
                "--fault", "too-frequent=7@HK.00003");
    }

    @AfterAll
    static void stop() throws Exception {
        gateway.close();
    }

    private static Client ready(Options options) throws InterruptedException {
        Client client = new Client(options);
        client.waitReady(PATIENCE);
        return client;
    }

    private static Status refusal(Executable call) {
        return assertThrows(CapdistException.class, call).status();
    }

    private static RequestException failure(CompletableFuture<?> future) {
        CompletionException thrown = assertThrows(CompletionException.class, future::join);
        return assertInstanceOf(RequestException.class, thrown.getCause());
    }

    @Test
    void figures() throws Exception {
        try (Client client = new Client("127.0.0.1", gateway.port)) {
            CapitalDistribution figures = client.fetchCapitalDistribution("HK.00700");
            assertEquals(
                    new CapitalDistribution(
                            OptionalDouble.of(824967660), 859479380, 763181580, 1011289940,
                            OptionalDouble.of(252818140), 444405720, 503977520, 807438760,
                            Optional.of("2022-06-08 10:44:21"), OptionalDouble.of(1654656261)),
                    figures);
            assertEquals(figures, client.getCapitalDistribution("HK.00700").get(20, TimeUnit.SECONDS));
        }
    }

    @Test
    void figuresThatTheGatewayDoesNotSendAreEmpty() throws Exception {
        try (Simulator old = new Simulator("--old"); Client client = new Client(old.options())) {
            CapitalDistribution figures = client.fetchCapitalDistribution("HK.00700");
            assertEquals(OptionalDouble.empty(), figures.capitalInSuper());
            assertEquals(OptionalDouble.empty(), figures.capitalOutSuper());
            assertEquals(Optional.empty(), figures.updateTime());
            assertEquals(OptionalDouble.empty(), figures.updateTimestamp());
            assertEquals(859479380, figures.capitalInBig());
        }
    }

    @Test
    void whatTheGatewayRefuses() throws Exception {
        try (Client client = new Client(gateway.options())) {
            RequestException thrown =
                    assertThrows(RequestException.class, () -> client.fetchCapitalDistribution("HK.99999"));
            assertEquals(Status.REFUSED, thrown.status());
            assertTrue(thrown.getMessage().contains("未知股票"), thrown.getMessage());
            assertEquals("fetchCapitalDistribution", thrown.getStackTrace()[0].getMethodName());
            Reply reply = thrown.reply();
            assertEquals(new Security(Security.MARKET_HK, "99999"), reply.security());
            assertTrue(reply.wasSent());
            assertEquals(OptionalInt.of(-1), reply.retType());
            assertEquals(Optional.of("未知股票 HK.99999"), reply.retMsg());
            assertEquals(Duration.ZERO, reply.retryAfter());
            assertEquals(Optional.empty(), reply.distribution());
            assertTrue(reply.body().length > 0);
            assertTrue(reply.serialNo() > 0);
            assertEquals("{\n  \"retType\": -1,\n  \"retMsg\": \"未知股票 HK.99999\",\n  \"errCode\": 0\n}", reply.toJson());

            assertEquals(Status.REFUSED, failure(client.getCapitalDistribution("HK.99999")).status());
            assertEquals(Status.MALFORMED_REPLY, failure(client.getCapitalDistribution("HK.00002")).status());
        }
        try (Client client = new Client(gateway.options())) {
            RequestException frequent = failure(client.getCapitalDistribution("HK.00003"));
            assertEquals(Status.RATE_LIMITED, frequent.status());
            long ms = frequent.reply().retryAfter().toMillis();
            assertTrue(ms > 6000 && ms <= 7001, ms + " ms");
        }
    }

    @Test
    void repliesAsJson() throws Exception {
        try (Client client = new Client(gateway.options())) {
            CompletableFuture<Reply> replied = new CompletableFuture<>();
            long serialNo = client.getCapitalDistribution(TENCENT, null, replied::complete);
            Reply reply = replied.get(20, TimeUnit.SECONDS);
            assertEquals(serialNo, reply.serialNo());
            assertEquals(Status.OK, reply.status());
            assertEquals("", reply.desc());
            assertEquals("""
                    {
                      "retType": 0,
                      "retMsg": "",
                      "errCode": 0,
                      "s2c": {
                        "capitalInBig": 859479380,
                        "capitalInMid": 763181580,
                        "capitalInSmall": 1011289940,
                        "capitalOutBig": 444405720,
                        "capitalOutMid": 503977520,
                        "capitalOutSmall": 807438760,
                        "updateTime": "2022-06-08 10:44:21",
                        "updateTimestamp": 1654656261,
                        "capitalInSuper": 824967660,
                        "capitalOutSuper": 252818140
                      }
                    }""", reply.toJson());
        }
    }

    @Test
    void aRequestHasItsOwnTimes() throws Exception {
        try (Client client = ready(gateway.options())) {
            RequestOptions soon = new RequestOptions().replyTimeout(Duration.ofMillis(200));
            RequestException late =
                    failure(client.getCapitalDistribution(new Security(Security.MARKET_HK, "00001"), soon));
            assertEquals(Status.REPLY_TIMEOUT, late.status());
            assertTrue(late.reply().wasSent());
            assertEquals("{}", late.reply().toJson());
        }
        try (ServerSocket silent = Simulator.silent();
                Client client = new Client(new Options().port(silent.getLocalPort()).quotaGroup("times"))) {
            RequestOptions soon = new RequestOptions().queueTimeout(Duration.ofMillis(200));
            RequestException never = failure(client.getCapitalDistribution(TENCENT, soon));
            assertEquals(Status.QUEUE_TIMEOUT, never.status());
            assertFalse(never.reply().wasSent());
        }
    }

    @Test
    void cancelling() throws Exception {
        try (ServerSocket silent = Simulator.silent();
                Client client = new Client(
                        new Options().port(silent.getLocalPort()).quotaGroup("cancelling").maxQueue(1))) {
            CompletableFuture<CapitalDistribution> first = client.getCapitalDistribution("HK.00700");
            assertEquals(Status.QUEUE_FULL, refusal(() -> client.getCapitalDistribution("HK.00700")));
            assertTrue(first.cancel(true));
            assertTrue(first.isCancelled());

            // The request itself has completed: its place in the queue is free again.
            AtomicReference<Reply> replied = new AtomicReference<>();
            long[] serialNo = new long[1];
            assertTrue(Simulator.soon(() -> {
                try {
                    serialNo[0] = client.getCapitalDistribution(TENCENT, null, replied::set);
                    return true;
                } catch (CapdistException full) {
                    return false;
                }
            }));
            client.cancel(serialNo[0]);
            assertTrue(Simulator.soon(() -> replied.get() != null));
            assertEquals(Status.CANCELLED, replied.get().status());
            assertEquals(Status.NOT_FOUND, refusal(() -> client.cancel(serialNo[0])));

            CompletableFuture<ProtoReply> raw = client.sendProto(1002, new byte[0], null);
            assertTrue(raw.cancel(false));
            CompletableFuture<CapitalDistribution> late = new CompletableFuture<>();
            assertTrue(Simulator.soon(() -> {
                try {
                    client.getCapitalDistribution("HK.00700").thenAccept(late::complete);
                    return true;
                } catch (CapdistException full) {
                    return false;
                }
            }));
        }
    }

    @Test
    void anInterruptEndsAWait() throws Exception {
        try (ServerSocket silent = Simulator.silent();
                Client client =
                        new Client(new Options().port(silent.getLocalPort()).quotaGroup("interrupt").maxQueue(1))) {
            List<Executable> waits = List.of(
                    () -> client.fetchCapitalDistribution("HK.00700"),
                    () -> client.waitReady(Duration.ofSeconds(20)),
                    () -> client.getCapitalDistribution("HK.00700").get());
            for (Executable wait : waits) {
                AtomicReference<Throwable> thrown = new AtomicReference<>();
                Thread thread = new Thread(() -> {
                    try {
                        wait.execute();
                    } catch (Throwable throwable) {
                        thrown.set(throwable);
                    }
                });
                thread.start();
                assertTrue(Simulator.soon(() -> thread.getState() == Thread.State.WAITING
                        || thread.getState() == Thread.State.TIMED_WAITING));
                thread.interrupt();
                thread.join(8000);
                assertInstanceOf(InterruptedException.class, thrown.get());
                // The interrupted request has completed: there is room for the next one.
            }
        }
    }

    @Test
    void waitingForTheConnection() throws Exception {
        try (Client client = ready(gateway.options())) {
            client.waitReady(Duration.ZERO);
            assertEquals(Status.INVALID_ARGUMENT, refusal(() -> client.waitReady(Duration.ofHours(2))));
            assertEquals(Status.INVALID_ARGUMENT, refusal(() -> client.waitReady(Duration.ofMillis(-1))));
        }
        try (ServerSocket silent = Simulator.silent();
                Client client = new Client(new Options().port(silent.getLocalPort()).quotaGroup("waiting"))) {
            assertEquals(Status.CONNECT_TIMEOUT, refusal(() -> client.waitReady(Duration.ZERO)));
            long start = System.nanoTime();
            assertEquals(Status.CONNECT_TIMEOUT, refusal(() -> client.waitReady(Duration.ofMillis(300))));
            assertTrue(System.nanoTime() - start >= 300_000_000);

            // Closing ends the wait.
            CompletableFuture<Status> waited =
                    CompletableFuture.supplyAsync(() -> refusal(() -> client.waitReady(Duration.ofSeconds(20))));
            Thread.sleep(50);
            client.close();
            assertEquals(Status.RELEASED, waited.get(20, TimeUnit.SECONDS));
        }
        // Nothing listens on port 1.
        try (Client client = new Client(new Options().port(1).reconnect(false).quotaGroup("waiting"))) {
            CapdistException failed =
                    assertThrows(CapdistException.class, () -> client.waitReady(Duration.ofSeconds(20)));
            assertEquals(Status.CONNECT_FAILED, failed.status());
            assertTrue(failed.getMessage().contains("is OpenD running there?"), failed.getMessage());
            assertEquals(ConnectionInfo.State.NOT_CONNECTED, client.connectionInfo().state());
            assertEquals(Status.NOT_CONNECTED, refusal(() -> client.getCapitalDistribution("HK.00700")));
        }
        // An attempt has failed and will be repeated. After the timeout, the cause is that of the attempt.
        try (Client client = new Client(new Options().port(1).quotaGroup("waiting"))) {
            assertEquals(Status.CONNECT_FAILED, refusal(() -> client.waitReady(Duration.ofMillis(300))));
        }
    }

    @Test
    void whatWaitsIsRefusedInACallback() throws Exception {
        try (Client client = ready(gateway.options())) {
            CompletableFuture<List<Status>> seen = new CompletableFuture<>();
            client.getCapitalDistribution(TENCENT, null, reply -> {
                List<Status> statuses = new ArrayList<>();
                CompletableFuture<CapitalDistribution> next = client.getCapitalDistribution("HK.00700");
                List<Executable> waits = List.of(
                        () -> client.fetchCapitalDistribution("HK.00700"),
                        () -> client.waitReady(Duration.ofSeconds(1)),
                        next::join,
                        next::get,
                        () -> next.get(1, TimeUnit.SECONDS),
                        () -> next.thenApply(figures -> 1).join());
                for (Executable wait : waits) {
                    try {
                        wait.execute();
                        statuses.add(Status.OK);
                    } catch (CapdistException refused) {
                        statuses.add(refused.status());
                    } catch (Throwable other) {
                        statuses.add(null);
                    }
                }
                next.thenAccept(figures -> {
                    next.join(); // it has completed: this does not wait
                    seen.complete(statuses);
                });
            });
            assertEquals(List.of(Status.WOULD_DEADLOCK, Status.WOULD_DEADLOCK, Status.WOULD_DEADLOCK,
                    Status.WOULD_DEADLOCK, Status.WOULD_DEADLOCK, Status.WOULD_DEADLOCK), seen.get(20, TimeUnit.SECONDS));
        }
    }

    @Test
    void callsOnAClosedClientThrow() throws Exception {
        Client client = ready(gateway.options());
        client.close();
        client.close();
        List<Executable> calls = List.of(
                () -> client.getCapitalDistribution("HK.00700"),
                () -> client.getCapitalDistribution(TENCENT, null, reply -> {}),
                () -> client.fetchCapitalDistribution("HK.00700"),
                () -> client.waitReady(Duration.ofSeconds(1)),
                () -> client.sendProto(1002, new byte[0], null),
                () -> client.cancel(1),
                client::connectionInfo,
                client::quota);
        for (Executable call : calls) assertEquals(Status.RELEASED, refusal(call));
    }

    @Test
    void closingEndsWhatIsInFlight() throws Exception {
        List<String> order = new ArrayList<>();
        AtomicReference<Client> seen = new AtomicReference<>();
        Client client = ready(gateway.options().listener(new Listener() {
            @Override
            public void onClosed(Client closed) {
                seen.set(closed);
                order.add("closed");
            }

            @Override
            public void onDisconnect(Client lost, long errCode, String desc) {
                order.add("lost");
            }
        }));
        Security never = new Security(Security.MARKET_HK, "00001");
        CompletableFuture<CapitalDistribution> future = client.getCapitalDistribution(never, null);
        client.getCapitalDistribution(never, null, reply -> order.add(reply.status().name()));
        CompletableFuture<ProtoReply> raw = client.sendProto(1002, new byte[0], null);
        client.close();
        // All of this has happened by now.
        assertEquals(List.of("RELEASED", "closed"), order);
        assertSame(client, seen.get());
        assertEquals(Status.RELEASED, failure(future).status());
        assertTrue(raw.isDone());
    }

    @Test
    void argumentsThatAreRefused() throws Exception {
        try (Client client = ready(gateway.options())) {
            List<Executable> calls = List.of(
                    () -> client.getCapitalDistribution((String) null),
                    () -> client.getCapitalDistribution(""),
                    () -> client.getCapitalDistribution("00700"),
                    () -> client.getCapitalDistribution("HK.00700\0X"),
                    () -> client.getCapitalDistribution("HK.\ud800"),
                    () -> client.getCapitalDistribution(null, null),
                    () -> client.getCapitalDistribution(TENCENT, null, null),
                    () -> client.getCapitalDistribution(new Security(Security.MARKET_HK, null), null),
                    () -> client.getCapitalDistribution(new Security(Security.MARKET_HK, ""), null),
                    () -> client.getCapitalDistribution(new Security(Security.MARKET_HK, "1".repeat(60)), null),
                    () -> client.getCapitalDistribution(new Security(Security.MARKET_HK, "00700\0X"), null),
                    () -> client.getCapitalDistribution(TENCENT, new RequestOptions().queueTimeout(Duration.ofMillis(-1))),
                    () -> client.getCapitalDistribution(TENCENT, new RequestOptions().replyTimeout(Duration.ofHours(2))),
                    () -> client.getCapitalDistribution(TENCENT, new RequestOptions().securityFirm(-1)),
                    () -> client.sendProto(1001, new byte[0], null),
                    () -> client.sendProto(1004, new byte[0], null),
                    () -> client.sendProto(1002, null, null),
                    () -> new Client(new Options().port(0x10000)),
                    () -> new Client(new Options().host("")),
                    () -> new Client(new Options().host("a\0b")),
                    () -> new Client(new Options().rsaPrivateKey("not PEM")),
                    () -> new Client(new Options().connectTimeout(Duration.ofSeconds(-1))));
            for (int i = 0; i < calls.size(); i++) {
                CapdistException thrown = assertThrows(CapdistException.class, calls.get(i), "call " + i);
                assertEquals(Status.INVALID_ARGUMENT, thrown.status(), "call " + i);
                assertFalse(thrown.getMessage().isEmpty(), "call " + i);
            }
            client.fetchCapitalDistribution("HK.00700");
        }
    }

    @Test
    void securities() {
        for (String text : List.of("HK.00700", "US.BRK.B", "US..DJI", "SH.600519", "SZ.000001", "SG.D05", "JP.7203",
                "AU.BHP", "MY.1155", "CA.RY", "FX.USDCNH", "CC.BTC")) {
            assertEquals(text, Security.parse(text).toString());
        }
        assertEquals(new Security(Security.MARKET_US, ".DJI"), Security.parse("US..DJI"));
        assertEquals("#7.X", new Security(7, "X").toString());
    }

    @Test
    void otherProtocols() throws Exception {
        try (Client client = ready(gateway.options())) {
            // GetGlobalState: c2s { userID: 0 }
            ProtoReply reply = client.sendProto(1002, new byte[] {10, 2, 8, 0}, null).get(20, TimeUnit.SECONDS);
            assertEquals(Status.OK, reply.status());
            assertEquals(1002, reply.protoId());
            assertEquals(OptionalInt.of(0), reply.retType());
            assertTrue(reply.wasSent());
            assertTrue(reply.body().length > 20);
            ProtoReply refused = client.sendProto(9999, new byte[0], null).get(20, TimeUnit.SECONDS);
            assertEquals(Status.REFUSED, refused.status());
            assertEquals(OptionalInt.of(-1), refused.retType());
            assertFalse(refused.desc().isEmpty());
        }
    }

    @Test
    void theQuota() throws Exception {
        try (Client client = ready(gateway.options()
                .quotaRequests(2)
                .quotaWindow(Duration.ofSeconds(20))
                .quotaMode(QuotaMode.FAIL))) {
            assertEquals(new Quota(2, Duration.ofSeconds(20), 0, 0, Optional.of(Duration.ZERO)), client.quota());
            client.fetchCapitalDistribution("HK.00700");
            client.fetchCapitalDistribution("HK.00700");
            assertEquals(Status.QUOTA_EXHAUSTED, refusal(() -> client.fetchCapitalDistribution("HK.00700")));
            CompletableFuture<CapitalDistribution> waits =
                    client.getCapitalDistribution(TENCENT, new RequestOptions().quotaMode(QuotaMode.WAIT));
            Quota quota = client.quota();
            assertEquals(2, quota.used());
            assertEquals(1, quota.waiting());
            assertTrue(quota.nextSlot().orElseThrow().toMillis() > 15_000, quota.toString());
            assertFalse(waits.isDone());
        }
    }

    @Test
    void whatTheGatewayIsTold(@TempDir Path folder) throws Exception {
        Path trace = folder.resolve("trace");
        try (Simulator traced = new Simulator("--trace", trace.toString())) {
            try (Client client = ready(traced.options().clientId("mïne").clientVersion(205).recvNotify(true))) {
                client.fetchCapitalDistribution(
                        new Security(Security.MARKET_US, "AAPL"), new RequestOptions().securityFirm(3));
            }
            try (Client client = ready(traced.options().host("localhost"))) {
                assertEquals(1011, client.connectionInfo().serverVersion());
            }
        }
        String seen = Files.readString(trace);
        for (String wanted : List.of("\"client_id\":\"mïne\"", "\"client_version\":205", "\"recv_notify\":true",
                "\"programming_language\":\"Java\"", "\"code\":\"AAPL\"", "\"security_firm\":3", "\"client_id\":\"capdist\"")) {
            assertTrue(seen.replace("\": ", "\":").contains(wanted), wanted + " in " + seen);
        }
    }

    @Test
    void listening() throws Exception {
        List<String> told = new ArrayList<>();
        Listener listener = new Listener() {
            private void tell(Client client, String what) {
                synchronized (told) {
                    told.add(what + (client == null ? " of nobody" : ""));
                }
            }

            @Override
            public void onInitConnect(Client client, long errCode, String desc) {
                tell(client, "init " + errCode + desc);
            }

            @Override
            public void onDisconnect(Client client, long errCode, String desc) {
                tell(client, "lost " + ErrCode.kind(errCode) + " " + !desc.isEmpty());
            }

            @Override
            public void onPush(Client client, int protoId, byte[] body) {
                tell(client, "push " + protoId + " " + (body.length > 0));
            }

            @Override
            public void onLog(Client client, LogLevel level, String message) {
                tell(client, "log " + level + " " + !message.isEmpty());
            }
        };
        Function<String, Boolean> was = what -> {
            synchronized (told) {
                return told.contains(what);
            }
        };
        try (Simulator pushing = new Simulator("--push", "1")) {
            try (Client client = new Client(pushing.options().recvNotify(true).listener(listener))) {
                assertTrue(Simulator.soon(() -> was.apply("push 1003 true")), told::toString);
                assertTrue(was.apply("init 0") && was.apply("log INFO true"), told::toString);
                pushing.kill();
                assertTrue(Simulator.soon(() -> was.apply("lost 11 true") && was.apply("log WARNING true")), told::toString);
            }
        }
    }

    @Test
    void theGatewayDiesAndComesBack() throws Exception {
        try (Simulator restarting = new Simulator("--no-quota", "--fault", "restart=20");
                Client client = new Client(restarting.options().quotaRequests(0).reconnectMin(Duration.ofMillis(50)))) {
            int answered = 0;
            int lost = 0;
            for (int i = 0; i < 60; i++) {
                try {
                    client.fetchCapitalDistribution("HK.00700");
                    answered++;
                } catch (RequestException failed) {
                    assertEquals(Status.DISCONNECTED, failed.status());
                    lost++;
                }
            }
            assertEquals(60, answered + lost);
            assertTrue(answered > 40, answered + " answered, " + lost + " lost");
        }
    }

    @Test
    void connectionInfo() throws Exception {
        try (Simulator seeded = new Simulator("--seed", "2"); Client client = ready(seeded.options())) {
            ConnectionInfo info = client.connectionInfo();
            assertEquals(ConnectionInfo.State.READY, info.state());
            assertEquals(BigInteger.valueOf(10_000_001), info.loginUserId());
            assertEquals(1011, info.serverVersion());
            assertEquals(1, info.connId().signum());
        }
    }

    @Test
    void encryption() throws Exception {
        try (Simulator encrypting = new Simulator("--rsa-key", RSA_KEY)) {
            for (Options.Cipher cipher : Options.Cipher.values()) {
                try (Client client = new Client(encrypting.options().rsaPrivateKeyFile(RSA_KEY).packetCipher(cipher))) {
                    assertEquals(859479380, client.fetchCapitalDistribution("HK.00700").capitalInBig(), cipher.name());
                }
            }
            String pem = Files.readString(Path.of(RSA_KEY));
            try (Client client = ready(encrypting.options().rsaPrivateKey(pem))) {
                assertEquals(859479380, client.fetchCapitalDistribution("HK.00700").capitalInBig());
            }
        }
        // This gateway does not encrypt.
        try (Client client = new Client(gateway.options().rsaPrivateKeyFile(RSA_KEY).reconnect(false))) {
            assertEquals(Status.ENCRYPTION_FAILED, refusal(() -> client.waitReady(PATIENCE)));
        }
    }

    @Test
    void errCodes() {
        long errCode = (100L << 32) | 5;
        assertEquals(ErrCode.KIND_INIT_CONNECT, ErrCode.kind(errCode));
        assertEquals(ErrCode.INIT_CONNECT_REFUSED, ErrCode.code(errCode));
    }

    @Test
    void version() {
        assertTrue(Client.version().matches("1\\.\\d+\\.\\d+"), Client.version());
    }
}
