import COpenSSL

/// The 20 bytes of a SHA-1, as five words in memory order, so that a copy allocates nothing.
package struct SHA1Digest: Equatable, Sendable {
    private var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

    package init() {}

    /// The SHA-1 of these bytes. For a small body OpenSSL's low-level functions need a third of the instructions of
    /// EVP. They use no context on the heap, no provider and no global state, so they also work after OpenSSL's
    /// clean-up at exit.
    /// - Returns: nil if OpenSSL fails. The caller must never treat that as a match.
    package init?(of bytes: UnsafeRawBufferPointer) {
        let done = withUnsafeMutableBytes(of: &words) { out in
            copenssl_sha1(bytes.baseAddress, bytes.count, out.baseAddress?.assumingMemoryBound(to: UInt32.self))
        }
        guard done == 1 else { return nil }
    }

    package static func == (left: SHA1Digest, right: SHA1Digest) -> Bool { left.words == right.words }
}
