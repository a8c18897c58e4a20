// Generated from include/capdist.h: do not edit. `make abi` writes it.
package capdist;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.OptionalInt;

/**
 * The C interface: constants, structs, callbacks and functions of capdist.h, with its names. Handles, user data and sizes are
 * longs, since the library is for 64-bit systems.
 */
final class Abi {
    static final int MARKET_HK = 1;
    static final int MARKET_HK_FUTURE = 2;
    static final int MARKET_US = 11;
    static final int MARKET_SH = 21;
    static final int MARKET_SZ = 22;
    static final int MARKET_SG = 31;
    static final int MARKET_JP = 41;
    static final int MARKET_AU = 51;
    static final int MARKET_MY = 61;
    static final int MARKET_CA = 71;
    static final int MARKET_FX = 81;
    static final int MARKET_CC = 91;
    static final int MARKET_EC = 101;
    static final int HAS_CAPITAL_IN_BIG = 2;
    static final int HAS_CAPITAL_IN_MID = 4;
    static final int HAS_CAPITAL_IN_SMALL = 8;
    static final int HAS_CAPITAL_OUT_BIG = 16;
    static final int HAS_CAPITAL_OUT_MID = 32;
    static final int HAS_CAPITAL_OUT_SMALL = 64;
    static final int HAS_UPDATE_TIME = 128;
    static final int HAS_UPDATE_TIMESTAMP = 256;
    static final int HAS_CAPITAL_IN_SUPER = 512;
    static final int HAS_CAPITAL_OUT_SUPER = 1024;
    static final int HAS_RET_TYPE = 2;
    static final int HAS_RET_MSG = 4;
    static final int HAS_ERR_CODE = 8;
    static final int HAS_RETRY = 16;
    static final int HAS_FROM_CACHE = 32;
    static final int HAS_AGE_MS = 64;
    static final int FLOW_SUPER = 1;
    static final int FLOW_BIG = 2;
    static final int FLOW_MID = 3;
    static final int FLOW_SMALL = 4;
    static final int FLOW_MAIN = 5;
    static final int FLOW_RETAIL = 6;
    static final int FLOW_TOTAL = 7;
    static final int LOG_ERROR = 1;
    static final int LOG_WARNING = 2;
    static final int LOG_INFO = 3;
    static final int LOG_DEBUG = 4;
    static final int ERR_KIND_CREATE = 1;
    static final int ERR_KIND_NAME_NOT_FOUND = 4;
    static final int ERR_KIND_CONNECT = 6;
    static final int ERR_KIND_SELECT = 9;
    static final int ERR_KIND_SEND = 10;
    static final int ERR_KIND_RECEIVE = 11;
    static final int ERR_KIND_INIT_CONNECT = 100;
    static final int INIT_CONNECT_UNKNOWN = 0;
    static final int INIT_CONNECT_TIMEOUT = 1;
    static final int INIT_CONNECT_DISCONNECTED = 3;
    static final int INIT_CONNECT_NOT_SENT = 4;
    static final int INIT_CONNECT_REFUSED = 5;
    static final int MODE_THREAD = 0;
    static final int MODE_HOST_DRIVEN = 1;
    static final int TRANSPORT_TCP = 0;
    static final int TRANSPORT_WEBSOCKET = 1;
    static final int TRANSPORT_WEBSOCKET_TLS = 2;
    static final int CIPHER_NONE = -1;
    static final int CIPHER_FTAES_ECB = 0;
    static final int CIPHER_AES_ECB = 1;
    static final int CIPHER_AES_CBC = 2;
    static final int STATE_CONNECTING = 0;
    static final int STATE_READY = 1;
    static final int STATE_NOT_CONNECTED = 2;
    static final int CODE_SIZE = 60;

    /** The major version that the library must have. */
    static final int VERSION_MAJOR = 1;

    static {
        CapdistLibrary.register(Abi.class, 0);
    }

    private Abi() {}

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

