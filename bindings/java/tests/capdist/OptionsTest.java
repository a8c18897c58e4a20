package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Each option sets its own field. */
class OptionsTest {
    /** The fields' values, by their C names. */
    private static Map<String, Object> values(Structure raw) throws IllegalAccessException {
        Map<String, Object> values = new TreeMap<>();
        Class<?> type = raw instanceof Abi.Options ? Abi.Options.class : raw.getClass();
        for (Field field : type.getFields()) {
            if (!List.of(type.getAnnotation(Structure.FieldOrder.class).value()).contains(field.getName())) continue;
            Object value = field.get(raw);
            values.put(field.getName(), value instanceof Pointer text ? CapdistLibrary.text(text) : value);
        }
        return values;
    }

    private static final Map<String, Options> EACH = new TreeMap<>(Map.ofEntries(
            Map.entry("host=::1", new Options().host("::1")),
            Map.entry("port=1234", new Options().port(1234)),
            Map.entry("client_id=ü", new Options().clientId("ü")),
            Map.entry("client_version=205", new Options().clientVersion(205)),
            Map.entry("recv_notify=1", new Options().recvNotify(true)),
            Map.entry("programming_language=Kotlin", new Options().programmingLanguage("Kotlin")),
            Map.entry("transport=2", new Options().transport(Options.Transport.WEBSOCKET_TLS)),
            Map.entry("packet_cipher=-1", new Options().packetCipher(Options.Cipher.NONE)),
            Map.entry("rsa_private_key=PEM", new Options().rsaPrivateKey("PEM")),
            Map.entry("rsa_private_key_file=key.pem", new Options().rsaPrivateKeyFile("key.pem")),
            Map.entry("websocket_key=secret", new Options().websocketKey("secret")),
            Map.entry("tls_ca_file=ca.pem", new Options().tlsCaFile("ca.pem")),
            Map.entry("tls_server_name=opend.example", new Options().tlsServerName("opend.example")),
            Map.entry("tls_insecure_accept_any_certificate=1", new Options().tlsInsecureAcceptAnyCertificate(true)),
            Map.entry("reconnect=0", new Options().reconnect(false)),
            Map.entry("reconnect_min_ms=11", new Options().reconnectMin(Duration.ofMillis(11))),
            Map.entry("reconnect_max_ms=12", new Options().reconnectMax(Duration.ofMillis(12))),
            Map.entry("connect_timeout_ms=13", new Options().connectTimeout(Duration.ofMillis(13))),
            Map.entry("queue_timeout_ms=14", new Options().queueTimeout(Duration.ofMillis(14))),
            Map.entry("reply_timeout_ms=15", new Options().replyTimeout(Duration.ofMillis(15))),
            Map.entry("quota_requests=16", new Options().quotaRequests(16)),
            Map.entry("quota_window_ms=17", new Options().quotaWindow(Duration.ofMillis(17))),
            Map.entry("outage_mode=2", new Options().outageMode(OutageMode.FAIL)),
            Map.entry("quota_mode=2", new Options().quotaMode(QuotaMode.FAIL)),
            Map.entry("max_queue=18", new Options().maxQueue(18)),
            Map.entry("max_body_bytes=2048", new Options().maxBodyBytes(2048)),
            Map.entry("quota_group=mine", new Options().quotaGroup("mine"))));

    @Test
    void eachSetsItsFieldAndNoOther() throws Exception {
        Map<String, Object> defaults = values(new Options().raw());
        Set<String> left = new HashSet<>(defaults.keySet());
        for (Map.Entry<String, Options> one : EACH.entrySet()) {
            Map<String, Object> values = values(one.getValue().raw());
            values.entrySet().removeAll(defaults.entrySet());
            assertEquals("{" + one.getKey() + "}", values.toString());
            left.removeAll(values.keySet());
        }
        // These are set when the client is made. Application-driven mode is not supported.
        assertEquals(
                Set.of(
                        "struct_size", "mode", "on_init_connect", "on_disconnect", "on_push", "on_log", "on_closed",
                        "on_attempt_failed", "user_data", "on_resolve", "on_thread_start", "thread_stack_bytes"),
                left);
    }

    @Test
    void defaultsAreTheLibrarys() throws Exception {
        Map<String, Object> defaults = values(new Options().raw());
        Map<String, Object> library = values(new CapdistLibrary.RawOptions());
        assertEquals("Java", defaults.put("programming_language", library.get("programming_language")));
        assertEquals(library, defaults);
    }

    @Test
    void nullTakesTheDefault() {
        assertNull(new Options().host("elsewhere").host(null).raw().host);
    }

    @Test
    void timesAreRoundedUp() {
        assertEquals(0, Options.milliseconds(Duration.ZERO));
        assertEquals(1, Options.milliseconds(Duration.ofNanos(1)));
        assertEquals(1, Options.milliseconds(Duration.ofMillis(1)));
        assertEquals(2, Options.milliseconds(Duration.ofNanos(1_000_001)));
        assertTrue(Options.milliseconds(Duration.ofNanos(-1)) < 0);
        assertTrue(Options.milliseconds(Duration.ofSeconds(Long.MAX_VALUE)) > 3_600_000);
        assertTrue(Options.milliseconds(Duration.ofSeconds(Long.MIN_VALUE)) < 0);
    }

    @Test
    void requestOptions() throws Exception {
        Abi.RequestOptions raw = new RequestOptions()
                .queueTimeout(Duration.ofMillis(1))
                .replyTimeout(Duration.ofMillis(2))
                .quotaMode(QuotaMode.FAIL)
                .securityFirm(3)
                .outageMode(OutageMode.WAIT)
                .maxAge(Duration.ofMillis(4))
                .raw();
        assertEquals(
                "{max_age_ms=4, outage_mode=1, queue_timeout_ms=1, quota_mode=2, reply_timeout_ms=2, security_firm=3, serial_no=null,"
                        + " struct_size=40}",
                values(raw).toString());
    }

    @Test
    void wiping() {
        CapdistLibrary.RawOptions raw = new Options().rsaPrivateKey("secret").raw();
        assertEquals("secret", CapdistLibrary.text(raw.rsa_private_key));
        raw.wipe();
        for (int i = 0; i < "secret".length(); i++) assertEquals(0, raw.rsa_private_key.getByte(i));
    }
}
