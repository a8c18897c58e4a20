using System;

namespace Capdist
{
    /// <summary>How to connect: the fields of capdist_options, with its defaults. The constructor of <see cref="Client"/>
    /// refuses values that are out of range, and copies the options: later changes have no effect. A time is at most an hour;
    /// zero means the default. For texts, null means the default.</summary>
    public sealed class Options
    {
        /// <summary>The gateway: a numeric IPv4 or IPv6 address, "localhost" or a host name; null: 127.0.0.1.</summary>
        public string Host { get; set; }
        /// <summary>1 to 65535; default 11111 for every transport.</summary>
        public int Port { get; set; }
        /// <summary>The application's name, shown to the gateway, 1 to 255 bytes; null: "capdist".</summary>
        public string ClientId { get; set; }
        /// <summary>The application's version, major * 100 + minor, not negative; default 101.</summary>
        public int ClientVersion { get; set; }
        /// <summary>Whether to ask the gateway for pushes, which go to <see cref="OnPush"/>; default false. Over WebSocket the
        /// gateway always pushes, and with false the library drops the pushes.</summary>
        public bool RecvNotify { get; set; }
        /// <summary>Shown to the gateway, 1 to 255 bytes; default "C#".</summary>
        public string ProgrammingLanguage { get; set; } = "C#";

        /// <summary>What carries the messages; default TCP.</summary>
        public Transport Transport { get; set; }
        /// <summary>How bodies are encrypted; only has an effect with an RSA key; default
        /// <see cref="Cipher.FtaesEcb"/>.</summary>
        public Cipher PacketCipher { get; set; }
        /// <summary>TCP only: an RSA key of 512 to 4096 bits as PEM text, PKCS#1 or PKCS#8, without passphrase. It turns
        /// encryption on.</summary>
        public string RsaPrivateKey { get; set; }
        /// <summary>The same as a file: its path.</summary>
        public string RsaPrivateKeyFile { get; set; }
        /// <summary>WebSocket only: the key that is set in OpenD, not its MD5.</summary>
        public string WebSocketKey { get; set; }
        /// <summary>TLS only: the path of a PEM file with the certificates to trust; null: the system's CAs.</summary>
        public string TlsCaFile { get; set; }
        /// <summary>WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Use it if Host is an
        /// address that the application looked up itself. Null: Host.</summary>
        public string TlsServerName { get; set; }
        /// <summary>TLS only: accept any certificate; for tests only.</summary>
        public bool TlsInsecureAcceptAnyCertificate { get; set; }

        /// <summary>Whether to repeat attempts to connect, the first one too, and to reconnect after a lost connection; default
        /// true.</summary>
        public bool Reconnect { get; set; }
        /// <summary>The first pause between attempts; default 500 ms. Pauses double, and each is shortened at random by up to
        /// half.</summary>
        public TimeSpan ReconnectMin { get; set; }
        /// <summary>The longest pause, not below the first; default 30 s.</summary>
        public TimeSpan ReconnectMax { get; set; }
        /// <summary>The limit of one attempt, including name lookup and InitConnect; default 10 s.</summary>
        public TimeSpan ConnectTimeout { get; set; }
        /// <summary>From accepted to sent; default 120 s, so that a watch list can wait for the quota.</summary>
        public TimeSpan QueueTimeout { get; set; }
        /// <summary>From sent to answered; default 12 s.</summary>
        public TimeSpan ReplyTimeout { get; set; }

        /// <summary>What a request does during an outage; default wait.</summary>
        public OutageMode OutageMode { get; set; }

        /// <summary>Requests in a window, 0 to 100,000; 0: no quota is kept; default 30.</summary>
        public int QuotaRequests { get; set; }
        /// <summary>The window's length; default 30 s.</summary>
        public TimeSpan QuotaWindow { get; set; }
        /// <summary>What a request does when no slot of the quota is free; default wait.</summary>
        public QuotaMode QuotaMode { get; set; }
        /// <summary>Clients of this process with the same group share a quota, 1 to 255 bytes; null: one group for each
        /// host.</summary>
        public string QuotaGroup { get; set; }
        /// <summary>Most requests queued and in flight together, 1 to 1,000,000; default 4096.</summary>
        public int MaxQueue { get; set; }
        /// <summary>Longest body, sent or received, 1 KiB to 256 MiB; default 4 MiB.</summary>
        public int MaxBodyBytes { get; set; }

        /// <summary>The connection is established (errCode 0), or it has failed permanently. Called again after each reconnect.
        /// The high 32 bits of errCode are the kind, the low 32 bits the code (capdist.h). The text says what happened and what
        /// to do. Like all callbacks it runs on the connection's thread, one at a time, and may call everything except what
        /// waits. What it throws goes to <see cref="Client.CallbackException"/>.</summary>
        public Action<Client, long, string> OnInitConnect { get; set; }
        /// <summary>The connection was lost. Arguments as for <see cref="OnInitConnect"/>.</summary>
        public Action<Client, long, string> OnDisconnect { get; set; }
        /// <summary>An attempt to connect failed, and the library will try again. Arguments as for <see cref="OnInitConnect"/>.
        /// </summary>
        public Action<Client, long, string> OnAttemptFailed { get; set; }
        /// <summary>The gateway pushed a message. Arguments: the protocol's number and the protobuf.</summary>
        public Action<Client, uint, byte[]> OnPush { get; set; }
        /// <summary>A message for the application's log: one line of English, without a key or a body.</summary>
        public Action<Client, LogLevel, string> OnLog { get; set; }
        /// <summary>The connection has ended. This is the last callback, after every completion.</summary>
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

    /// <summary>Options of one request. In every field, zero means the connection's value.</summary>
    public sealed class RequestOptions
    {
        /// <summary>Time from accepted to sent.</summary>
        public TimeSpan QueueTimeout { get; set; }
        /// <summary>Time from sent to answered.</summary>
        public TimeSpan ReplyTimeout { get; set; }
        /// <summary>What the request does when no slot of the quota is free.</summary>
        public QuotaMode QuotaMode { get; set; }
        /// <summary>QotHeader.securityFirm, not negative; 0: not sent. Gateways read it since 10.11.</summary>
        public int SecurityFirm { get; set; }
        /// <summary>What the request does during an outage.</summary>
        public OutageMode OutageMode { get; set; }
        /// <summary>Above zero: takes another request's answer if it is at most this old, and waits for it if one is in flight
        /// (docs/quota.md, Shared answers). Zero: the request is always sent. Not for raw requests.</summary>
        public TimeSpan MaxAge { get; set; }

        /// <summary>The C struct; its defaults for null.</summary>
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
            raw.max_age_ms = Native.Milliseconds(from.MaxAge);
            return raw;
        }
    }
}
