package vendor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import capdist.ErrCode;
import capdist.Simulator;
import com.futu.openapi.FTAPI;
import com.futu.openapi.FTAPI_Conn;
import com.futu.openapi.FTAPI_Conn_Qot;
import com.futu.openapi.FTSPI_Conn;
import com.futu.openapi.FTSPI_Qot;
import com.futu.openapi.pb.QotCommon;
import com.futu.openapi.pb.QotGetCapitalDistribution;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The vendor's classes. The suite runs this test for both brands. */
@Timeout(300)
class FTTest {
    private static final String RSA_KEY = "Tests/vectors/rsa/1024.pem";
    private static Simulator gateway;

    @BeforeAll
    static void start() throws Exception {
        FTAPI.init();
        gateway = new Simulator("--no-quota", "--fault", "never@HK.00001", "--fault", "truncated@HK.00002");
    }

    @AfterAll
    static void stop() throws Exception {
        FTAPI.unInit();
        gateway.close();
    }

    private static QotGetCapitalDistribution.Request request(String code) {
        QotCommon.Security security = QotCommon.Security.newBuilder()
                .setMarket(QotCommon.QotMarket.QotMarket_HK_Security_VALUE)
                .setCode(code)
                .build();
        return QotGetCapitalDistribution.Request.newBuilder()
                .setC2S(QotGetCapitalDistribution.C2S.newBuilder().setSecurity(security))
                .build();
    }

    private static final class Recorder implements FTSPI_Conn, FTSPI_Qot, AutoCloseable {
        final FTAPI_Conn_Qot api = new FTAPI_Conn_Qot();
        final AtomicInteger connected = new AtomicInteger();
        final AtomicInteger lost = new AtomicInteger();
        final AtomicLong errCode = new AtomicLong();
        final AtomicBoolean isOther = new AtomicBoolean();
        final ConcurrentLinkedQueue<Integer> serialNos = new ConcurrentLinkedQueue<>();
        final ConcurrentLinkedQueue<QotGetCapitalDistribution.Response> responses = new ConcurrentLinkedQueue<>();
        volatile int asks; // in onInitConnect
        volatile boolean closes; // in the first answer

        Recorder() {
            api.setConnSpi(this);
            api.setQotSpi(this);
        }

        boolean open(int port, boolean isEnableEncrypt) {
            return api.initConnect("127.0.0.1", (short) port, isEnableEncrypt);
        }

        Recorder ready() throws InterruptedException {
            assertTrue(open(gateway.port, false));
            assertTrue(Simulator.soon(() -> connected.get() == 1));
            assertEquals(0, errCode.get());
            return this;
        }

        QotGetCapitalDistribution.Response answer() throws InterruptedException {
            assertTrue(Simulator.soon(() -> !responses.isEmpty()));
            serialNos.remove();
            return responses.remove();
        }

        @Override
        public void onInitConnect(FTAPI_Conn client, long code, String desc) {
            if (client != api || desc.isEmpty() != (code == 0)) isOther.set(true);
            errCode.set(code);
            for (int i = 0; i < asks; i++) api.getCapitalDistribution(request("00700"));
            connected.incrementAndGet();
        }

        @Override
        public void onDisconnect(FTAPI_Conn client, long code) {
            if (client != api) isOther.set(true);
            errCode.set(code);
            lost.incrementAndGet();
        }

        @Override
        public void onReply_GetCapitalDistribution(
                FTAPI_Conn client, int nSerialNo, QotGetCapitalDistribution.Response rsp) {
            if (client != api) isOther.set(true);
            if (closes) api.close();
            serialNos.add(nSerialNo);
            responses.add(rsp);
        }

        @Override
        public void close() {
            api.close();
            assertFalse(isOther.get());
        }
    }

    @Test
    void figuresAskedForInOnInitConnect() throws Exception {
        try (Recorder recorder = new Recorder()) {
            recorder.asks = 1;
            assertTrue(recorder.open(gateway.port, false));
            QotGetCapitalDistribution.Response response = recorder.answer();
            assertEquals(0, response.getRetType());
            assertEquals(859479380, response.getS2C().getCapitalInBig());
            assertEquals("2022-06-08 10:44:21", response.getS2C().getUpdateTime());
        }
    }

    @Test
    void aRefusalByTheGatewayComesAsItIs() throws Exception {
        try (Recorder recorder = new Recorder().ready()) {
            int serialNo = recorder.api.getCapitalDistribution(request("99999"));
            assertTrue(serialNo != 0);
            assertTrue(Simulator.soon(() -> !recorder.serialNos.isEmpty()));
            assertEquals(serialNo, recorder.serialNos.peek());
            QotGetCapitalDistribution.Response response = recorder.answer();
            assertEquals(-1, response.getRetType());
            assertEquals("未知股票 HK.99999", response.getRetMsg());
        }
    }

