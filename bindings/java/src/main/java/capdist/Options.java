package capdist;

import com.sun.jna.Memory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * How to connect: the fields of {@code capdist_options}, with its defaults. The constructor of {@link Client} refuses values
 * that are out of range. A time is rounded up to milliseconds, and is at most an hour; zero means the default. For texts, null
 * means the default.
 */
public final class Options {
    private final List<Consumer<CapdistLibrary.RawOptions>> settings = new ArrayList<>();
    private Listener listener;

    /** What carries the messages. */
    public enum Transport {
        /** OpenD's own protocol over TCP. */
        TCP(Abi.TRANSPORT_TCP),
        /** OpenD's WebSocket bridge, which has a port of its own and is off by default. */
        WEBSOCKET(Abi.TRANSPORT_WEBSOCKET),
        /** WebSocket over TLS 1.2 or newer. */
        WEBSOCKET_TLS(Abi.TRANSPORT_WEBSOCKET_TLS);

        private final int number;

        Transport(int number) {
            this.number = number;
        }
    }

    /** How bodies after InitConnect are encrypted if an RSA key is set. */
    public enum Cipher {
        /** Not encrypted; InitConnect alone is. */
        NONE(Abi.CIPHER_NONE),
        /** AES-128, ECB with the vendor's padding: the vendor's default. */
        FTAES_ECB(Abi.CIPHER_FTAES_ECB),
        /** AES-128, ECB. */
        AES_ECB(Abi.CIPHER_AES_ECB),
        /** AES-128, CBC. */
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

    /** The gateway: a numeric IPv4 or IPv6 address, {@code localhost} or a host name; default 127.0.0.1. */
    public Options host(String host) {
        return text(host, "host", (raw, text) -> raw.host = text);
    }

    /** 1 to 65535; default 11111 for every transport. */
    public Options port(int port) {
        return set(raw -> raw.port = port);
    }

    /** The application's name, shown to the gateway, 1 to 255 bytes; default "capdist". */
    public Options clientId(String clientId) {
        return text(clientId, "client_id", (raw, text) -> raw.client_id = text);
    }

    /** The application's version, major * 100 + minor, not negative; default 101. */
    public Options clientVersion(int clientVersion) {
        return set(raw -> raw.client_version = clientVersion);
    }

    /**
     * Whether to ask the gateway for pushes, which go to {@link Listener#onPush}; default false. Over WebSocket the gateway always
     * pushes, and with false the library drops the pushes.
     */
    public Options recvNotify(boolean recvNotify) {
        return set(raw -> raw.recv_notify = recvNotify ? 1 : 0);
    }

    /** Shown to the gateway, 1 to 255 bytes; default "Java". */
    public Options programmingLanguage(String language) {
        return text(language, "programming_language", (raw, text) -> raw.programming_language = text);
    }

    /** What carries the messages; default TCP. */
    public Options transport(Transport transport) {
        int number = transport.number;
        return set(raw -> raw.transport = number);
    }

    /** How bodies are encrypted; only has an effect with an RSA key; default {@link Cipher#FTAES_ECB}. */
    public Options packetCipher(Cipher cipher) {
        int number = cipher.number;
        return set(raw -> raw.packet_cipher = number);
    }

    /** TCP only: an RSA key of 512 to 4096 bits as PEM text, PKCS#1 or PKCS#8, without passphrase. It turns encryption on. */
    public Options rsaPrivateKey(String pem) {
        return text(pem, "rsa_private_key", (raw, text) -> raw.rsa_private_key = text);
    }

    /** The same as a file: its path. */
    public Options rsaPrivateKeyFile(String path) {
        return text(path, "rsa_private_key_file", (raw, text) -> raw.rsa_private_key_file = text);
    }

    /** WebSocket only: the key that is set in OpenD, not its MD5. */
    public Options websocketKey(String key) {
        return text(key, "websocket_key", (raw, text) -> raw.websocket_key = text);
    }

    /** TLS only: the path of a PEM file with the certificates to trust; default: the system's CAs. */
    public Options tlsCaFile(String path) {
        return text(path, "tls_ca_file", (raw, text) -> raw.tls_ca_file = text);
    }

    /**
     * WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Use it if {@code host} is an address
     * that the application looked up itself. Default: {@code host}.
     */
    public Options tlsServerName(String name) {
        return text(name, "tls_server_name", (raw, text) -> raw.tls_server_name = text);
    }

    /** TLS only: accept any certificate; for tests only. */
    public Options tlsInsecureAcceptAnyCertificate(boolean accept) {
        return set(raw -> raw.tls_insecure_accept_any_certificate = accept ? 1 : 0);
    }

    /** Whether to repeat attempts to connect, the first one too, and to reconnect after a lost connection; default true. */
    public Options reconnect(boolean reconnect) {
        return set(raw -> raw.reconnect = reconnect ? 1 : 0);
    }

    /** The first pause between attempts; default 500 ms. Pauses double, and each is shortened at random by up to half. */
    public Options reconnectMin(Duration pause) {
        return time(pause, (raw, ms) -> raw.reconnect_min_ms = ms);
    }

    /** The longest pause, not below the first; default 30 s. */
    public Options reconnectMax(Duration pause) {
        return time(pause, (raw, ms) -> raw.reconnect_max_ms = ms);
    }

    /** The limit of one attempt, including name lookup and InitConnect; default 10 s. */
    public Options connectTimeout(Duration timeout) {
        return time(timeout, (raw, ms) -> raw.connect_timeout_ms = ms);
    }

    /** From accepted to sent; default 120 s, so that a watch list can wait for the quota. */
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

    /** The window's length; default 30 s. */
    public Options quotaWindow(Duration window) {
        return time(window, (raw, ms) -> raw.quota_window_ms = ms);
    }

    /** What a request does when no slot of the quota is free; default wait. */
    public Options quotaMode(QuotaMode mode) {
        int number = mode.number();
        return set(raw -> raw.quota_mode = number);
    }

    /** What a request does during an outage; default wait. */
    public Options outageMode(OutageMode mode) {
        int number = mode.number();
        return set(raw -> raw.outage_mode = number);
    }

    /** Clients of this process with the same group share a quota, 1 to 255 bytes; default: one group for each host. */
    public Options quotaGroup(String group) {
        return text(group, "quota_group", (raw, text) -> raw.quota_group = text);
    }

    /** Most requests queued and in flight together, 1 to 1,000,000; default 4096. */
    public Options maxQueue(int requests) {
        return set(raw -> raw.max_queue = requests);
    }

    /** Longest body, sent or received, 1 KiB to 256 MiB; default 4 MiB. */
    public Options maxBodyBytes(int bytes) {
        return set(raw -> raw.max_body_bytes = bytes);
    }

    /** Receives the events of the connection; default null: none. */
    public Options listener(Listener listener) {
        this.listener = listener;
        return this;
    }

    Listener listener() {
        return listener;
    }

    /** The C struct, without callbacks. It may contain a key: wipe it after use. */
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

    /** Rounds up, since 0 means the default. Times that do not fit are out of range for C, too. */
    static int milliseconds(Duration time) {
        if (time.compareTo(Duration.ofDays(1)) > 0) return Integer.MAX_VALUE;
        if (time.isNegative()) return -1;
        return (int) time.plusNanos(999_999).toMillis();
    }
}
