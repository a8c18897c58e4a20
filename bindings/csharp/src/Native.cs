using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Capdist
{
    /// <summary>The C interface, with the names of capdist.h. Everything here is blittable: nothing is marshalled.</summary>
    internal static unsafe class Native
    {
        /// <summary>By its SONAME, which no other major version has. The runtime asks the loader: LD_LIBRARY_PATH, the
        /// system's folders, and on .NET the assembly's folder first.</summary>
        private const string Library = "libcapdist.so.1";

        internal const int CAPDIST_VERSION_MAJOR = 1;
        internal const int CAPDIST_CODE_SIZE = 60;
        internal const uint CAPDIST_HAS_RET_TYPE = 1 << 1;
        internal const uint CAPDIST_HAS_RET_MSG = 1 << 2;
        internal const uint CAPDIST_HAS_ERR_CODE = 1 << 3;
        internal const uint CAPDIST_HAS_RETRY = 1 << 4;
        /// <summary>The figures that are always there: in and out, big, mid and small.</summary>
        internal const uint RequiredFigures = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6;
        internal const uint CAPDIST_HAS_UPDATE_TIME = 1 << 7;
        internal const uint CAPDIST_HAS_UPDATE_TIMESTAMP = 1 << 8;
        internal const uint CAPDIST_HAS_CAPITAL_IN_SUPER = 1 << 9;
        internal const uint CAPDIST_HAS_CAPITAL_OUT_SUPER = 1 << 10;

        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_security
        {
            public int market;
            public fixed byte code[CAPDIST_CODE_SIZE];
        }

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

        // Flow computes it by itself.
        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_flow
        {
            public double capital_in;
            public double capital_out;
            public double net;
            public double out_share;
        }

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
            public int retry;
        }

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
            public int retry;
        }

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
            public int reserved;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct capdist_connection_info
        {
            public UIntPtr struct_size;
            public ulong conn_id;
            public ulong login_user_id;
            public int server_version;
            public int state;
        }

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
        internal delegate void capdist_proto_fn(IntPtr conn, uint serial_no, capdist_proto_reply* reply, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_init_connect_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_disconnect_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_attempt_failed_fn(IntPtr conn, long err_code, byte* desc, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_push_fn(IntPtr conn, uint proto_id, byte* body, UIntPtr length, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_log_fn(IntPtr conn, int level, byte* message, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_thread_start_fn(IntPtr conn, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_resolve_fn(IntPtr conn, byte* host, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void capdist_closed_fn(IntPtr user_data);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_status_text(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_status_retry(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* capdist_last_error();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_security_parse(byte* text, capdist_security* security);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long capdist_security_format(capdist_security* security, byte* buffer, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void capdist_reply_free(capdist_reply* reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long capdist_reply_to_json(capdist_reply* reply, byte* buffer, UIntPtr size);

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
        internal static extern int capdist_connection_info_init(capdist_connection_info* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_connection_info(IntPtr conn, capdist_connection_info* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_quota_init(capdist_quota* quota, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_quota(IntPtr conn, capdist_quota* quota);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_get_capital_distribution(
            IntPtr conn, capdist_security* security, capdist_request_options* options, IntPtr callback,
            IntPtr user_data, uint* serial_no);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_fetch_capital_distribution(
            IntPtr conn, capdist_security* security, capdist_request_options* options, capdist_reply** reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_cancel(IntPtr conn, uint serial_no);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int capdist_send_proto(
            IntPtr conn, uint proto_id, byte* body, UIntPtr length, capdist_request_options* options, IntPtr callback,
            IntPtr user_data, uint* serial_no);

        /// <summary>Refuses a library whose structs may be others. Called before the first of them is handed over.</summary>
        internal static void CheckVersion()
        {
            string version = Text(capdist_version());
            if (version.StartsWith(CAPDIST_VERSION_MAJOR + ".", StringComparison.Ordinal)) return;
            throw new NotSupportedException("libcapdist is " + version + "; this needs " + CAPDIST_VERSION_MAJOR + ".x");
        }

        /// <summary>The one of that number; what only a newer library knows is Unknown.</summary>
        internal static Retry RetryOf(int number)
        {
            return number >= (int)Retry.Never && number <= (int)Retry.After ? (Retry)number : Retry.Unknown;
        }

        /// <summary>As far as the status alone tells; an older library does not.</summary>
        internal static Retry RetryOf(Status status)
        {
            try
            {
                return RetryOf(capdist_status_retry((int)status));
            }
            catch (EntryPointNotFoundException)
            {
                return Retry.Unknown;
            }
        }

        /// <summary>C's text; "" for NULL.</summary>
        internal static string Text(byte* text)
        {
            if (text == null) return "";
            int length = 0;
            while (text[length] != 0) length++;
            return length == 0 ? "" : Encoding.UTF8.GetString(text, length);
        }

        internal static byte[] Bytes(byte* bytes, UIntPtr length)
        {
            byte[] copy = new byte[checked((int)length)];
            if (copy.Length > 0) Marshal.Copy((IntPtr)bytes, copy, 0, copy.Length);
            return copy;
        }

        /// <summary>For the C ABI, which refuses what is out of range: what it could not even hold must not come back
        /// into range, and a time too short for it is not 0, which is the default.</summary>
        internal static int Milliseconds(TimeSpan time)
        {
            double rounded = time > TimeSpan.Zero ? Math.Ceiling(time.TotalMilliseconds) : Math.Floor(time.TotalMilliseconds);
            return (int)Math.Max(int.MinValue, Math.Min(int.MaxValue, rounded));
        }
    }

    /// <summary>C's copies of texts, for the time of one call; wiped then, since one may be a key.</summary>
    internal sealed unsafe class Texts : IDisposable
    {
        private static readonly Encoding Strict = new UTF8Encoding(false, true);
        private readonly List<KeyValuePair<IntPtr, int>> copies = new List<KeyValuePair<IntPtr, int>>();

        /// <summary>NULL for null.</summary>
        internal byte* Add(string text, string name)
        {
            if (text == null) return null;
            if (text.IndexOf('\0') >= 0) throw new ArgumentException(name + " holds a NUL", name);
            int size;
            try
            {
                size = Strict.GetByteCount(text) + 1;
            }
            catch (EncoderFallbackException)
            {
                throw new ArgumentException(name + " is no Unicode: half of a surrogate pair", name);
            }
            IntPtr copy = Marshal.AllocHGlobal(size);
            copies.Add(new KeyValuePair<IntPtr, int>(copy, size));
            fixed (char* from = text) Strict.GetBytes(from, text.Length, (byte*)copy, size);
            ((byte*)copy)[size - 1] = 0;
            return (byte*)copy;
        }

        public void Dispose()
        {
            foreach (KeyValuePair<IntPtr, int> copy in copies)
            {
                for (int at = 0; at < copy.Value; at++) ((byte*)copy.Key)[at] = 0;
                Marshal.FreeHGlobal(copy.Key);
            }
            copies.Clear();
        }
    }
}
