/// Why a message could not be made.
package enum FrameFailure {
    case digest, cipher, random

    /// For people.
    package var text: String {
        switch self {
        case .digest:
            "no SHA-1 could be made for a frame: does the application have a function of OpenSSL's name (SHA1_Init and"
                + " its like)?"
        case .cipher: "OpenSSL did not encrypt a frame"
        case .random: "the system gives no random numbers, which every WebSocket frame needs"
        }
    }
}

/// Messages waiting to be sent in either dialect, back to back: each a frame of the TCP protocol, or a section of the
/// bridge's in a WebSocket frame. It does no I/O: the owner sends `pending` and tells how much went.
package struct FrameWriter: ~Copyable {
    private var queue = ByteQueue()
    /// nil: TCP.
    private var masks: MaskSource?
    /// Why the last message that was not appended was not.
    package private(set) var failure = FrameFailure.digest

    package init() { masks = nil }

    /// Writes sections, as a client of the bridge.
    package init(_ masks: MaskSource) { self.masks = masks }

    /// The bytes to send next; valid until the writer is next changed.
    package var pending: UnsafeRawBufferPointer { queue.pending }

    /// How many they are.
    package var pendingCount: Int { queue.count }

    /// Tells that the first `count` bytes of `pending` are sent.
    package mutating func sent(_ count: Int) { queue.sent(count) }

    /// Forgets what was not sent: for the next stream.
    package mutating func reset() { queue.reset() }

    /// Overwrites the copies of a message that held a secret, as far as it is sent.
    package mutating func wipeSent() { queue.wipeSent() }

    /// Appends one message whose body `fill` writes in place.
    /// - Parameters:
    ///   - serialNo: the section's number, in the bridge's dialect.
    ///   - capacity: room for the body, in bytes.
    ///   - cipher: encrypts it, over TCP; nil: it goes out in clear.
    ///   - fill: writes the body and returns its length, at most `capacity`.
    /// - Returns: false if it failed, and `failure` tells how; nothing is appended then.
    @inline(__always)
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, capacity: Int, cipher: BodyCipher? = nil,
        _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Bool {
        if masks != nil {
            guard let mask = masks?.next() else { return failed(.random) }
            WebSocketFrame.append(
                .binary, capacity: SectionHeader.requestSize + capacity, mask: mask, to: &queue
            ) { message in
                SectionHeader(command: protoID, section: UInt64(serialNo)).write(to: message)
                let room = UnsafeMutableRawBufferPointer(rebasing: message[SectionHeader.requestSize...])
                return SectionHeader.requestSize + min(max(fill(room), 0), capacity)
            }
            return true
        }
        let frame = queue.room(FrameHeader.size + capacity + (cipher == nil ? 0 : BodyCipher.overhead))
        let room = UnsafeMutableRawBufferPointer(
            rebasing: frame[FrameHeader.size..<(FrameHeader.size + capacity)])
        var length = min(max(fill(room), 0), capacity)
        let body = UnsafeRawBufferPointer(rebasing: room[..<length])
        guard let digest = SHA1Digest(of: body) else { return failed(.digest) }
        if let cipher {
            let whole = UnsafeMutableRawBufferPointer(rebasing: frame[FrameHeader.size...])
            guard let encrypted = cipher.encrypt(whole, count: length) else { return failed(.cipher) }
            length = encrypted
        }
        guard let bodyLength = UInt32(exactly: length) else { return failed(.cipher) }
        FrameHeader(protoID: protoID, serialNo: serialNo, bodyLength: bodyLength, sha1: digest).write(to: frame)
        queue.filled(FrameHeader.size + length)
        return true
    }

    /// Appends one message.
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, body: UnsafeRawBufferPointer, cipher: BodyCipher? = nil
    ) -> Bool {
        append(protoID: protoID, serialNo: serialNo, capacity: body.count, cipher: cipher) { room in
            room.copyMemory(from: body)
            return body.count
        }
    }

    /// Appends one frame of the TCP protocol whose body was encrypted elsewhere: InitConnect's.
    package mutating func append(
        protoID: UInt32, serialNo: UInt32, body: UnsafeRawBufferPointer, encrypted: [UInt8]
    ) -> Bool {
        guard let digest = SHA1Digest(of: body) else { return failed(.digest) }
        guard let length = UInt32(exactly: encrypted.count) else { return failed(.cipher) }
        let frame = queue.room(FrameHeader.size + encrypted.count)
        FrameHeader(protoID: protoID, serialNo: serialNo, bodyLength: length, sha1: digest).write(to: frame)
        UnsafeMutableRawBufferPointer(rebasing: frame[FrameHeader.size...]).copyBytes(from: encrypted)
        queue.filled(FrameHeader.size + encrypted.count)
        return true
    }

    /// Appends one WebSocket frame that is no message: a ping, or the last one of the stream.
    /// - Returns: false over TCP, which has none, and if it failed.
    package mutating func append(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard let mask = masks?.next() else { return failed(.random) }
        WebSocketFrame.append(opcode, payload, mask: mask, to: &queue)
        return true
    }

    private mutating func failed(_ failure: FrameFailure) -> Bool {
        self.failure = failure
        return false
    }

    /// Appends bytes as they are: the upgrade's request, frames made elsewhere.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) { queue.append(bytes) }
}