    @Test
    void aDamagedAnswerIsNoSuccess() throws Exception {
        try (Recorder recorder = new Recorder().ready()) {
            assertTrue(recorder.api.getCapitalDistribution(request("00002")) != 0);
            QotGetCapitalDistribution.Response response = recorder.answer();
            assertEquals(-500, response.getRetType());
            assertFalse(response.getRetMsg().isEmpty());
            assertFalse(response.hasS2C());
        }
    }

    @Test
    void aRefusedRequestHasSerialNumber0AndNoAnswer() throws Exception {
        try (Recorder recorder = new Recorder()) {
            assertEquals(0, recorder.api.getCapitalDistribution(request("00700"))); // not connected
            assertEquals(BigInteger.ZERO, recorder.api.getConnectID());
            recorder.ready();
            assertEquals(0, recorder.api.getCapitalDistribution(null));
            assertEquals(
                    0,
                    recorder.api.getCapitalDistribution(
                            QotGetCapitalDistribution.Request.newBuilder().buildPartial()));
            assertEquals(0, recorder.api.getCapitalDistribution(request("")));
            assertEquals(0, recorder.api.getCapitalDistribution(request("1".repeat(200))));
            recorder.api.close();
            recorder.api.close();
            assertEquals(0, recorder.api.getCapitalDistribution(request("00700")));
            assertEquals(BigInteger.ZERO, recorder.api.getConnectID());
            assertTrue(recorder.responses.isEmpty());
        }
    }

    @Test
    void theConnectIDHasNoSign() throws Exception {
        // This gateway's first connection number is above 2^63.
        try (Simulator seeded = new Simulator("--seed", "2"); Recorder recorder = new Recorder()) {
            assertTrue(recorder.open(seeded.port, false));
            assertTrue(Simulator.soon(() -> recorder.connected.get() == 1));
            BigInteger id = recorder.api.getConnectID();
            assertEquals(64, id.bitLength());
            assertEquals(Long.toUnsignedString(id.longValue()), "%d".formatted(id));
        }
    }

    @Test
    void encryption() throws Exception {
        String key = Files.readString(Path.of(RSA_KEY));
        try (Recorder recorder = new Recorder()) {
            assertFalse(recorder.open(gateway.port, true)); // no key is set
            recorder.api.setRSAPrivateKey("-----BEGIN RSA PRIVATE KEY-----");
            assertFalse(recorder.open(gateway.port, true));
            assertEquals(0, recorder.connected.get());
        }
        try (Simulator encrypting = new Simulator("--rsa-key", RSA_KEY); Recorder recorder = new Recorder()) {
            recorder.api.setRSAPrivateKey(key);
            recorder.asks = 1;
            assertTrue(recorder.open(encrypting.port, true));
            assertEquals(859479380, recorder.answer().getS2C().getCapitalInBig());
        }
        // It never falls back to an unencrypted connection.
        try (Recorder recorder = new Recorder()) {
            recorder.api.setRSAPrivateKey(key);
            assertTrue(recorder.open(gateway.port, true));
            assertTrue(Simulator.soon(() -> recorder.connected.get() == 1));
            assertEquals(ErrCode.KIND_INIT_CONNECT, ErrCode.kind(recorder.errCode.get()));
            assertEquals(ErrCode.INIT_CONNECT_UNKNOWN, ErrCode.code(recorder.errCode.get()));
        }
    }

    @Test
    void noConnectionIsToldOnceAndTriedAgain() throws Exception {
        try (Recorder recorder = new Recorder()) {
            assertTrue(recorder.open(1, false)); // nothing listens there
            assertTrue(Simulator.soon(() -> recorder.connected.get() == 1));
            assertEquals(ErrCode.KIND_CONNECT, ErrCode.kind(recorder.errCode.get()));
            assertEquals(111, ErrCode.code(recorder.errCode.get())); // ECONNREFUSED
            Thread.sleep(1500); // time for more attempts
            assertEquals(1, recorder.connected.get());
            // A request is refused at once, and not after two minutes.
            assertEquals(0, recorder.api.getCapitalDistribution(request("00700")));
            // An application may also reconnect by itself.
            assertTrue(recorder.open(gateway.port, false));
            assertTrue(Simulator.soon(() -> recorder.connected.get() == 2));
            assertEquals(0, recorder.errCode.get());
        }
    }

