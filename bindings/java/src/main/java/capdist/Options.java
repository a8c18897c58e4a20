package capdist;

import com.sun.jna.Memory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * How to connect: the fields of {@code capdist_options} with its defaults. What is out of range is refused when the client is
 * made. A time is rounded up to milliseconds, from 1 ms to an hour; zero takes the default, and so does null for a text.
 */
public final class Options {
    private final List<Consumer<CapdistLibrary.RawOptions>> settings = new ArrayList<>();
    private Listener listener;

    /** What carries the messages. */
    public enum Transport {
        /** Plain TCP. */
        TCP(Abi.TRANSPORT_TCP),
        /** WebSocket. */
        WEBSOCKET(Abi.TRANSPORT_WEBSOCKET),
        /** WebSocket over TLS. */
        WEBSOCKET_TLS(Abi.TRANSPORT_WEBSOCKET_TLS);

        private final int number;

        Transport(int number) {
            this.number = number;
        }
    }

    /** The cipher of bodies once an RSA key is configured. */
    public enum Cipher {
        /** Only InitConnect is encrypted. */
        NONE(Abi.CIPHER_NONE),
        /** The vendor's default. */
        FTAES_ECB(Abi.CIPHER_FTAES_ECB),
        /** AES in ECB mode. */
        AES_ECB(Abi.CIPHER_AES_ECB),
        /** AES in CBC mode. */
        AES_CBC(Abi.CIPHER_AES_CBC);

        private final int number;

        Cipher(int number) {
            this.number = number;
        }
    }

    /** The defaults: a gateway at 127.0.0.1:11111. */
    public Options() {
        settings.add(raw -> raw.programming_language = raw.keep(CapdistLibrary.utf8("Java", "")));
    }

    /** Numeric IPv4 or IPv6 address, {@code localhost} or a name; default 127.0.0.1. */
    public Options host(String host) {
        return text(host, "host", (raw, text) -> raw.host = text);
    }

    /** 1 to 65535; default 11111. */
    public Options port(int port) {
        return set(raw -> raw.port = port);
    }

    /** Names the program to the gateway, 1 to 255 bytes; default "capdist". */
    public Options clientId(String clientId) {
        return text(clientId, "client_id", (raw, text) -> raw.client_id = text);
    }

    /** major * 100 + minor; default 101. */
    public Options clientVersion(int clientVersion) {
        return set(raw -> raw.client_version = clientVersion);
    }

    /** Whether to ask the gateway for pushes, for {@link Listener#onPush}; default false. */
    public Options recvNotify(boolean recvNotify) {
        return set(raw -> raw.recv_notify = recvNotify ? 1 : 0);
    }

    /** Told to the gateway, 1 to 255 bytes; default "Java". */
    public Options programmingLanguage(String language) {
        return text(language, "programming_language", (raw, text) -> raw.programming_language = text);
    }

    /** Default TCP. */
    public Options transport(Transport transport) {
        int number = transport.number;
        return set(raw -> raw.transport = number);
    }

    /** Only has an effect with an RSA key; default {@link Cipher#FTAES_ECB}. */
    public Options packetCipher(Cipher cipher) {
        int number = cipher.number;
        return set(raw -> raw.packet_cipher = number);
    }

    /** PEM text, PKCS#1 or PKCS#8, without passphrase; turns encryption on. */
    public Options rsaPrivateKey(String pem) {
        return text(pem, "rsa_private_key", (raw, text) -> raw.rsa_private_key = text);
    }

    /** Or the path of a PEM file. */
    public Options rsaPrivateKeyFile(String path) {
        return text(path, "rsa_private_key_file", (raw, text) -> raw.rsa_private_key_file = text);
    }

    /** The WebSocket key that is set in OpenD, not its MD5. */
    public Options websocketKey(String key) {
        return text(key, "websocket_key", (raw, text) -> raw.websocket_key = text);
    }

    /** PEM file with the certificates to trust; default: the system's. */
    public Options tlsCaFile(String path) {
        return text(path, "tls_ca_file", (raw, text) -> raw.tls_ca_file = text);
    }

    /**
     * WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Set it where
     * {@code host} is an address that the program looked up itself.
     */
    public Options tlsServerName(String name) {
        return text(name, "tls_server_name", (raw, text) -> raw.tls_server_name = text);
    }

