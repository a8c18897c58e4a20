// Generated from include/capdist.h: do not edit. `make abi` writes it.
#pragma warning disable 649 // the library writes these fields
using System;
using System.Runtime.InteropServices;

namespace Capdist
{
    /// <summary>The C interface, with the names of capdist.h. All types are blittable: nothing is marshalled.</summary>
    internal static unsafe partial class Native
    {
        internal const int CAPDIST_VERSION_MAJOR = 1;
        internal const int CAPDIST_VERSION_MINOR = 1;
        /// <summary>The SONAME, which belongs to one major version. The loader searches LD_LIBRARY_PATH, the
        /// system's folders and, on .NET, first the assembly's folder.</summary>
        private const string Library = "libcapdist.so.1";

        internal const int CAPDIST_CODE_SIZE = 60;
        internal const uint CAPDIST_HAS_CAPITAL_IN_BIG = 2;
        internal const uint CAPDIST_HAS_CAPITAL_IN_MID = 4;
        internal const uint CAPDIST_HAS_CAPITAL_IN_SMALL = 8;
        internal const uint CAPDIST_HAS_CAPITAL_OUT_BIG = 16;
        internal const uint CAPDIST_HAS_CAPITAL_OUT_MID = 32;
        internal const uint CAPDIST_HAS_CAPITAL_OUT_SMALL = 64;
        internal const uint CAPDIST_HAS_UPDATE_TIME = 128;
        internal const uint CAPDIST_HAS_UPDATE_TIMESTAMP = 256;
        internal const uint CAPDIST_HAS_CAPITAL_IN_SUPER = 512;
        internal const uint CAPDIST_HAS_CAPITAL_OUT_SUPER = 1024;
        internal const uint CAPDIST_HAS_RET_TYPE = 2;
        internal const uint CAPDIST_HAS_RET_MSG = 4;
        internal const uint CAPDIST_HAS_ERR_CODE = 8;
        internal const uint CAPDIST_HAS_RETRY = 16;
        internal const uint CAPDIST_HAS_FROM_CACHE = 32;
        internal const uint CAPDIST_HAS_AGE_MS = 64;
        internal const int CAPDIST_FLOW_SUPER = 1;
        internal const int CAPDIST_FLOW_BIG = 2;
        internal const int CAPDIST_FLOW_MID = 3;
        internal const int CAPDIST_FLOW_SMALL = 4;
        internal const int CAPDIST_FLOW_MAIN = 5;
        internal const int CAPDIST_FLOW_RETAIL = 6;
        internal const int CAPDIST_FLOW_TOTAL = 7;
        internal const int CAPDIST_ERR_KIND_CREATE = 1;
        internal const int CAPDIST_ERR_KIND_NAME_NOT_FOUND = 4;
        internal const int CAPDIST_ERR_KIND_CONNECT = 6;
        internal const int CAPDIST_ERR_KIND_SELECT = 9;
        internal const int CAPDIST_ERR_KIND_SEND = 10;
        internal const int CAPDIST_ERR_KIND_RECEIVE = 11;
        internal const int CAPDIST_ERR_KIND_INIT_CONNECT = 100;
        internal const int CAPDIST_INIT_CONNECT_UNKNOWN = 0;
        internal const int CAPDIST_INIT_CONNECT_TIMEOUT = 1;
        internal const int CAPDIST_INIT_CONNECT_DISCONNECTED = 3;
        internal const int CAPDIST_INIT_CONNECT_NOT_SENT = 4;
        internal const int CAPDIST_INIT_CONNECT_REFUSED = 5;
        internal const int CAPDIST_MODE_THREAD = 0;
        internal const int CAPDIST_MODE_HOST_DRIVEN = 1;

        /// <summary>A stock, warrant or fund: market and code. This struct is frozen: it never changes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_security
        {
            public int market;
            public fixed byte code[60];
        }

