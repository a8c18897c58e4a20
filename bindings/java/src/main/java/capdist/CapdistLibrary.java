package capdist;

import com.sun.jna.Callback;
import com.sun.jna.Function;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.LongByReference;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The C interface as it is: include/capdist.h tells what each name means. Handles, user data and sizes are Java longs, as
 * wide as C's pointers wherever the library is built.
 */
final class CapdistLibrary {
    static final int CODE_SIZE = 60;
    static final int SECURITY_SIZE = Integer.BYTES + CODE_SIZE;
    /** In and out, big, mid and small: bits 1 to 6. */
    static final int HAS_REQUIRED_FIGURES = 0x7e;
    static final int HAS_UPDATE_TIME = 1 << 7;
    static final int HAS_UPDATE_TIMESTAMP = 1 << 8;
    static final int HAS_CAPITAL_IN_SUPER = 1 << 9;
    static final int HAS_CAPITAL_OUT_SUPER = 1 << 10;
    static final int HAS_RET_TYPE = 1 << 1;
    static final int HAS_RET_MSG = 1 << 2;
    static final int HAS_ERR_CODE = 1 << 3;
    static final int HAS_RETRY = 1 << 4;

    /** {@code capdist_status_retry}, which an older library lacks: null then. */
    private static final Function STATUS_RETRY;

    private static final int RTLD_NOW = 2;
    private static final String VERSION_MAJOR = "1.";

