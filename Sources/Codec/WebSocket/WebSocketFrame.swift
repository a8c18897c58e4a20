/// Which end of a WebSocket this is: a client masks what it sends, a server must not (RFC 6455, 5.1).
package enum WebSocketRole: Sendable {
    case client, server
}

/// One frame of a WebSocket (RFC 6455, 5.2): its header, read and written.
package struct WebSocketFrame {
    package enum Opcode: UInt8, Sendable {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10

        var isControl: Bool { rawValue >= 8 }
    }

    /// Longest header: two bytes, eight bytes of length, four bytes of mask.
    static let longestHeader = 14
    /// Longest payload of a control frame (5.5).
    package static let longestControl = 125

    let opcode: Opcode
    /// Whether it is the last frame of its message.
    let isFinal: Bool
    let length: UInt64
    let mask: WebSocketMask?

    // MARK: - Reading

    /// The bytes break RFC 6455.
    struct Violation: Error {}

    /// Reads the header at the beginning of `bytes`. Throws as soon as the bytes show that something is wrong.
    /// - Parameter role: the end that reads. Frames to a server are masked, frames to a client are not.
    /// - Returns: the frame, and the length of its header; nil if more bytes are needed.
    @inline(__always)
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ role: WebSocketRole
    ) throws(Violation) -> (frame: WebSocketFrame, headerSize: Int)? {
        guard let first = bytes.first else { return nil }
        // The reserved bits must be 0, because no extension was negotiated.
        guard first & 0x70 == 0, let opcode = Opcode(rawValue: first & 0x0f) else { throw Violation() }
        let isFinal = first & 0x80 != 0
        guard isFinal || !opcode.isControl else { throw Violation() }
        guard bytes.count >= 2 else { return nil }
        let isMasked = bytes[1] & 0x80 != 0
        let short = bytes[1] & 0x7f
        guard isMasked == (role == .server), !opcode.isControl || short <= longestControl else { throw Violation() }

        var size = 2
        var length = UInt64(short)
        if short == 126 {
            guard bytes.count >= 4 else { return nil }
            size = 4
            length = UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw Violation() }
        } else if short == 127 {
            guard bytes.count >= 10 else { return nil }
            size = 10
            length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard length > UInt64(UInt16.max), length <= UInt64(Int64.max) else { throw Violation() }
        }
        var mask: WebSocketMask?
        if isMasked {
            guard bytes.count >= size + 4 else { return nil }
            mask = WebSocketMask((bytes[size], bytes[size + 1], bytes[size + 2], bytes[size + 3]))
            size += 4
        }
        return (WebSocketFrame(opcode: opcode, isFinal: isFinal, length: length, mask: mask), size)
    }

    // MARK: - Writing

    /// Appends a frame whose payload `fill` writes in place.
    /// - Parameters:
    ///   - capacity: room for the payload, in bytes.
    ///   - mask: for a client, a mask that was never used; for a server, nil.
    ///   - fill: writes the payload and returns its length, at most `capacity`.
    @inline(__always)
    static func append(
        _ opcode: Opcode, isFinal: Bool = true, capacity: Int, mask: WebSocketMask?, to queue: inout ByteQueue,
        _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        let expected = headerSize(capacity, isMasked: mask != nil)
        let room = queue.room(expected + capacity)
        let written = UnsafeMutableRawBufferPointer(rebasing: room[expected..<(expected + capacity)])
        let length = min(max(fill(written), 0), capacity)
        let size = headerSize(length, isMasked: mask != nil)
        let payload = UnsafeMutableRawBufferPointer(rebasing: room[size..<(size + length)])
        // The shortest form of a length must be used.
        if size != expected { payload.copyMemory(from: UnsafeRawBufferPointer(rebasing: written[..<length])) }
        mask?.apply(UnsafeRawBufferPointer(payload), to: payload, offset: 0)
        write(opcode, isFinal: isFinal, length: length, mask: mask, size: size, to: room)
        queue.filled(size + length)
    }

    /// Appends a frame with this payload.
    package static func append(
        _ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isFinal: Bool = true, mask: WebSocketMask?,
        to queue: inout ByteQueue
    ) {
        append(opcode, isFinal: isFinal, capacity: payload.count, mask: mask, to: &queue) { room in
            room.copyMemory(from: payload)
            return payload.count
        }
    }

    /// The payload of a close frame with a code and no reason.
    package static func closePayload(_ code: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
    }

    private static func headerSize(_ length: Int, isMasked: Bool) -> Int {
        (length <= 125 ? 2 : length <= Int(UInt16.max) ? 4 : 10) + (isMasked ? 4 : 0)
    }

    private static func write(
        _ opcode: Opcode, isFinal: Bool, length: Int, mask: WebSocketMask?, size: Int,
        to room: UnsafeMutableRawBufferPointer
    ) {
        room[0] = (isFinal ? 0x80 : 0) | opcode.rawValue
        let masked: UInt8 = mask == nil ? 0 : 0x80
        if length <= 125 {
            room[1] = masked | UInt8(truncatingIfNeeded: length)
        } else if length <= Int(UInt16.max) {
            room[1] = masked | 126
            room.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
        } else {
            room[1] = masked | 127
            room.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
        }
        if let mask { room.storeBytes(of: mask.key.littleEndian, toByteOffset: size - 4, as: UInt32.self) }
    }
}
