import COpenSSL

/// The 20 bytes of a SHA-1. Five words in memory order: a value that copies without allocating.
package struct SHA1Digest: Equatable, Sendable {
    private var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    package init() {}

    package static func == (left: SHA1Digest, right: SHA1Digest) -> Bool { left.words == right.words }
}

/// OpenSSL in a library context of our own, with what we use fetched once. The process's default context is torn down by
/// OpenSSL's atexit handler under threads that still hash; this one is not, and lives as long as the process.
///
/// What OpenSSL sets up for the whole process at its first use (its configuration, its error texts) is set up here, on the
/// host's thread: a connection's thread that was doing it while the process exits ran into that handler. If nobody used
/// OpenSSL before, it installs none.
package enum Crypto {
    /// nil when OpenSSL could not provide SHA-1. Unsafe to the compiler only: OpenSSL counts its references atomically.
    nonisolated(unsafe) static let sha1: OpaquePointer? = {
        let once = OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_LOAD_CONFIG
        OPENSSL_init_crypto(UInt64(once), nil)
        guard let sha1 = EVP_MD_fetch(OSSL_LIB_CTX_new(), "SHA1", nil) else { return nil }
        // What else a first digest sets up.
        _ = SHA1Hasher().hash(UnsafeRawBufferPointer(start: nil, count: 0), with: sha1)
        return sha1
    }()

    /// Whether this process's OpenSSL has what frames need; also does the set-up, so that nothing is fetched later.
    package static var isAvailable: Bool { sha1 != nil }
}

/// Makes SHA-1 digests with one context that is used again and again. For one thread at a time.
package struct SHA1Hasher: ~Copyable {
    private let context: OpaquePointer?

    package init() { context = EVP_MD_CTX_new() }

    deinit { EVP_MD_CTX_free(context) }

    /// - Returns: nil if OpenSSL fails (out of memory): the caller must treat that as no digest, never as a match.
    package borrowing func hash(_ bytes: UnsafeRawBufferPointer) -> SHA1Digest? {
        Crypto.sha1.flatMap { hash(bytes, with: $0) }
    }

    fileprivate borrowing func hash(_ bytes: UnsafeRawBufferPointer, with sha1: OpaquePointer) -> SHA1Digest? {
        guard let context else { return nil }
        var digest = SHA1Digest()
        let done = withUnsafeMutableBytes(of: &digest) { out in
            EVP_DigestInit_ex2(context, sha1, nil) == 1
                && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
                && EVP_DigestFinal_ex(context, out.baseAddress, nil) == 1
        }
        return done ? digest : nil
    }
}
