import COpenSSL

/// Whom to trust over TLS, or as whom to answer: made once, then shared by sessions. It never changes, and OpenSSL counts its
/// references atomically: for any thread.
package final class TLSContext: @unchecked Sendable {
    /// No file of CAs is longer.
    private static let longestFile = 16 * 1024 * 1024

    let context: OpaquePointer
    /// Whether the peer must show a certificate of a CA that is trusted, for the name that was asked for.
    package let isVerifying: Bool

    /// Why it can not be made, for people.
    package struct Refusal: Error, Equatable {
        package let text: String
    }

    /// Of a client.
    /// - Parameters:
    ///   - caFile: PEM file of the certificates trusted, each a CA's or a server's own; nil: the system's.
    ///   - verifies: false: any certificate will do.
    package convenience init(caFile: UnsafePointer<CChar>?, verifies: Bool) throws(Refusal) {
        try self.init(TLS_client_method(), isVerifying: verifies)
        guard verifies else { return }
        if let caFile {
            try trust(caFile)
        } else {
            trustSystem()
        }
    }

    /// Of a server.
    /// - Parameters:
    ///   - certificate: PEM file with its chain, its own first.
    ///   - key: PEM file of its private key.
    package convenience init(
        certificate: UnsafePointer<CChar>, key: UnsafePointer<CChar>
    ) throws(Refusal) {
        try self.init(TLS_server_method(), isVerifying: false)
        let context = context
        let problem = Crypto.gated {
            Crypto.keepingErrors { () -> String? in
                guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
                    return "the certificate can not be used"
                }
                guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
                    return "the key can not be used"
                }
                return SSL_CTX_check_private_key(context) == 1 ? nil : "the key is not the certificate's"
            }
        }
        if let problem, let problem { throw Refusal(text: problem) }
    }

    private init(_ method: OpaquePointer?, isVerifying: Bool) throws(Refusal) {
        self.isVerifying = isVerifying
        let made = Crypto.gated { () -> OpaquePointer? in
            Crypto.keepingErrors {
                guard let crypto = Crypto.shared, let context = SSL_CTX_new_ex(crypto.context, nil, method) else {
                    return nil
                }
                // What its macros do, which Swift does not see.
                SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
                SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
                SSL_CTX_set_options(context, Self.noRenegotiation)
                SSL_CTX_set_verify(context, isVerifying ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
                return context
            }
        }
        guard let made, let made else { throw Refusal(text: "OpenSSL made no TLS context") }
        context = made
    }

    deinit {
        let context = context
        _ = Crypto.gated { SSL_CTX_free(context) }
    }

    /// SSL_OP_NO_RENEGOTIATION, a macro that Swift does not see.
    private static let noRenegotiation: UInt64 = 1 << 30

    private func trust(_ path: UnsafePointer<CChar>) throws(Refusal) {
        let problem: String??
        do throws(RegularFile.Unreadable) {
            let context = context
            problem = try RegularFile.read(path, longest: Self.longestFile + 1) { text in
                Crypto.gated { Crypto.keepingErrors { Self.addCertificates(text, to: context) } }
            }
        } catch {
            throw Refusal(text: error.text)
        }
        if let problem, let problem { throw Refusal(text: problem) }
    }

    /// - Returns: why the text is none that they can be taken from.
    private static func addCertificates(_ text: UnsafeRawBufferPointer, to context: OpaquePointer) -> String? {
        guard text.count <= longestFile else { return "it is longer than \(longestFile) bytes" }
        guard let crypto = Crypto.shared, let store = SSL_CTX_get_cert_store(context),
            let input = BIO_new_mem_buf(text.baseAddress, Int32(clamping: text.count))
        else { return "there is no memory for it" }
        defer { BIO_free(input) }
        // A server's own certificate may stand for its CA.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        var count = 0
        while true {
            var certificate = X509_new_ex(crypto.context, nil)
            defer { X509_free(certificate) }
            // A block under a passphrase is none: OpenSSL's own callback would ask for it on the terminal.
            guard PEM_read_bio_X509(input, &certificate, { _, _, _, _ in -1 }, nil) != nil else {
                // The first of them is the one that tells most; an empty block makes none. Blocks of other kinds are skipped.
                let error = ERR_peek_error()
                if ERR_GET_LIB(error) == ERR_LIB_PEM, ERR_GET_REASON(error) == PEM_R_NO_START_LINE {
                    return count > 0 ? nil : "there is no certificate in it (PEM)"
                }
                return "what follows its first \(count) certificates is damaged: \(Self.words)"
            }
            guard X509_STORE_add_cert(store, certificate) == 1 else {
                return "its certificate \(count + 1) can not be used: \(Self.words)"
            }
            count += 1
        }
    }

    private static var words: String {
        ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) } ?? "there is nothing in it"
    }

    /// Where OpenSSL was built to look for them. Its own function for that would look at the environment.
    private func trustSystem() {
        let context = context
        _ = Crypto.gated {
            Crypto.keepingErrors {
                // There may be one, the other, or both; who has none is told when a certificate comes.
                SSL_CTX_load_verify_file(context, X509_get_default_cert_file())
                SSL_CTX_load_verify_dir(context, X509_get_default_cert_dir())
            }
        }
    }
}