    @Test
    void aGatewayThatRefusesForAWhileIsReachedInTheEnd() throws Exception {
        try (Simulator refusing = new Simulator("--fault", "init-refused"); Recorder recorder = new Recorder()) {
            assertTrue(recorder.open(refusing.port, false));
            assertTrue(Simulator.soon(() -> recorder.connected.get() == 1));
            assertEquals(ErrCode.INIT_CONNECT_REFUSED, ErrCode.code(recorder.errCode.get()));
            refusing.close();
            try (Simulator well = new Simulator("--port", String.valueOf(refusing.port))) {
                assertTrue(Simulator.soon(() -> recorder.connected.get() == 2));
                assertEquals(0, recorder.errCode.get());
                assertTrue(recorder.api.getCapitalDistribution(request("00700")) != 0);
                assertEquals(0, recorder.answer().getRetType());
            }
        }
    }

    @Test
    void whyInitConnectFailed() throws Exception {
        List<String> faults = List.of("init-refused", "accept-close", "init-no-content");
        List<Integer> codes = List.of(
                ErrCode.INIT_CONNECT_REFUSED, ErrCode.INIT_CONNECT_DISCONNECTED, ErrCode.INIT_CONNECT_UNKNOWN);
        for (int i = 0; i < faults.size(); i++) {
            try (Simulator failing = new Simulator("--fault", faults.get(i)); Recorder recorder = new Recorder()) {
                assertTrue(recorder.open(failing.port, false));
                assertTrue(Simulator.soon(() -> recorder.connected.get() == 1));
                assertEquals(ErrCode.KIND_INIT_CONNECT, ErrCode.kind(recorder.errCode.get()), faults.get(i));
                assertEquals(codes.get(i), ErrCode.code(recorder.errCode.get()), faults.get(i));
                assertEquals(0, recorder.lost.get());
            }
        }
    }

    @Test
    void aLostConnectionIsMadeAgainUnlessTurnedOff() throws Exception {
        for (boolean reconnects : new boolean[] {false, true}) {
            try (Simulator dropping = new Simulator("--fault", "drop-after=1"); Recorder recorder = new Recorder()) {
                recorder.asks = 1; // then the gateway closes the connection
                if (!reconnects) recorder.api.setAutoReconnect(false);
                assertTrue(recorder.open(dropping.port, false));
                assertTrue(Simulator.soon(() -> recorder.lost.get() >= 1));
                if (reconnects) {
                    assertTrue(Simulator.soon(() -> recorder.connected.get() >= 2));
                } else {
                    assertEquals(ErrCode.KIND_RECEIVE, ErrCode.kind(recorder.errCode.get()));
                    Thread.sleep(1500); // longer than the first pause between attempts
                    assertEquals(1, recorder.connected.get());
                    assertEquals(1, recorder.lost.get());
                }
            }
        }
    }

    @Test
    void closingAnswersWhatIsInFlight() throws Exception {
        Recorder recorder = new Recorder().ready();
        for (int i = 0; i < 3; i++) assertTrue(recorder.api.getCapitalDistribution(request("00001")) != 0);
        recorder.close();
        assertEquals(3, recorder.responses.size());
        for (QotGetCapitalDistribution.Response response : recorder.responses) {
            assertEquals(-200, response.getRetType());
            assertFalse(response.getRetMsg().isEmpty());
        }
    }

    @Test
    void closingInACallback() throws Exception {
        Recorder recorder = new Recorder();
        recorder.closes = true;
        recorder.asks = 3;
        assertTrue(recorder.open(gateway.port, false));
        assertTrue(Simulator.soon(() -> recorder.responses.size() == 3));
        assertEquals(0, recorder.responses.remove().getRetType());
        recorder.close();
    }

    @Test
    void everyMethodOfAnSpiHasADefault() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        FTAPI_Conn_Qot api = new FTAPI_Conn_Qot();
        api.setClientInfo(null, 100);
        api.setConnSpi(new FTSPI_Conn() {});
        api.setQotSpi(new FTSPI_Qot() {});
        assertTrue(api.initConnect("127.0.0.1", gateway.port, false));
        assertTrue(api.getCapitalDistribution(request("00700")) != 0); // waits for the connection
        api.setConnSpi(null);
        api.setQotSpi(new FTSPI_Qot() {
            @Override
            public void onReply_GetCapitalDistribution(
                    FTAPI_Conn client, int nSerialNo, QotGetCapitalDistribution.Response rsp) {
                assertSame(api, client);
                answered.countDown();
            }
        });
        assertTrue(api.getCapitalDistribution(request("00700")) != 0);
        assertTrue(answered.await(20, TimeUnit.SECONDS));
        api.setQotSpi(null);
        assertTrue(api.getCapitalDistribution(request("00700")) != 0);
        api.close();
        assertFalse(api.initConnect("127.0.0.1", 0, false));
        assertFalse(api.initConnect(null, 11111, false));
        assertFalse(api.initConnect("127.0.0.1", 70_000, false));
    }
}
