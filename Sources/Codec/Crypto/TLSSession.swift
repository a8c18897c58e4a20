import COpenSSL
import Glibc

/// One TLS connection in memory: it takes the bytes of the peer, and has the bytes for the peer in `outgoing`. It does
/// no I/O, and so raises no signal. Each step takes the lock that a fork waits for (`Crypto.gated`). For one thread at
/// a time.
package final class TLSSession {
    /// Why the session cannot go on.
    package struct Failure: Error, Equatable {
        /// A sentence without a full stop.
        package let text: String
        /// Whether the peer's certificate was not accepted.
        package var isCertificate = false
        /// Whether the peer ended TLS properly (close_notify).
        package var isEnd = false

        package init(text: String, isCertificate: Bool = false, isEnd: Bool = false) {
            self.text = text
            self.isCertificate = isCertificate
            self.isEnd = isEnd
        }
    }

    /// The bytes to send to the peer.
    package private(set) var outgoing = ByteQueue()
    package private(set) var isEstablished = false
    /// Most bytes that one step encrypts.
    private static let longestRecord = 16 * 1024

    private let context: TLSContext
    private let session: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let host: String
    private var firstByte: UInt8?

    /// For a client.
    /// - Parameter host: the name or address that the certificate must be for.
    /// - Returns: nil if OpenSSL fails.
    package convenience init?(_ context: TLSContext, host: String) {
        guard let parts = Self.parts(context) else { return nil }
        self.init(context, host, parts)
        let isSet = Crypto.gatedForTLS { () -> Bool in
            SSL_set_connect_state(session)
            return expect(host)
        }
        guard isSet else { return nil }
    }

    /// For a server.
    package convenience init?(server context: TLSContext) {
        guard let parts = Self.parts(context) else { return nil }
        self.init(context, "", parts)
        Crypto.gatedForTLS { SSL_set_accept_state(session) }
    }

    private typealias Parts = (session: OpaquePointer, input: OpaquePointer, output: OpaquePointer)

    private init(_ context: TLSContext, _ host: String, _ parts: Parts) {
        self.context = context
        self.host = host
        (session, input, output) = parts
    }

    private static func parts(_ context: TLSContext) -> Parts? {
        Crypto.gatedForTLS { () -> Parts? in
            guard let session = SSL_new(context.context) else { return nil }
            guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
                SSL_free(session)
                return nil
            }
            // From here on the session owns both.
            SSL_set_bio(session, input, output)
            return (session, input, output)
        }
    }

    deinit {
        let session = session
        Crypto.gated { SSL_free(session) }
    }

    /// Sets the name to send to the server (SNI), and the name that its certificate must be for.
    private func expect(_ host: String) -> Bool {
        // The scope of an address has a meaning only on this machine, and a last dot only for the resolver.
        var name = host.before("%")
        guard let parameters = SSL_get0_param(session) else { return false }
        var address = in6_addr()
        if inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1 {
            return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
        }
        if name.ends(in: ".") { name = String(Substring(name.utf8.dropLast())) }
        X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        return name.withCString { text in
            SSL_ctrl(
                session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                UnsafeMutableRawPointer(mutating: text)
            ) == 1 && X509_VERIFY_PARAM_set1_host(parameters, text, 0) == 1
        }
    }

    // MARK: - Steps

    /// Takes bytes of the peer (none at the beginning), and continues the handshake.
    package func received(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        if firstByte == nil { firstByte = bytes.first }
        let failure = Crypto.gatedForTLS { () -> Failure? in
            defer { drain() }
            if !bytes.isEmpty, BIO_write(input, bytes.baseAddress, Int32(clamping: bytes.count)) != bytes.count {
                return Failure(text: "there is no memory for TLS")
            }
            if isEstablished { return nil }
            let result = SSL_do_handshake(session)
            isEstablished = result == 1
            return result == 1 || isWaiting ? nil : whatFailed()
        }
        if let failure { throw failure }
    }

    /// Decrypts the bytes received, as far as they fit.
    /// - Returns: how many bytes; 0 if there are no more.
    package func read(into room: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        guard isEstablished else { return 0 }
        var failure: Failure?
        let count = Crypto.gatedForTLS { () -> Int in
            defer { drain() }
            var count = 0
            while count < room.count, let start = room.baseAddress {
                let read = SSL_read(session, start + count, Int32(clamping: room.count - count))
                if read > 0 {
                    count += Int(read)
                    continue
                }
                if !isWaiting { failure = whatFailed() }
                break
            }
            return count
        }
        // First return what was decrypted before the failure. OpenSSL fails again in the next step.
        if count == 0, let failure { throw failure }
        return count
    }

    /// Encrypts the beginning of `bytes`.
    /// - Returns: how many bytes, at most one record; 0 before the handshake is done; nil if OpenSSL fails.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard isEstablished, !bytes.isEmpty else { return 0 }
        return Crypto.gatedForTLS { () -> Int? in
            let written = SSL_write(session, bytes.baseAddress, Int32(min(bytes.count, Self.longestRecord)))
            drain()
            return written > 0 ? Int(written) : nil
        }
    }

    /// Tells the peer that no more bytes come (close_notify).
    package func shutDown() {
        guard isEstablished else { return }
        Crypto.gatedForTLS {
            SSL_shutdown(session)
            drain()
        }
    }

    /// The first `count` bytes of `outgoing` were sent.
    package func sent(_ count: Int) { outgoing.sent(count) }

    private func drain() {
        while true {
            let waiting = BIO_ctrl(output, BIO_CTRL_PENDING, 0, nil)
            guard waiting > 0 else { return }
            let read = BIO_read(output, outgoing.room(waiting).baseAddress, Int32(clamping: waiting))
            guard read > 0 else { return }
            outgoing.filled(Int(read))
        }
    }

    // MARK: - What went wrong

    /// Whether a step did not succeed only because it needs more bytes of the peer.
    private var isWaiting: Bool {
        ERR_peek_error() == 0 && SSL_want(session) == SSL_READING
            && SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN == 0
    }

    /// The peer's own certificate, if it was received.
    private var certificate: OpaquePointer? { copenssl_peer_certificate(session) }

    private func whatFailed() -> Failure {
        let reason = ERR_GET_REASON(ERR_peek_last_error())
        if SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN != 0, isEstablished {
            return Failure(text: "the gateway ended the TLS connection", isEnd: true)
        }
        let verified = SSL_get_verify_result(session)
        if context.isVerifying, verified != Int(X509_V_OK), !isEstablished {
            return Failure(text: certificateText(verified, host, certificate, context.source), isCertificate: true)
        }
        // TLS records have the types 20 to 23.
        if let firstByte, !(20...23).contains(firstByte) {
            return Failure(text: "what answered there does not speak TLS: is TLS set up at that port?")
        }
        switch reason {
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER:
            return Failure(text: "the gateway does not support TLS 1.2 or later")
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return Failure(text: "the gateway requires a client certificate, and this client has none")
        default:
            let words = copenssl_reason(ERR_peek_last_error()).map { String(cString: $0) } ?? "no reason given"
            return Failure(text: "TLS failed: \(words)")
        }
    }
}