    /** Accept any certificate; for tests only. */
    public Options tlsInsecureAcceptAnyCertificate(boolean accept) {
        return set(raw -> raw.tls_insecure_accept_any_certificate = accept ? 1 : 0);
    }

    /** Whether to repeat attempts to connect, the first one too, and to reconnect after a lost connection; default true. */
    public Options reconnect(boolean reconnect) {
        return set(raw -> raw.reconnect = reconnect ? 1 : 0);
    }

    /** First pause of the exponential backoff; default 500 ms. */
    public Options reconnectMin(Duration pause) {
        return time(pause, (raw, ms) -> raw.reconnect_min_ms = ms);
    }

    /** Longest pause; default 30 s. */
    public Options reconnectMax(Duration pause) {
        return time(pause, (raw, ms) -> raw.reconnect_max_ms = ms);
    }

    /** For one attempt, name lookup and InitConnect included; default 10 s. */
    public Options connectTimeout(Duration timeout) {
        return time(timeout, (raw, ms) -> raw.connect_timeout_ms = ms);
    }

    /** From accepted to sent; default 120 s: a watch list waits for the quota. */
    public Options queueTimeout(Duration timeout) {
        return time(timeout, (raw, ms) -> raw.queue_timeout_ms = ms);
    }

    /** From sent to answered; default 12 s. */
    public Options replyTimeout(Duration timeout) {
        return time(timeout, (raw, ms) -> raw.reply_timeout_ms = ms);
    }

    /** Requests in a window, 0 to 100,000; 0: no quota is kept; default 30. */
    public Options quotaRequests(int requests) {
        return set(raw -> raw.quota_requests = requests);
    }

    /** The quota's window; default 30 s. */
    public Options quotaWindow(Duration window) {
        return time(window, (raw, ms) -> raw.quota_window_ms = ms);
    }

    /** Default wait. */
    public Options quotaMode(QuotaMode mode) {
        int number = mode.number();
        return set(raw -> raw.quota_mode = number);
    }

    /** What a request does while the gateway cannot be reached; default wait. */
    public Options outageMode(OutageMode mode) {
        int number = mode.number();
        return set(raw -> raw.outage_mode = number);
    }

    /** Clients with the same group share a quota in this process, 1 to 255 bytes; default: the host, whatever the port. */
    public Options quotaGroup(String group) {
        return text(group, "quota_group", (raw, text) -> raw.quota_group = text);
    }

    /** Requests accepted and not completed at a time, 1 to 1,000,000; default 4096. */
    public Options maxQueue(int requests) {
        return set(raw -> raw.max_queue = requests);
    }

    /** Longest body, sent or received, 1 KiB to 256 MiB; default 4 MiB. */
    public Options maxBodyBytes(int bytes) {
        return set(raw -> raw.max_body_bytes = bytes);
    }

    /** Who is told what happens to the connection; default nobody. */
    public Options listener(Listener listener) {
        this.listener = listener;
        return this;
    }

    Listener listener() {
        return listener;
    }

    /** The C struct, without callbacks. It may hold a key: wipe it. */
    CapdistLibrary.RawOptions raw() {
        CapdistLibrary.RawOptions raw = new CapdistLibrary.RawOptions();
        try {
            settings.forEach(setting -> setting.accept(raw));
            return raw;
        } catch (Throwable refused) {
            raw.wipe();
            throw refused;
        }
    }

    private Options set(Consumer<CapdistLibrary.RawOptions> setting) {
        settings.add(setting);
        return this;
    }

    private Options text(String value, String name, BiConsumer<CapdistLibrary.RawOptions, Memory> setting) {
        return set(raw -> setting.accept(raw, value == null ? null : raw.keep(CapdistLibrary.utf8(value, name))));
    }

    private Options time(Duration value, BiConsumer<CapdistLibrary.RawOptions, Integer> setting) {
        int ms = milliseconds(value);
        return set(raw -> setting.accept(raw, ms));
    }

    /** Rounded up, since 0 means the default; what is no int is as much out of range for C. */
    static int milliseconds(Duration time) {
        if (time.compareTo(Duration.ofDays(1)) > 0) return Integer.MAX_VALUE;
        if (time.isNegative()) return -1;
        return (int) time.plusNanos(999_999).toMillis();
    }
}
