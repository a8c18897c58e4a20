import COpenSSL

/// The 20 bytes of a SHA-1. Five words in memory order: a value that copies without allocating.
package struct SHA1Digest: Equatable, Sendable {
    private var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    package init() {}

    package static func == (left: SHA1Digest, right: SHA1Digest) -> Bool { left.words == right.words }
}

/// Makes SHA-1 digests with one context that is used again and again. For one thread at a time.
package struct SHA1Hasher: ~Copyable {
    private let context: OpaquePointer?

    package init() { context = EVP_MD_CTX_new() }

    deinit { EVP_MD_CTX_free(context) }

    /// - Returns: nil if OpenSSL fails (out of memory): the caller must treat that as no digest, never as a match.
    package borrowing func hash(_ bytes: UnsafeRawBufferPointer) -> SHA1Digest? {
        Crypto.shared.flatMap { hash(bytes, with: $0.sha1) }
    }

    borrowing func hash(_ bytes: UnsafeRawBufferPointer, with sha1: OpaquePointer) -> SHA1Digest? {
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