    static {
        if (Native.POINTER_SIZE != 8 || Native.SIZE_T_SIZE != 8) {
            throw new UnsatisfiedLinkError("libcapdist is for 64-bit systems");
        }
        String named = System.getenv("CAPDIST_LIBRARY");
        // By its ABI's name: without the compiler's link, and no other ABI's.
        String name = named != null && !named.isEmpty() ? named : "libcapdist.so.1";
        NativeLibrary library;
        try {
            // Not JNA's default, which would make OpenSSL's symbols those of the whole process.
            library = NativeLibrary.getInstance(name, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_NOW));
        } catch (UnsatisfiedLinkError e) {
            UnsatisfiedLinkError explained = new UnsatisfiedLinkError("libcapdist can not be loaded: install it where the"
                    + " system finds libraries, or name its file in the variable CAPDIST_LIBRARY (" + e.getMessage() + ")");
            explained.initCause(e);
            throw explained;
        }
        Native.register(CapdistLibrary.class, library);
        Function retry;
        try {
            retry = library.getFunction("capdist_status_retry");
        } catch (UnsatisfiedLinkError e) {
            retry = null;
        }
        STATUS_RETRY = retry;
        String version = text(capdist_version());
        if (!version.startsWith(VERSION_MAJOR)) {
            throw new UnsatisfiedLinkError("libcapdist is version " + version + ", and " + VERSION_MAJOR + "x is needed");
        }
    }

    private CapdistLibrary() {}

    static native Pointer capdist_version();

    static native Pointer capdist_last_error();

    static native int capdist_security_parse(Pointer text, byte[] security);

    static native long capdist_security_format(byte[] security, byte[] buffer, long size);

    static native int capdist_options_init(Options options, long size);

    static native int capdist_request_options_init(RequestOptions options, long size);

    static native int capdist_connection_info_init(ConnectionInfo info, long size);

    static native int capdist_quota_init(Quota quota, long size);

    static native int capdist_init_connect(Options options, LongByReference conn);

    static native int capdist_wait_ready(long conn, int timeout_ms);

    static native int capdist_release(long conn);

    static native int capdist_get_connection_info(long conn, ConnectionInfo info);

    static native int capdist_get_quota(long conn, Quota quota);

    static native int capdist_get_capital_distribution(
            long conn,
            byte[] security,
            RequestOptions options,
            ReplyFn callback,
            long user_data,
            int[] serial_no);

    static native int capdist_send_proto(
            long conn,
            int proto_id,
            byte[] body,
            long length,
            RequestOptions options,
            ProtoFn callback,
            long user_data,
            int[] serial_no);

    static native int capdist_cancel(long conn, int serial_no);

    static native long capdist_reply_to_json(Reply reply, byte[] buffer, long size);

    /** {@code capdist_reply_fn} */
    public interface ReplyFn extends Callback {
        void callback(long conn, int serial_no, Pointer reply, long user_data);
    }

    /** {@code capdist_proto_fn} */
    public interface ProtoFn extends Callback {
        void callback(long conn, int serial_no, Pointer reply, long user_data);
    }

    /** {@code capdist_init_connect_fn} */
    public interface InitConnectFn extends Callback {
        void callback(long conn, long err_code, Pointer desc, long user_data);
    }

    /** {@code capdist_disconnect_fn} */
    public interface DisconnectFn extends Callback {
        void callback(long conn, long err_code, Pointer desc, long user_data);
    }

    /** {@code capdist_attempt_failed_fn} */
    public interface AttemptFailedFn extends Callback {
        void callback(long conn, long err_code, Pointer desc, long user_data);
    }

    /** {@code capdist_push_fn} */
    public interface PushFn extends Callback {
        void callback(long conn, int proto_id, Pointer body, long length, long user_data);
    }

    /** {@code capdist_log_fn} */
    public interface LogFn extends Callback {
        void callback(long conn, int level, Pointer message, long user_data);
    }

    /** {@code capdist_resolve_fn} */
    public interface ResolveFn extends Callback {
        void callback(long conn, Pointer host, long user_data);
    }

    /** {@code capdist_closed_fn} */
    public interface ClosedFn extends Callback {
        void callback(long user_data);
    }

    /** {@code capdist_thread_start_fn} */
    public interface ThreadStartFn extends Callback {
        void callback(long conn, long user_data);
    }

    /** {@code capdist_security} */
    @FieldOrder({"market", "code"})
    public static final class Security extends Structure {
        public int market;
        public byte[] code = new byte[CODE_SIZE];
    }

    /** {@code capdist_flow}, which {@link Flow} computes by itself. */
    @FieldOrder({"capital_in", "capital_out", "net", "out_share"})
    public static final class RawFlow extends Structure {
        public double capital_in;
        public double capital_out;
        public double net;
        public double out_share;
    }

    /** {@code capdist_capital_distribution} */
    @FieldOrder({
        "capital_in_super", "capital_in_big", "capital_in_mid", "capital_in_small",
        "capital_out_super", "capital_out_big", "capital_out_mid", "capital_out_small",
        "update_time", "update_timestamp", "present"
    })
    public static final class Distribution extends Structure {
        public double capital_in_super;
        public double capital_in_big;
        public double capital_in_mid;
        public double capital_in_small;
        public double capital_out_super;
        public double capital_out_big;
        public double capital_out_mid;
        public double capital_out_small;
        public Pointer update_time;
        public double update_timestamp;
        public int present;

        // Read one by one in callbacks: JNA's reading of a whole struct takes longer than all else of an answer.
        private static final Distribution AT = new Distribution();
        static final int CAPITAL_IN_SUPER = AT.fieldOffset("capital_in_super");
        static final int CAPITAL_IN_BIG = AT.fieldOffset("capital_in_big");
        static final int CAPITAL_IN_MID = AT.fieldOffset("capital_in_mid");
        static final int CAPITAL_IN_SMALL = AT.fieldOffset("capital_in_small");
        static final int CAPITAL_OUT_SUPER = AT.fieldOffset("capital_out_super");
        static final int CAPITAL_OUT_BIG = AT.fieldOffset("capital_out_big");
        static final int CAPITAL_OUT_MID = AT.fieldOffset("capital_out_mid");
        static final int CAPITAL_OUT_SMALL = AT.fieldOffset("capital_out_small");
        static final int UPDATE_TIME = AT.fieldOffset("update_time");
        static final int UPDATE_TIMESTAMP = AT.fieldOffset("update_timestamp");
        static final int PRESENT = AT.fieldOffset("present");
    }

    /** {@code capdist_reply} */
    @FieldOrder({
        "status", "serial_no", "security", "was_sent", "retry_after_ms", "present", "ret_type", "err_code", "ret_msg",
        "desc", "distribution", "body", "body_length", "retry"
    })
    public static final class Reply extends Structure {
        public int status;
        public int serial_no;
        public Security security;
        public int was_sent;
        public int retry_after_ms;
        public int present;
        public int ret_type;
        public int err_code;
        public Pointer ret_msg;
        public Pointer desc;
        public Pointer distribution;
        public Pointer body;
        public long body_length;
        public int retry;

        // Read one by one in callbacks: JNA's reading of a whole struct takes longer than all else of an answer.
        private static final Reply AT = new Reply();
        static final int STATUS = AT.fieldOffset("status");
        static final int SERIAL_NO = AT.fieldOffset("serial_no");
        static final int SECURITY = AT.fieldOffset("security");
        static final int WAS_SENT = AT.fieldOffset("was_sent");
        static final int RETRY_AFTER_MS = AT.fieldOffset("retry_after_ms");
        static final int PRESENT = AT.fieldOffset("present");
        static final int RET_TYPE = AT.fieldOffset("ret_type");
        static final int ERR_CODE = AT.fieldOffset("err_code");
        static final int RET_MSG = AT.fieldOffset("ret_msg");
        static final int DESC = AT.fieldOffset("desc");
        static final int DISTRIBUTION = AT.fieldOffset("distribution");
        static final int BODY = AT.fieldOffset("body");
        static final int BODY_LENGTH = AT.fieldOffset("body_length");
        static final int RETRY = AT.fieldOffset("retry");
    }

    /** {@code capdist_proto_reply} */
    @FieldOrder({
        "status", "serial_no", "proto_id", "was_sent", "retry_after_ms", "present", "ret_type", "desc", "body", "body_length",
        "retry"
    })
    public static final class ProtoReply extends Structure {
        public int status;
        public int serial_no;
        public int proto_id;
        public int was_sent;
        public int retry_after_ms;
        public int present;
        public int ret_type;
        public Pointer desc;
        public Pointer body;
        public long body_length;
        public int retry;

        // Read one by one in callbacks: JNA's reading of a whole struct takes longer than all else of an answer.
        private static final ProtoReply AT = new ProtoReply();
        static final int STATUS = AT.fieldOffset("status");
        static final int SERIAL_NO = AT.fieldOffset("serial_no");
        static final int PROTO_ID = AT.fieldOffset("proto_id");
        static final int WAS_SENT = AT.fieldOffset("was_sent");
        static final int RETRY_AFTER_MS = AT.fieldOffset("retry_after_ms");
        static final int PRESENT = AT.fieldOffset("present");
        static final int RET_TYPE = AT.fieldOffset("ret_type");
        static final int DESC = AT.fieldOffset("desc");
        static final int BODY = AT.fieldOffset("body");
        static final int BODY_LENGTH = AT.fieldOffset("body_length");
        static final int RETRY = AT.fieldOffset("retry");
    }

    /** {@code capdist_options} */
    @FieldOrder({
        "struct_size", "host", "port", "mode", "client_id", "client_version", "recv_notify", "programming_language",
        "transport", "packet_cipher", "rsa_private_key", "rsa_private_key_file", "websocket_key", "tls_ca_file",
        "tls_insecure_accept_any_certificate", "reconnect", "reconnect_min_ms", "reconnect_max_ms", "connect_timeout_ms",
        "queue_timeout_ms", "reply_timeout_ms", "quota_requests", "quota_window_ms", "quota_mode", "max_queue",
        "max_body_bytes", "quota_group", "on_init_connect", "on_disconnect", "on_push", "on_log", "on_closed", "user_data",
        "tls_server_name", "on_resolve", "on_thread_start", "thread_stack_bytes", "outage_mode", "on_attempt_failed"
    })
    public static final class Options extends Structure {
        public long struct_size;
        public Pointer host;
        public int port;
        public int mode;
        public Pointer client_id;
        public int client_version;
        public int recv_notify;
        public Pointer programming_language;
        public int transport;
        public int packet_cipher;
        public Pointer rsa_private_key;
        public Pointer rsa_private_key_file;
        public Pointer websocket_key;
        public Pointer tls_ca_file;
        public int tls_insecure_accept_any_certificate;
        public int reconnect;
        public int reconnect_min_ms;
        public int reconnect_max_ms;
        public int connect_timeout_ms;
        public int queue_timeout_ms;
        public int reply_timeout_ms;
        public int quota_requests;
        public int quota_window_ms;
        public int quota_mode;
        public int max_queue;
        public int max_body_bytes;
        public Pointer quota_group;
        public InitConnectFn on_init_connect;
        public DisconnectFn on_disconnect;
        public PushFn on_push;
        public LogFn on_log;
        public ClosedFn on_closed;
        public long user_data;
        public Pointer tls_server_name;
        public ResolveFn on_resolve;
        public ThreadStartFn on_thread_start;
        public int thread_stack_bytes;
        public int outage_mode;
        public AttemptFailedFn on_attempt_failed;

        private final List<Memory> texts = new ArrayList<>();

        /** The defaults. */
        public Options() {
            check(capdist_options_init(this, size()));
        }

        /** The text as C's, which lives as long as this. */
        Memory keep(Memory text) {
            texts.add(text);
            return text;
        }

        /** Overwrites all texts: there may be a key among them. */
        void wipe() {
            texts.forEach(Memory::clear);
        }
    }

    /** {@code capdist_request_options} */
    @FieldOrder({
        "struct_size", "queue_timeout_ms", "reply_timeout_ms", "quota_mode", "security_firm", "serial_no", "outage_mode", "reserved"
    })
    public static final class RequestOptions extends Structure {
        public long struct_size;
        public int queue_timeout_ms;
        public int reply_timeout_ms;
        public int quota_mode;
        public int security_firm;
        public Pointer serial_no;
        public int outage_mode;
        public int reserved;

        public RequestOptions() {
            check(capdist_request_options_init(this, size()));
        }
    }

    /** {@code capdist_connection_info} */
    @FieldOrder({"struct_size", "conn_id", "login_user_id", "server_version", "state"})
    public static final class ConnectionInfo extends Structure {
        public long struct_size;
        public long conn_id;
        public long login_user_id;
        public int server_version;
        public int state;

        public ConnectionInfo() {
            check(capdist_connection_info_init(this, size()));
        }
    }

    /** {@code capdist_quota} */
    @FieldOrder({"struct_size", "limit", "window_ms", "used", "waiting", "next_slot_ms", "reserved"})
    public static final class Quota extends Structure {
        public long struct_size;
        public int limit;
        public int window_ms;
        public int used;
        public int waiting;
        public int next_slot_ms;
        public int reserved;

        public Quota() {
            check(capdist_quota_init(this, size()));
        }
    }

    /** What a reply tells, whose struct an older library ends before this field. */
    static Retry retry(Pointer reply, int present, int offset) {
        return (present & HAS_RETRY) != 0 ? Retry.of(reply.getInt(offset)) : Retry.UNKNOWN;
    }

    /** As far as a status alone tells. */
    static Retry retry(Status status) {
        return STATUS_RETRY != null
                ? Retry.of(STATUS_RETRY.invokeInt(new Object[] {status.number()}))
                : Retry.UNKNOWN;
    }

    /** Throws what a call was refused with. */
    static void check(int status) {
        if (status != 0) throw new CapdistException(Status.of(status), text(capdist_last_error()));
    }

    /** C's text as Java's; "" for NULL. */
    static String text(Pointer text) {
        return text == null ? "" : text.getString(0, "UTF-8");
    }

    /** The text in an array from this index on, up to its NUL. */
    static String text(byte[] array, int from) {
        int end = from;
        while (end < array.length && array[end] != 0) end++;
        return new String(array, from, end - from, StandardCharsets.UTF_8);
    }

    /** A copy of C's bytes. */
    static byte[] bytes(Pointer at, long length) {
        // At most max_body_bytes, which is 256 MiB.
        return at == null ? new byte[0] : at.getByteArray(0, Math.toIntExact(length));
    }

    /** The text as C's; null for null. Throws for what can not be passed on as it is, rather than to change it. */
    static Memory utf8(String text, String name) {
        if (text == null) return null;
        byte[] bytes = utf8Bytes(text, name);
        Memory memory = new Memory(bytes.length + 1L);
        memory.write(0, bytes, 0, bytes.length);
        memory.setByte(bytes.length, (byte) 0);
        Arrays.fill(bytes, (byte) 0);
        return memory;
    }

    static byte[] utf8Bytes(String text, String name) {
        if (text == null) throw new CapdistException(Status.INVALID_ARGUMENT, name + " is null");
        if (text.indexOf('\0') >= 0) throw new CapdistException(Status.INVALID_ARGUMENT, name + " holds a NUL");
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            Arrays.fill(encoded.array(), (byte) 0);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new CapdistException(Status.INVALID_ARGUMENT, name + " is no Unicode text: it holds half a surrogate pair");
        }
    }
}
