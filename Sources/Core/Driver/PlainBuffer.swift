import Codec

/// Where bodies are decrypted to; wiped in the end.
struct PlainBuffer: ~Copyable {
    /// More than this is given back once it is not needed.
    private static let kept = 256 * 1024
    private var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { Self.free(bytes) }

    /// What was in it is lost.
    mutating func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if bytes.count < count || bytes.count > Self.kept {
            Self.free(bytes)
            bytes = .allocate(byteCount: max(count, FrameReader.baseCapacity), alignment: 16)
        }
        return UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    }

    mutating func wipe() {
        Self.free(bytes)
        bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    private static func free(_ bytes: UnsafeMutableRawBufferPointer) {
        Crypto.wipe(bytes)
        bytes.deallocate()
    }
}
