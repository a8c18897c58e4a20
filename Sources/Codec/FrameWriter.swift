/// Frames waiting to be sent, back to back. It does no I/O: the owner sends `pending` and tells how much went.
package struct FrameWriter: ~Copyable {
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    static let baseCapacity = 4 * 1024
    static let keptCapacity = 256 * 1024

    package init() {
        buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The bytes to send next; valid until the writer is next changed.
    package var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[start..<end]) }

    /// How many they are.
    package var pendingCount: Int { end - start }

    /// Tells that the first `count` bytes of `pending` are sent.
    package mutating func sent(_ count: Int) {
        start = min(start + max(count, 0), end)
        if start == end { reset() }
    }

    /// Forgets what was not sent: for the next line.
    package mutating func reset() {
        start = 0
        end = 0
        if buffer.count > Self.keptCapacity {
            buffer.deallocate()
            buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
        }
    }

    /// Appends one frame whose body `fill` writes in place.
    /// - Parameters:
    ///   - capacity: room for the body, in bytes.
    ///   - cipher: encrypts it; nil: it goes out in clear.
    ///   - fill: writes the body and returns its length, at most `capacity`.
    /// - Returns: false if OpenSSL failed; nothing is appended then.
    @inline(__always)
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, capacity: Int, cipher: BodyCipher? = nil,
        _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Bool {
        reserve(FrameHeader.size + capacity + (cipher == nil ? 0 : BodyCipher.overhead))
        let frame = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
        let room = UnsafeMutableRawBufferPointer(
            rebasing: frame[FrameHeader.size..<(FrameHeader.size + capacity)])
        var length = min(max(fill(room), 0), capacity)
        let body = UnsafeRawBufferPointer(rebasing: room[..<length])
        guard let digest = SHA1Digest(of: body) else { return false }
        if let cipher {
            let whole = UnsafeMutableRawBufferPointer(rebasing: frame[FrameHeader.size...])
            guard let encrypted = cipher.encrypt(whole, count: length) else { return false }
            length = encrypted
        }
        guard let bodyLength = UInt32(exactly: length) else { return false }
        FrameHeader(protoID: protoID, serialNo: serialNo, bodyLength: bodyLength, sha1: digest).write(to: frame)
        end += FrameHeader.size + length
        return true
    }

    /// Appends one frame.
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, body: UnsafeRawBufferPointer, cipher: BodyCipher? = nil
    ) -> Bool {
        append(protoID: protoID, serialNo: serialNo, capacity: body.count, cipher: cipher) { room in
            room.copyMemory(from: body)
            return body.count
        }
    }

    /// Appends one frame whose body was encrypted elsewhere: InitConnect's.
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, body: UnsafeRawBufferPointer, encrypted: [UInt8]
    ) -> Bool {
        guard let digest = SHA1Digest(of: body), let length = UInt32(exactly: encrypted.count) else { return false }
        reserve(FrameHeader.size + encrypted.count)
        let frame = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
        FrameHeader(protoID: protoID, serialNo: serialNo, bodyLength: length, sha1: digest).write(to: frame)
        UnsafeMutableRawBufferPointer(rebasing: frame[FrameHeader.size...]).copyBytes(from: encrypted)
        end += FrameHeader.size + encrypted.count
        return true
    }

    private mutating func reserve(_ count: Int) {
        if buffer.count - end >= count { return }
        let used = end - start
        if buffer.count - used >= count, start >= used {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        } else {
            let new = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(buffer.count * 2, used + count), alignment: 16)
            new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            buffer.deallocate()
            buffer = new
        }
        start = 0
        end = used
    }
}
