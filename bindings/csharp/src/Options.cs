using System;

namespace Capdist
{
    /// <summary>How to connect: the fields of capdist_options with its defaults (capdist.h tells units and ranges). A text
    /// that is null and a time of zero take the default. A client takes a copy: what is changed later changes nothing.
    /// </summary>
    public sealed class Options
    {
        /// <summary>Numeric address, "localhost" or a name; null: 127.0.0.1.</summary>
        public string Host { get; set; }
        /// <summary>1 to 65535.</summary>
        public int Port { get; set; }
        /// <summary>Names the program to the gateway.</summary>
        public string ClientId { get; set; }
        /// <summary>major * 100 + minor.</summary>
        public int ClientVersion { get; set; }
        /// <summary>Ask the gateway for pushes, delivered to <see cref="OnPush"/>.</summary>
        public bool RecvNotify { get; set; }
        /// <summary>Told to the gateway.</summary>
        public string ProgrammingLanguage { get; set; } = "C#";

        /// <summary>What carries the messages.</summary>
        public Transport Transport { get; set; }
        /// <summary>Only has an effect with an RSA key.</summary>
        public Cipher PacketCipher { get; set; }
        /// <summary>The key that OpenD has, as PEM text; turns encryption on.</summary>
        public string RsaPrivateKey { get; set; }
        /// <summary>Or the path of a PEM file.</summary>
        public string RsaPrivateKeyFile { get; set; }
        /// <summary>The WebSocket key that is set in OpenD, not its MD5.</summary>
        public string WebSocketKey { get; set; }
        /// <summary>PEM file with the certificates to trust; null: the system's.</summary>
        public string TlsCaFile { get; set; }
        /// <summary>WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Set it where
        /// Host is an address that the program looked up itself.</summary>
        public string TlsServerName { get; set; }
        /// <summary>Accept any certificate; for tests only.</summary>
        public bool TlsInsecureAcceptAnyCertificate { get; set; }

        /// <summary>Repeat attempts to connect, the first one too, and reconnect after a lost connection.</summary>
        public bool Reconnect { get; set; }
        /// <summary>First pause of the exponential backoff; default 500 ms.</summary>
        public TimeSpan ReconnectMin { get; set; }
        /// <summary>The longest; default 30 s.</summary>
        public TimeSpan ReconnectMax { get; set; }
        /// <summary>For one attempt; default 10 s.</summary>
        public TimeSpan ConnectTimeout { get; set; }
        /// <summary>From accepted to sent; default 120 s, since a watch list waits for the quota.</summary>
        public TimeSpan QueueTimeout { get; set; }
        /// <summary>From sent to answered; default 12 s.</summary>
        public TimeSpan ReplyTimeout { get; set; }

        /// <summary>What a request does while the gateway cannot be reached; default wait.</summary>
        public OutageMode OutageMode { get; set; }

        /// <summary>Requests in a window; 0: no quota is kept; default 30.</summary>
        public int QuotaRequests { get; set; }
        /// <summary>The window; default 30 s.</summary>
        public TimeSpan QuotaWindow { get; set; }
        /// <summary>What a request does when no slot is free.</summary>
        public QuotaMode QuotaMode { get; set; }
        /// <summary>Clients with the same group share a quota in this process; null: the clients of one host.</summary>
        public string QuotaGroup { get; set; }
        /// <summary>Most requests queued and in flight together; 0: the default, 4096.</summary>
        public int MaxQueue { get; set; }
        /// <summary>Longest body, sent or received; 0: the default, 4 MiB.</summary>
        public int MaxBodyBytes { get; set; }

        /// <summary>The connection is established (errCode 0), or has failed permanently. The high 32 bits of errCode are the
        /// kind, the low 32 bits the code (capdist.h); the text explains it. Like all callbacks it runs on the connection's
        /// thread, one at a time, and may call everything but what waits. What it throws goes to
        /// <see cref="Client.CallbackException"/>.</summary>
        public Action<Client, long, string> OnInitConnect { get; set; }
        /// <summary>The connection was lost; the arguments as above.</summary>
        public Action<Client, long, string> OnDisconnect { get; set; }
        /// <summary>An attempt to connect failed, and another one follows; the arguments as above.</summary>
        public Action<Client, long, string> OnAttemptFailed { get; set; }
        /// <summary>The gateway pushed a message: its protocol id and its protobuf.</summary>
        public Action<Client, uint, byte[]> OnPush { get; set; }
        /// <summary>A line for a log.</summary>
        public Action<Client, LogLevel, string> OnLog { get; set; }
        /// <summary>The very last of the client's callbacks.</summary>
        public Action OnClosed { get; set; }

