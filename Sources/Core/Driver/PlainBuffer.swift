import Codec

/// The buffer for decrypted bodies. It is wiped when it is freed; an array could leave copies behind.
struct PlainBuffer: ~Copyable {
    /// A larger buffer than this is freed when it is not needed any more.
    private static let kept = 256 * 1024
    private var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { Self.free(bytes) }

    /// Room for `count` bytes. The earlier content is lost.
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
