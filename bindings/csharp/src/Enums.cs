// Generated from include/capdist.h: do not edit. `make abi` writes it.
namespace Capdist
{
    /// <summary>The result of a call or of a request.</summary>
    public enum Status
    {
        /// <summary>Done.</summary>
        Ok = 0,
        /// <summary>The gateway refused the request.</summary>
        Refused = 1,
        /// <summary>The gateway refused because too many requests were made. Try again after the time
        /// given.</summary>
        RateLimited = 2,
        /// <summary>The request timed out before it was sent. It is safe to repeat.</summary>
        QueueTimeout = 3,
        /// <summary>The request was sent, and no answer came in time.</summary>
        ReplyTimeout = 4,
        /// <summary>The connection to the gateway was lost.</summary>
        Disconnected = 5,
        /// <summary>The gateway's answer is damaged.</summary>
        MalformedReply = 6,
        /// <summary>The request was cancelled.</summary>
        Cancelled = 7,
        /// <summary>The connection was released.</summary>
        Released = 8,
        /// <summary>The gateway could not be reached.</summary>
        ConnectFailed = 16,
        /// <summary>The gateway did not answer in time.</summary>
        ConnectTimeout = 17,
        /// <summary>The gateway refused the connection's InitConnect.</summary>
        ConnectRefused = 18,
        /// <summary>The peer does not speak OpenD's protocol.</summary>
        ProtocolError = 19,
        /// <summary>The requested encryption failed.</summary>
        EncryptionFailed = 20,
        /// <summary>The TLS connection could not be made.</summary>
        TlsFailed = 21,
        /// <summary>An argument is not valid.</summary>
        InvalidArgument = 32,
        /// <summary>Too many requests are waiting.</summary>
        QueueFull = 33,
        /// <summary>The quota is used up for now.</summary>
        QuotaExhausted = 34,
        /// <summary>The connection has failed permanently. Release it and make a new one.</summary>
        NotConnected = 35,
        /// <summary>The call would wait for the thread that it runs on.</summary>
        WouldDeadlock = 36,
        /// <summary>Another thread drives this connection.</summary>
        Busy = 37,
        /// <summary>The connection belongs to the parent process.</summary>
        Forked = 38,
        /// <summary>This version of the library cannot do that.</summary>
        Unsupported = 39,
        /// <summary>A numeric address is needed here.</summary>
        NeedsAddress = 40,
        /// <summary>Another connection of this quota group has another limit or window.</summary>
        QuotaConflict = 41,
        /// <summary>There is no such request. It may have completed already.</summary>
        NotFound = 42,
        /// <summary>The operating system refused a thread, a descriptor or memory.</summary>
        SystemError = 43
    }

    /// <summary>Whether a failed request or call may succeed if it is repeated.</summary>
    public enum Retry
    {
        /// <summary>Not known: the gateway's words do not tell, or the answer was damaged. Also the value after
        /// success.</summary>
        Unknown = 0,
        /// <summary>The same request cannot succeed: the stock is unknown, the account may not see the quote, the
        /// connection has ended.</summary>
        Never = 1,
        /// <summary>It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's
        /// servers.</summary>
        Later = 2,
        /// <summary>It may succeed after <c>RetryAfterMs</c>.</summary>
        After = 3
    }

    /// <summary>Markets (Qot_Common.QotMarket), each with the name that capdist_security_parse() reads before the
    /// first dot. A market that is not listed can be requested by its number, from 1 up.</summary>
    public enum Market
    {
        /// <summary><c>HK</c>: Hong Kong.</summary>
        HK = 1,
        /// <summary><c>HK_FUTURE</c>: Hong Kong futures.</summary>
        HKFuture = 2,
        /// <summary><c>US</c>: United States.</summary>
        US = 11,
        /// <summary><c>SH</c>: Shanghai.</summary>
        SH = 21,
        /// <summary><c>SZ</c>: Shenzhen.</summary>
        SZ = 22,
        /// <summary><c>SG</c>: Singapore.</summary>
        SG = 31,
        /// <summary><c>JP</c>: Japan.</summary>
        JP = 41,
        /// <summary><c>AU</c>: Australia.</summary>
        AU = 51,
        /// <summary><c>MY</c>: Malaysia.</summary>
        MY = 61,
        /// <summary><c>CA</c>: Canada.</summary>
        CA = 71,
        /// <summary><c>FX</c>: foreign exchange.</summary>
        FX = 81,
        /// <summary><c>CC</c>: crypto currencies.</summary>
        CC = 91,
        /// <summary><c>EC</c>: event contracts.</summary>
        EC = 101
    }

    /// <summary>Levels of #capdist_log_fn.</summary>
    public enum LogLevel
    {
        /// <summary>The connection failed permanently: somebody must act.</summary>
        Error = 1,
        /// <summary>An attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota group,
        /// or requests failed (one message a minute at most, with their number).</summary>
        Warning = 2,
        /// <summary>Connecting, connected.</summary>
        Info = 3,
        /// <summary>Each failed request, and answers that no request waits for.</summary>
        Debug = 4
    }

    /// <summary>What carries the messages (docs/protocol.md).</summary>
    public enum Transport
    {
        /// <summary>OpenD's own protocol over TCP.</summary>
        Tcp = 0,
        /// <summary>OpenD's WebSocket bridge, which has a port of its own and is off by default.</summary>
        WebSocket = 1,
        /// <summary>The same over TLS 1.2 or newer, if OpenD has a certificate configured.</summary>
        WebSocketTls = 2
    }

    /// <summary>How bodies after InitConnect are encrypted if an RSA key is set (docs/protocol.md,
    /// Encryption).</summary>
    public enum Cipher
    {
        /// <summary>Not encrypted; InitConnect alone is.</summary>
        None = -1,
        /// <summary>AES-128, ECB with the vendor's padding: the vendor's default.</summary>
        FtaesEcb = 0,
        /// <summary>AES-128, ECB.</summary>
        AesEcb = 1,
        /// <summary>AES-128, CBC.</summary>
        AesCbc = 2
    }

    /// <summary>What a request does during an outage. An outage begins when an attempt to connect fails, and ends
    /// when one succeeds (docs/timeouts.md, While the gateway is down).</summary>
    public enum OutageMode
    {
        /// <summary>In request options: as the connection; in capdist_options: wait.</summary>
        Default = 0,
        /// <summary>Wait for the connection, at most for the queue timeout.</summary>
        Wait = 1,
        /// <summary>The call is refused at once, with the status and the cause of the last attempt. Before an outage
        /// begins, a request waits for the attempt in progress. If that attempt fails, the request completes with the
        /// same status.</summary>
        Fail = 2
    }

    /// <summary>What a request does when no slot of the quota is free.</summary>
    public enum QuotaMode
    {
        /// <summary>In request options: as the connection; in capdist_options: wait.</summary>
        Default = 0,
        /// <summary>Wait for a slot, at most for the queue timeout.</summary>
        Wait = 1,
        /// <summary>The call is refused at once with <c>QuotaExhausted</c>, unless a shared answer serves it
        /// (capdist_request_options.max_age_ms).</summary>
        Fail = 2
    }

    /// <summary>States of a connection.</summary>
    public enum ConnectionState
    {
        /// <summary>Connecting, or in the pause before the next attempt.</summary>
        Connecting = 0,
        /// <summary>Established.</summary>
        Ready = 1,
        /// <summary>Failed permanently.</summary>
        NotConnected = 2
    }
}