        /// <summary>The library's defaults.</summary>
        public unsafe Options()
        {
            Native.capdist_options raw = Defaults();
            Port = raw.port;
            ClientVersion = raw.client_version;
            Reconnect = raw.reconnect != 0;
            QuotaRequests = raw.quota_requests;
        }

        internal Options Copy()
        {
            return (Options)MemberwiseClone();
        }

        /// <summary>The C struct, without callbacks; it points into `texts`.</summary>
        internal unsafe Native.capdist_options Raw(Texts texts)
        {
            Native.capdist_options raw = Defaults();
            raw.host = texts.Add(Host, nameof(Host));
            raw.port = Port;
            raw.client_id = texts.Add(ClientId, nameof(ClientId));
            raw.client_version = ClientVersion;
            raw.recv_notify = RecvNotify ? 1 : 0;
            raw.programming_language = texts.Add(ProgrammingLanguage, nameof(ProgrammingLanguage));
            raw.transport = (int)Transport;
            raw.packet_cipher = (int)PacketCipher;
            raw.rsa_private_key = texts.Add(RsaPrivateKey, nameof(RsaPrivateKey));
            raw.rsa_private_key_file = texts.Add(RsaPrivateKeyFile, nameof(RsaPrivateKeyFile));
            raw.websocket_key = texts.Add(WebSocketKey, nameof(WebSocketKey));
            raw.tls_ca_file = texts.Add(TlsCaFile, nameof(TlsCaFile));
            raw.tls_server_name = texts.Add(TlsServerName, nameof(TlsServerName));
            raw.tls_insecure_accept_any_certificate = TlsInsecureAcceptAnyCertificate ? 1 : 0;
            raw.reconnect = Reconnect ? 1 : 0;
            raw.reconnect_min_ms = Native.Milliseconds(ReconnectMin);
            raw.reconnect_max_ms = Native.Milliseconds(ReconnectMax);
            raw.connect_timeout_ms = Native.Milliseconds(ConnectTimeout);
            raw.queue_timeout_ms = Native.Milliseconds(QueueTimeout);
            raw.reply_timeout_ms = Native.Milliseconds(ReplyTimeout);
            raw.quota_requests = QuotaRequests;
            raw.quota_window_ms = Native.Milliseconds(QuotaWindow);
            raw.quota_mode = (int)QuotaMode;
            raw.max_queue = MaxQueue;
            raw.max_body_bytes = MaxBodyBytes;
            raw.quota_group = texts.Add(QuotaGroup, nameof(QuotaGroup));
            raw.outage_mode = (int)OutageMode;
            return raw;
        }

        private static unsafe Native.capdist_options Defaults()
        {
            Native.CheckVersion();
            Native.capdist_options raw;
            CapdistException.Check(Native.capdist_options_init(&raw, (UIntPtr)sizeof(Native.capdist_options)));
            return raw;
        }
    }

    /// <summary>What one request may set for itself; zero is as the client's options say.</summary>
    public sealed class RequestOptions
    {
        /// <summary>From accepted to sent.</summary>
        public TimeSpan QueueTimeout { get; set; }
        /// <summary>From sent to answered.</summary>
        public TimeSpan ReplyTimeout { get; set; }
        /// <summary>What it does when no slot of the quota is free.</summary>
        public QuotaMode QuotaMode { get; set; }
        /// <summary>QotHeader.securityFirm, sent only if not 0.</summary>
        public int SecurityFirm { get; set; }
        /// <summary>What it does while the gateway cannot be reached.</summary>
        public OutageMode OutageMode { get; set; }

        /// <summary>C's defaults for null.</summary>
        internal static unsafe Native.capdist_request_options Raw(RequestOptions from)
        {
            Native.capdist_request_options raw;
            CapdistException.Check(
                Native.capdist_request_options_init(&raw, (UIntPtr)sizeof(Native.capdist_request_options)));
            if (from == null) return raw;
            raw.queue_timeout_ms = Native.Milliseconds(from.QueueTimeout);
            raw.reply_timeout_ms = Native.Milliseconds(from.ReplyTimeout);
            raw.quota_mode = (int)from.QuotaMode;
            raw.security_firm = from.SecurityFirm;
            raw.outage_mode = (int)from.OutageMode;
            return raw;
        }
    }
}
