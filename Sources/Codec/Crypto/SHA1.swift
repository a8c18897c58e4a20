import COpenSSL

/// The 20 bytes of a SHA-1. Five words in memory order: a value that copies without allocating.
package struct SHA1Digest: Equatable, Sendable {
    private var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    package init() {}

    /// Of these bytes. OpenSSL's low-level functions take a third of EVP's instructions for a small body: they use no context
    /// on the heap, no provider and no state of the process's, and so work after OpenSSL's clean-up at exit as well.
    /// - Returns: nil if OpenSSL fails: the caller must treat that as no digest, never as a match.
    package init?(of bytes: UnsafeRawBufferPointer) {
        var context = SHA_CTX()
        let done = withUnsafeMutableBytes(of: &words) { out in
            SHA1_Init(&context) == 1 && SHA1_Update(&context, bytes.baseAddress, bytes.count) == 1
                && SHA1_Final(out.baseAddress?.assumingMemoryBound(to: UInt8.self), &context) == 1
        }
        guard done else { return nil }
    }

    package static func == (left: SHA1Digest, right: SHA1Digest) -> Bool { left.words == right.words }
}