    /** {@code capdist_attempt_failed_fn} */
    public interface AttemptFailedFn extends Callback {
        void callback(long conn, long err_code, Pointer desc, long user_data);
    }

    /** {@code capdist_disconnect_fn} */
    public interface DisconnectFn extends Callback {
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

    /** {@code capdist_closed_fn} */
    public interface ClosedFn extends Callback {
        void callback(long user_data);
    }

    /** {@code capdist_resolve_fn} */
    public interface ResolveFn extends Callback {
        void callback(long conn, Pointer host, long user_data);
    }

    /** {@code capdist_thread_start_fn} */
    public interface ThreadStartFn extends Callback {
        void callback(long conn, long user_data);
    }

    /**
     * {@code capdist_security}: A stock, warrant or fund: market and code. This struct is frozen: it never
     * changes.
     */
    @FieldOrder({
        "market", "code"
    })
    public static final class Security extends Structure {
        public int market;
        public byte[] code = new byte[60];

        // Offsets to read single fields by: reading the whole struct with JNA is slow.
        static final int SIZE = 64;
        static final int MARKET = 0;
        static final int CODE = 4;
    }

    /**
     * {@code capdist_capital_distribution}: Money that went into a stock and out of it during today's
     * regular trading hours, by order size. Amounts are in the security's currency.
     */
    @FieldOrder({
        "capital_in_super", "capital_in_big", "capital_in_mid", "capital_in_small", "capital_out_super",
        "capital_out_big", "capital_out_mid", "capital_out_small", "update_time", "update_timestamp", "present"
    })
    public static final class CapitalDistribution extends Structure {
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

        // Offsets to read single fields by: reading the whole struct with JNA is slow.
        static final int SIZE = 88;
        static final int CAPITAL_IN_SUPER = 0;
        static final int CAPITAL_IN_BIG = 8;
        static final int CAPITAL_IN_MID = 16;
        static final int CAPITAL_IN_SMALL = 24;
        static final int CAPITAL_OUT_SUPER = 32;
        static final int CAPITAL_OUT_BIG = 40;
        static final int CAPITAL_OUT_MID = 48;
        static final int CAPITAL_OUT_SMALL = 56;
        static final int UPDATE_TIME = 64;
        static final int UPDATE_TIMESTAMP = 72;
        static final int PRESENT = 80;
    }