        /// <summary>Money that went into a stock and out of it during today's regular trading hours, by order size.
        /// Amounts are in the security's currency.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_capital_distribution
        {
            public double capital_in_super;
            public double capital_in_big;
            public double capital_in_mid;
            public double capital_in_small;
            public double capital_out_super;
            public double capital_out_big;
            public double capital_out_mid;
            public double capital_out_small;
            public byte* update_time;
            public double update_timestamp;
            public uint present;
        }

        /// <summary>How a request for a capital distribution completed.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_reply
        {
            public int status;
            public uint serial_no;
            public capdist_security security;
            public int was_sent;
            public int retry_after_ms;
            public uint present;
            public int ret_type;
            public int err_code;
            public byte* ret_msg;
            public byte* desc;
            public capdist_capital_distribution* distribution;
            public byte* body;
            public UIntPtr body_length;
            private int retry_;
            private int from_cache_;
            private int age_ms_;

            /// <summary>Whether to repeat the request: one of <c>CAPDIST_RETRY_*</c>. Read it only if <c>Present</c>
            /// has <c>HasRetry</c>. Since 1.1; null if the library is older.</summary>
            internal int? retry
            {
                get =>
                    (present & CAPDIST_HAS_RETRY) != 0 ? retry_ : (int?)null;
                set
                {
                    retry_ = value.GetValueOrDefault();
                    if (value.HasValue) present |= CAPDIST_HAS_RETRY;
                }
            }

            /// <summary>1: the answer is another request's (capdist_request_options.max_age_ms), and <c>WasSent</c>
            /// is 0; else 0. Read it only if <c>Present</c> has <c>HasFromCache</c>. Since 1.1; null if the library
            /// is older.</summary>
            internal int? from_cache
            {
                get =>
                    (present & CAPDIST_HAS_FROM_CACHE) != 0 ? from_cache_ : (int?)null;
                set
                {
                    from_cache_ = value.GetValueOrDefault();
                    if (value.HasValue) present |= CAPDIST_HAS_FROM_CACHE;
                }
            }

            /// <summary>If <c>FromCache</c> is 1: whole milliseconds from the arrival of the answer to the completion
            /// of this request; else 0. Read it only if <c>Present</c> has <c>HasAgeMs</c>. Since 1.1; null if the
            /// library is older.</summary>
            internal int? age_ms
            {
                get =>
                    (present & CAPDIST_HAS_AGE_MS) != 0 ? age_ms_ : (int?)null;
                set
                {
                    age_ms_ = value.GetValueOrDefault();
                    if (value.HasValue) present |= CAPDIST_HAS_AGE_MS;
                }
            }
        }

        /// <summary>How a request of capdist_send_proto() completed.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_proto_reply
        {
            public int status;
            public uint serial_no;
            public uint proto_id;
            public int was_sent;
            public int retry_after_ms;
            public uint present;
            public int ret_type;
            public byte* desc;
            public byte* body;
            public UIntPtr body_length;
            private int retry_;

            /// <summary>As in capdist_reply. Since 1.1; null if the library is older.</summary>
            internal int? retry
            {
                get =>
                    (present & CAPDIST_HAS_RETRY) != 0 ? retry_ : (int?)null;
                set
                {
                    retry_ = value.GetValueOrDefault();
                    if (value.HasValue) present |= CAPDIST_HAS_RETRY;
                }
            }
        }

        /// <summary>Figures derived for one group of order sizes, in the security's currency. A missing number is
        /// NaN. This struct is frozen: it never changes.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_flow
        {
            public double capital_in;
            public double capital_out;
            public double net;
            public double out_share;
        }

