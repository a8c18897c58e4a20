import COpenSSL

/// The certificates to trust over TLS or, for a server, its own certificate. Made once, then shared by sessions. It
/// never changes, and OpenSSL counts its references atomically, so any thread may use it.
package final class TLSContext: @unchecked Sendable {
    /// No file of CAs is longer than this, in bytes.
    private static let longestFile = 16 * 1024 * 1024

    let context: OpaquePointer
    /// Where the trusted certificates came from, for people; "" for a file that the application named. Set during
    /// initialisation.
    private(set) nonisolated(unsafe) var source = ""
    /// Whether the peer's certificate must be signed by a trusted CA, and made for the requested name.
    package let isVerifying: Bool

    /// Why it cannot be made, for people.
    package struct TrustError: Error, Equatable {
        package let text: String
        package init(text: String) { self.text = text }
    }

    /// For a client. This may take tens of milliseconds, so `TLSContexts` shares them.
    package convenience init(_ trust: TLSTrust) throws(TrustError) {
        self.init(try Self.context(TLS_client_method(), isVerifying: trust.isVerifying), trust.isVerifying)
        switch trust {
        case .anybody: break
        case .file(let path): try self.trust(path)
        case .system: trustSystem()
        }
    }

    /// For a server.
    /// - Parameters:
    ///   - certificate: PEM file with its chain. Its own certificate comes first.
    ///   - key: PEM file with its private key.
    package convenience init(
        certificate: UnsafePointer<CChar>, key: UnsafePointer<CChar>
    ) throws(TrustError) {
        self.init(try Self.context(TLS_server_method(), isVerifying: false), false)
        let context = context
        let problem = Crypto.gated { () -> String? in
            guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
                return "the certificate cannot be used"
            }
            guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
                return "the key cannot be used"
            }
            return SSL_CTX_check_private_key(context) == 1 ? nil : "the key is not the certificate's"
        }
        if let problem { throw TrustError(text: problem) }
    }

    private init(_ context: OpaquePointer, _ isVerifying: Bool) {
        self.context = context
        self.isVerifying = isVerifying
    }

    private static func context(_ method: OpaquePointer?, isVerifying: Bool) throws(TrustError) -> OpaquePointer {
        let made = Crypto.gated { () -> OpaquePointer? in
            guard let crypto = Crypto.shared else { return nil }
            #if hasFeature(Embedded)
                copenssl_begin_tls()
            #endif
            guard let context = SSL_CTX_new_ex(crypto.context, nil, method) else { return nil }
            // What its macros do, which Swift does not see.
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
            SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
            SSL_CTX_set_options(context, noRenegotiation)
            SSL_CTX_set_verify(context, isVerifying ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
            return context
        }
        guard let made else { throw TrustError(text: "OpenSSL made no TLS context") }
        return made
    }

    deinit {
        let context = context
        Crypto.gated { SSL_CTX_free(context) }
    }

    /// SSL_OP_NO_RENEGOTIATION, a macro that Swift does not import.
    private static let noRenegotiation: UInt64 = 1 << 30

    private func trust(_ path: String) throws(TrustError) {
        let problem: String?
        do throws(RegularFile.Unreadable) {
            problem = try RegularFile.read(path, longest: Self.longestFile + 1) { text in
                guard text.count <= Self.longestFile else { return "it is longer than \(Self.longestFile) bytes" }
                return addCertificates(text, isStrict: true).problem
            }
        } catch {
            throw TrustError(text: error.text)
        }
        if let problem { throw TrustError(text: problem) }
        // A server's own certificate may be trusted, without its CA.
        let context = context
        _ = Crypto.gated { X509_STORE_set_flags(SSL_CTX_get_cert_store(context), UInt(X509_V_FLAG_PARTIAL_CHAIN)) }
    }

    /// How many certificates are read with the gate's lock held. Meanwhile TLS of other connections waits, and so does
    /// a fork.
    private static let inOneGo = 4

    /// Adds the certificates of a PEM text.
    /// - Parameter isStrict: whether a damaged or unusable certificate is an error; if not, it is skipped.
    /// - Returns: how many were added, and why the text cannot be used.
    private func addCertificates(_ text: UnsafeRawBufferPointer, isStrict: Bool) -> (count: Int, problem: String?) {
        let context = context
        let input = Crypto.gated { BIO_new_mem_buf(text.baseAddress, Int32(clamping: text.count)) }
        guard let input else { return (0, "there is no memory for it") }
        defer { _ = Crypto.gated { BIO_free(input) } }
        var count = 0
        while true {
            let step = Crypto.gated { Self.addSome(of: input, to: context, isStrict: isStrict, &count) }
            switch step {
            case .more: continue
            case .end: return (count, count > 0 ? nil : "there is no certificate in it (PEM)")
            case .problem(let problem): return (count, problem)
            }
        }
    }

    private enum Step {
        case more, end
        case problem(String)
    }

    private static func addSome(
        of input: OpaquePointer, to context: OpaquePointer, isStrict: Bool, _ count: inout Int
    ) -> Step {
        guard let crypto = Crypto.shared, let store = SSL_CTX_get_cert_store(context) else { return .end }
        for _ in 0..<inOneGo {
            var certificate = X509_new_ex(crypto.context, nil)
            defer { X509_free(certificate) }
            ERR_clear_error()
            let before = BIO_ctrl(input, BIO_CTRL_PENDING, 0, nil)
            // The callback refuses blocks with a passphrase: OpenSSL's own callback would ask for it on the terminal.
            guard PEM_read_bio_X509(input, &certificate, { _, _, _, _ in -1 }, nil) != nil else {
                // The first error in the queue tells most. An empty block makes no error. Blocks of other kinds are
                // skipped.
                let error = ERR_peek_error()
                if ERR_GET_LIB(error) == ERR_LIB_PEM, ERR_GET_REASON(error) == PEM_R_NO_START_LINE { return .end }
                if !isStrict {
                    if BIO_ctrl(input, BIO_CTRL_PENDING, 0, nil) < before { continue }
                    return .end
                }
                return .problem("what follows its first \(count) certificates is damaged: \(words)")
            }
            guard X509_STORE_add_cert(store, certificate) == 1 else {
                if !isStrict { continue }
                return .problem("its certificate \(count + 1) cannot be used: \(words)")
            }
            count += 1
        }
        return .more
    }

    private static var words: String {
        copenssl_reason(ERR_peek_error()).map { String(cString: $0) } ?? "there is nothing in it"
    }

    private func trustSystem() {
        for path in SystemCAs.allFiles {
            if add(path) > 0 {
                source = "those of \(path) are trusted"
                return
            }
        }
        var count = 0
        for folder in SystemCAs.allFolders {
            for path in SystemCAs.entries(of: folder) { count += add(path) }
        }
        let folders = SystemCAs.allFolders.joined(separator: ", ")
        let files = SystemCAs.allFiles.joined(separator: ", ")
        source = count > 0 ? "those in \(folders) are trusted" : "none was found in \(files), \(folders)"
    }

    private func add(_ path: String) -> Int {
        let count = try? RegularFile.read(path, longest: Self.longestFile) {
            addCertificates($0, isStrict: false).count
        }
        return count ?? 0
    }
}