    /** {@code capdist_reply}: How a request for a capital distribution completed. */
    @FieldOrder({
        "status", "serial_no", "security", "was_sent", "retry_after_ms", "present", "ret_type", "err_code",
        "ret_msg", "desc", "distribution", "body", "body_length", "retry", "from_cache", "age_ms"
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
        public int from_cache;
        public int age_ms;

        // Offsets to read single fields by: reading the whole struct with JNA is slow.
        static final int SIZE = 152;
        static final int STATUS = 0;
        static final int SERIAL_NO = 4;
        static final int SECURITY = 8;
        static final int WAS_SENT = 72;
        static final int RETRY_AFTER_MS = 76;
        static final int PRESENT = 80;
        static final int RET_TYPE = 84;
        static final int ERR_CODE = 88;
        static final int RET_MSG = 96;
        static final int DESC = 104;
        static final int DISTRIBUTION = 112;
        static final int BODY = 120;
        static final int BODY_LENGTH = 128;
        private static final int RETRY = 136;
        private static final int FROM_CACHE = 140;
        private static final int AGE_MS = 144;

        /**
         * Whether to repeat the request: one of {@code CAPDIST_RETRY_*}. Read it only if {@code present}
         * has {@code HAS_RETRY}. Since 1.1; empty if the library is older.
         */
        static OptionalInt retry(Pointer at) {
            return (at.getInt(PRESENT) & HAS_RETRY) != 0
                    ? OptionalInt.of(at.getInt(RETRY))
                    : OptionalInt.empty();
        }

        /**
         * 1: the answer is another request's (capdist_request_options.max_age_ms), and {@code wasSent} is
         * 0; else 0. Read it only if {@code present} has {@code HAS_FROM_CACHE}. Since 1.1; empty if the
         * library is older.
         */
        static OptionalInt fromCache(Pointer at) {
            return (at.getInt(PRESENT) & HAS_FROM_CACHE) != 0
                    ? OptionalInt.of(at.getInt(FROM_CACHE))
                    : OptionalInt.empty();
        }

        /**
         * If {@code fromCache} is 1: whole milliseconds from the arrival of the answer to the completion
         * of this request; else 0. Read it only if {@code present} has {@code HAS_AGE_MS}. Since 1.1;
         * empty if the library is older.
         */
        static OptionalInt ageMs(Pointer at) {
            return (at.getInt(PRESENT) & HAS_AGE_MS) != 0
                    ? OptionalInt.of(at.getInt(AGE_MS))
                    : OptionalInt.empty();
        }
    }

    /** {@code capdist_proto_reply}: How a request of capdist_send_proto() completed. */
    @FieldOrder({
        "status", "serial_no", "proto_id", "was_sent", "retry_after_ms", "present", "ret_type", "desc", "body",
        "body_length", "retry"
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

        // Offsets to read single fields by: reading the whole struct with JNA is slow.
        static final int SIZE = 64;
        static final int STATUS = 0;
        static final int SERIAL_NO = 4;
        static final int PROTO_ID = 8;
        static final int WAS_SENT = 12;
        static final int RETRY_AFTER_MS = 16;
        static final int PRESENT = 20;
        static final int RET_TYPE = 24;
        static final int DESC = 32;
        static final int BODY = 40;
        static final int BODY_LENGTH = 48;
        private static final int RETRY = 56;

        /** As in capdist_reply. Since 1.1; empty if the library is older. */
        static OptionalInt retry(Pointer at) {
            return (at.getInt(PRESENT) & HAS_RETRY) != 0
                    ? OptionalInt.of(at.getInt(RETRY))
                    : OptionalInt.empty();
        }
    }

    /**
     * {@code capdist_flow}: Figures derived for one group of order sizes, in the security's currency. A
     * missing number is NaN. This struct is frozen: it never changes.
     */
    @FieldOrder({
        "capital_in", "capital_out", "net", "out_share"
    })
    public static final class Flow extends Structure {
        public double capital_in;
        public double capital_out;
        public double net;
        public double out_share;

        // Offsets to read single fields by: reading the whole struct with JNA is slow.
        static final int SIZE = 32;
        static final int CAPITAL_IN = 0;
        static final int CAPITAL_OUT = 8;
        static final int NET = 16;
        static final int OUT_SHARE = 24;
    }

    /**
     * {@code capdist_options}: How to connect. Fill it with capdist_options_init(), then change what you
     * need. - Times are in milliseconds, from 1 to 3,600,000. - In fields for times and sizes, 0 means the
     * default. In {@code port} 0 is refused, and in {@code quotaRequests} it means no quota. - A boolean is 0
     * or 1. A text that is not NULL has 1 to 255 bytes, unless its field says otherwise.
     */
    @FieldOrder({
        "struct_size", "host", "port", "mode", "client_id", "client_version", "recv_notify",
        "programming_language", "transport", "packet_cipher", "rsa_private_key", "rsa_private_key_file",
        "websocket_key", "tls_ca_file", "tls_insecure_accept_any_certificate", "reconnect", "reconnect_min_ms",
        "reconnect_max_ms", "connect_timeout_ms", "queue_timeout_ms", "reply_timeout_ms", "quota_requests",
        "quota_window_ms", "quota_mode", "max_queue", "max_body_bytes", "quota_group", "on_init_connect",
        "on_disconnect", "on_push", "on_log", "on_closed", "user_data", "tls_server_name", "on_resolve",
        "on_thread_start", "thread_stack_bytes", "outage_mode", "on_attempt_failed"
    })
    public static class Options extends Structure {
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

        /** The defaults. */
        public Options() {
            CapdistLibrary.check(capdist_options_init(this, size()));
        }
    }

    /**
     * {@code capdist_request_options}: Options of one request. Fill it with capdist_request_options_init().
     * In every field, 0 means the connection's value.
     */
    @FieldOrder({
        "struct_size", "queue_timeout_ms", "reply_timeout_ms", "quota_mode", "security_firm", "serial_no",
        "outage_mode", "max_age_ms"
    })
    public static class RequestOptions extends Structure {
        public long struct_size;
        public int queue_timeout_ms;
        public int reply_timeout_ms;
        public int quota_mode;
        public int security_firm;
        public Pointer serial_no;
        public int outage_mode;
        public int max_age_ms;

        /** The defaults. */
        public RequestOptions() {
            CapdistLibrary.check(capdist_request_options_init(this, size()));
        }
    }

    /**
     * {@code capdist_connection_info}: What is known of a connection. Initialise it with
     * capdist_connection_info_init().
     */
    @FieldOrder({
        "struct_size", "conn_id", "login_user_id", "server_version", "state"
    })
    public static class ConnectionInfo extends Structure {
        public long struct_size;
        public long conn_id;
        public long login_user_id;
        public int server_version;
        public int state;

        /** The defaults. */
        public ConnectionInfo() {
            CapdistLibrary.check(capdist_connection_info_init(this, size()));
        }
    }

    /** {@code capdist_quota}: The state of a quota group. Initialise it with capdist_quota_init(). */
    @FieldOrder({
        "struct_size", "limit", "window_ms", "used", "waiting", "next_slot_ms", "reserved"
    })
    public static class Quota extends Structure {
        public long struct_size;
        public int limit;
        public int window_ms;
        public int used;
        public int waiting;
        public int next_slot_ms;
        public int reserved;

        /** The defaults. */
        public Quota() {
            CapdistLibrary.check(capdist_quota_init(this, size()));
        }
    }

    static native Pointer capdist_status_name(int status);

    static native Pointer capdist_status_text(int status);

    static native Pointer capdist_last_error();

    static native Pointer capdist_version();

    static native int capdist_security_parse(Pointer text, byte[] security);

    static native long capdist_security_format(byte[] security, byte[] buffer, long size);

    static native Pointer capdist_reply_copy(Reply reply);

    static native void capdist_reply_free(Pointer reply);

    static native long capdist_reply_to_json(Reply reply, byte[] buffer, long size);

    static native int capdist_options_init(Options options, long size);

    static native int capdist_request_options_init(RequestOptions options, long size);

    static native int capdist_init_connect(Options options, LongByReference conn);

    static native int capdist_wait_ready(long conn, int timeout_ms);

    static native int capdist_release(long conn);

    static native int capdist_get_fd(long conn);

    static native int capdist_process(long conn);

    static native int capdist_connection_info_init(ConnectionInfo info, long size);

    static native int capdist_get_connection_info(long conn, ConnectionInfo info);

    static native int capdist_quota_init(Quota quota, long size);

    static native int capdist_get_quota(long conn, Quota quota);

    static native int capdist_get_capital_distribution(
            long conn,
            byte[] security,
            RequestOptions options,
            ReplyFn callback,
            long user_data,
            int[] serial_no);

    static native int capdist_fetch_capital_distribution(
            long conn,
            byte[] security,
            RequestOptions options,
            PointerByReference reply);

    static native int capdist_cancel(long conn, int serial_no);

    static native int capdist_send_proto(
            long conn,
            int proto_id,
            byte[] body,
            long length,
            RequestOptions options,
            ProtoFn callback,
            long user_data,
            int[] serial_no);

    /** Functions that version 1.1 added. */
    static final class Since1_1 {
        /** Whether the loaded library has them. */
        static final boolean IS_THERE = CapdistLibrary.register(Since1_1.class, 1);

        private Since1_1() {}

        static native int capdist_status_retry(int status);

        static native int capdist_flow_of(CapitalDistribution distribution, int group, Flow flow);

        static native int capdist_resolved(long conn, Pointer addresses, Pointer why);
    }
}
