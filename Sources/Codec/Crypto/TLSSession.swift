import COpenSSL
import Glibc

/// One TLS connection over memory: bytes of the peer in, bytes for the peer in `outgoing`. It does no I/O, and so raises no
/// signal. Each step runs through the gate that a fork and the process's end wait for (`Crypto.gated`); once the process
/// ends, steps do nothing. For one thread at a time.
package final class TLSSession {
    /// Why the session can not go on.
    package struct Failure: Error, Equatable {
        /// A sentence without its full stop.
        package let text: String
        /// Whether the peer's certificate was not accepted.
        package var isCertificate = false
        /// Whether the peer ended it as it should.
        package var isEnd = false

        package init(text: String, isCertificate: Bool = false, isEnd: Bool = false) {
            self.text = text
            self.isCertificate = isCertificate
            self.isEnd = isEnd
        }
    }

    /// What the peer must be sent.
    package private(set) var outgoing = ByteQueue()
    package private(set) var isEstablished = false
    /// Most that one step makes a record of.
    private static let longestRecord = 16 * 1024

    private let context: TLSContext
    private let session: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let host: String
    private var firstByte: UInt8?

    /// Of a client.
    /// - Parameter host: the name or address that the certificate must be for.
    /// - Returns: nil if OpenSSL fails, or the process ends.
    package convenience init?(_ context: TLSContext, host: String) {
        guard let parts = Self.parts(context) else { return nil }
        self.init(context, host, parts)
        let isSet = Crypto.gatedForTLS { () -> Bool in
            SSL_set_connect_state(session)
            return expect(host)
        }
        guard isSet == true else { return nil }
    }

    /// Of a server.
    package convenience init?(server context: TLSContext) {
        guard let parts = Self.parts(context) else { return nil }
        self.init(context, "", parts)
        _ = Crypto.gatedForTLS { SSL_set_accept_state(session) }
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
            // Both are the session's from here on.
            SSL_set_bio(session, input, output)
            return (session, input, output)
        } ?? nil
    }

    deinit {
        let session = session
        _ = Crypto.gatedForTLS { SSL_free(session) }
    }

    /// Tells the server which name is meant, and OpenSSL what its certificate must be for.
    private func expect(_ host: String) -> Bool {
        // A scope belongs to this machine alone, and the last dot to the resolver.
        var name = String(host.prefix { $0 != "%" })
        guard let parameters = SSL_get0_param(session) else { return false }
        var address = in6_addr()
        if inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1 {
            return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
        }
        if name.hasSuffix(".") { name.removeLast() }
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

    /// Takes in what the peer sent, none to begin with, and goes on with the handshake.
    package func received(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        if firstByte == nil { firstByte = bytes.first }
        let failure = Crypto.gatedForTLS { () -> Failure? in
            defer { drain() }
            if !bytes.isEmpty, BIO_write(input, bytes.baseAddress, Int32(clamping: bytes.count)) != bytes.count {
                return Failure(text: "there is no memory for TLS")
            }
            if isEstablished { return nil }
            Self.forgetErrors()
            let result = SSL_do_handshake(session)
            isEstablished = result == 1
            return result == 1 || isWaiting ? nil : whatFailed()
        }
        if let failure, let failure { throw failure }
    }

    /// Decrypts what there is, as far as it fits.
    /// - Returns: how much; 0: all that came is read.
    package func read(into room: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        guard isEstablished else { return 0 }
        var failure: Failure?
        let count = Crypto.gatedForTLS { () -> Int in
            defer { drain() }
            Self.forgetErrors()
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
        // What came before it counts first; OpenSSL fails again.
        if count ?? 0 == 0, let failure { throw failure }
        return count ?? 0
    }

    /// Encrypts the beginning of `bytes`.
    /// - Returns: how much of it, at most a record's worth; 0 before the handshake is done; nil if OpenSSL fails.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard isEstablished, !bytes.isEmpty else { return 0 }
        let written = Crypto.gatedForTLS { () -> Int? in
            let written = SSL_write(session, bytes.baseAddress, Int32(min(bytes.count, Self.longestRecord)))
            drain()
            return written > 0 ? Int(written) : nil
        }
        return written ?? 0
    }

    /// Tells the peer that nothing more comes.
    package func shutDown() {
        guard isEstablished else { return }
        _ = Crypto.gatedForTLS {
            SSL_shutdown(session)
            drain()
        }
    }

    /// Tells that the first `count` bytes of `outgoing` are sent.
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

    /// Only a step's own errors are to tell of it. On an application's thread `keepingErrors` sees to that.
    private static func forgetErrors() {
        if Crypto.isOnOwnThread { ERR_clear_error() }
    }

    /// Whether a step that did not succeed only needs more of the peer's bytes.
    private var isWaiting: Bool {
        ERR_peek_error() == 0 && SSL_want(session) == SSL_READING
            && SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN == 0
    }

    /// The peer's own, as far as it came.
    private var certificate: OpaquePointer? { copenssl_peer_certificate(session) }

    private func whatFailed() -> Failure {
        let reason = ERR_GET_REASON(ERR_peek_last_error())
        defer { Self.forgetErrors() }
        if SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN != 0, isEstablished {
            return Failure(text: "the gateway ended the TLS connection", isEnd: true)
        }
        let verified = SSL_get_verify_result(session)
        if context.isVerifying, verified != Int(X509_V_OK), !isEstablished {
            return Failure(text: certificateText(verified, host, certificate, context.source), isCertificate: true)
        }
        // Its records are of the types 20 to 23.
        if let firstByte, !(20...23).contains(firstByte) {
            return Failure(text: "what answered there does not speak TLS: is TLS set up at that port?")
        }
        switch reason {
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER:
            return Failure(text: "the gateway does not support TLS 1.2 or later")
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return Failure(text: "the gateway requires a client certificate, and this client has none")
        default:
            let words = ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) } ?? "no reason given"
            return Failure(text: "TLS failed: \(words)")
        }
    }
}
