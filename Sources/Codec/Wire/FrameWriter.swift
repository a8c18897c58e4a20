/// Why a message could not be made.
package enum FrameFailure {
    case digest, cipher, random

    /// A text for people.
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

/// Messages that wait to be sent, without gaps: frames of the TCP protocol, or sections of the WebSocket bridge, each
/// in a WebSocket frame. It does no I/O: the owner sends `pending`, then calls `sent`.
package struct FrameWriter: ~Copyable {
    private var queue = ByteQueue()
    /// nil: TCP.
    private var masks: MaskSource?
    /// Why the last failed `append` failed.
    package private(set) var failure = FrameFailure.digest

    package init() { masks = nil }

    /// Writes sections, as a client of the bridge.
    package init(_ masks: MaskSource) { self.masks = masks }

    /// The bytes to send next. Valid until the writer is changed.
    package var pending: UnsafeRawBufferPointer { queue.pending }

    /// Length of `pending`.
    package var pendingCount: Int { queue.count }

    /// The first `count` bytes of `pending` were sent.
    package mutating func sent(_ count: Int) { queue.sent(count) }

    /// Drops all that was not sent, before the next stream.
    package mutating func reset() { queue.reset() }

    /// Overwrites copies of messages that were sent: one may have contained a secret.
    package mutating func wipeSent() { queue.wipeSent() }

    /// Appends one message whose body `fill` writes in place.
    /// - Parameters:
    ///   - serialNo: over WebSocket, the section's number.
    ///   - capacity: room for the body, in bytes.
    ///   - cipher: encrypts the body, over TCP; nil: it is not encrypted.
    ///   - fill: writes the body and returns its length, at most `capacity`.
    /// - Returns: false if it failed; then nothing is appended, and `failure` tells why.
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

    /// Appends one frame of the TCP protocol with a body that is encrypted already (InitConnect's).
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

    /// Appends one WebSocket control frame: ping, pong or close.
    /// - Returns: false over TCP, and if it failed.
    package mutating func append(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) -> Bool {
        guard let mask = masks?.next() else { return failed(.random) }
        WebSocketFrame.append(opcode, payload, mask: mask, to: &queue)
        return true
    }

    private mutating func failed(_ failure: FrameFailure) -> Bool {
        self.failure = failure
        return false
    }

    /// Appends bytes unchanged: the request for the upgrade, frames that were made elsewhere.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) { queue.append(bytes) }
}