        /// <summary>How to connect. Fill it with capdist_options_init(), then change what you need. - Times are in
        /// milliseconds, from 1 to 3,600,000. - In fields for times and sizes, 0 means the default. In <c>Port</c> 0
        /// is refused, and in <c>QuotaRequests</c> it means no quota. - A boolean is 0 or 1. A text that is not NULL
        /// has 1 to 255 bytes, unless its field says otherwise.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_options
        {
            public UIntPtr struct_size;
            public byte* host;
            public int port;
            public int mode;
            public byte* client_id;
            public int client_version;
            public int recv_notify;
            public byte* programming_language;
            public int transport;
            public int packet_cipher;
            public byte* rsa_private_key;
            public byte* rsa_private_key_file;
            public byte* websocket_key;
            public byte* tls_ca_file;
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
            public byte* quota_group;
            public IntPtr on_init_connect;
            public IntPtr on_disconnect;
            public IntPtr on_push;
            public IntPtr on_log;
            public IntPtr on_closed;
            public IntPtr user_data;
            public byte* tls_server_name;
            public IntPtr on_resolve;
            public IntPtr on_thread_start;
            public int thread_stack_bytes;
            public int outage_mode;
            public IntPtr on_attempt_failed;
        }

        /// <summary>Options of one request. Fill it with capdist_request_options_init(). In every field, 0 means the
        /// connection's value.</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_request_options
        {
            public UIntPtr struct_size;
            public int queue_timeout_ms;
            public int reply_timeout_ms;
            public int quota_mode;
            public int security_firm;
            public uint* serial_no;
            public int outage_mode;
            public int max_age_ms;
        }

        /// <summary>What is known of a connection. Initialise it with capdist_connection_info_init().</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_connection_info
        {
            public UIntPtr struct_size;
            public ulong conn_id;
            public ulong login_user_id;
            public int server_version;
            public int state;
        }

        /// <summary>The state of a quota group. Initialise it with capdist_quota_init().</summary>
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_quota
        {
            public UIntPtr struct_size;
            public int limit;
            public int window_ms;
            public int used;
            public int waiting;
            public int next_slot_ms;
            public int reserved;
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_reply_fn(IntPtr conn, uint serial_no, capdist_reply* reply, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_proto_fn(
            IntPtr conn, uint serial_no, capdist_proto_reply* reply, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_init_connect_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_attempt_failed_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_disconnect_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_push_fn(
            IntPtr conn, uint proto_id, byte* body, UIntPtr length, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_log_fn(IntPtr conn, int level, byte* message, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_closed_fn(IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_resolve_fn(IntPtr conn, byte* host, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_thread_start_fn(IntPtr conn, IntPtr user_data);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_status_text(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)] // since 1.1
        internal static extern int capdist_status_retry(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_last_error();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_security_parse(byte* text, capdist_security* security);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long capdist_security_format(capdist_security* security, byte* buffer, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern capdist_reply* capdist_reply_copy(capdist_reply* reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void capdist_reply_free(capdist_reply* reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long capdist_reply_to_json(capdist_reply* reply, byte* buffer, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)] // since 1.1
        internal static extern int capdist_flow_of(
            capdist_capital_distribution* distribution, int group, capdist_flow* flow);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_options_init(capdist_options* options, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_request_options_init(capdist_request_options* options, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_init_connect(capdist_options* options, IntPtr* conn);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_wait_ready(IntPtr conn, int timeout_ms);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_release(IntPtr conn);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_fd(IntPtr conn);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_process(IntPtr conn);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)] // since 1.1
        internal static extern int capdist_resolved(IntPtr conn, byte* addresses, byte* why);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_connection_info_init(capdist_connection_info* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_connection_info(IntPtr conn, capdist_connection_info* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_quota_init(capdist_quota* quota, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_quota(IntPtr conn, capdist_quota* quota);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_capital_distribution(
            IntPtr conn, capdist_security* security, capdist_request_options* options, IntPtr callback, IntPtr
            user_data, uint* serial_no);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_fetch_capital_distribution(
            IntPtr conn, capdist_security* security, capdist_request_options* options, capdist_reply** reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_cancel(IntPtr conn, uint serial_no);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_send_proto(
            IntPtr conn, uint proto_id, byte* body, UIntPtr length, capdist_request_options* options, IntPtr
            callback, IntPtr user_data, uint* serial_no);
    }
}
