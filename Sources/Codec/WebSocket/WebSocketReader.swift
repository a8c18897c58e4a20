/// Why a WebSocket delivers no more messages.
package enum WebSocketFailure: Error, Equatable {
    /// The peer closed it, with this code (1005 if it sent none) and this reason.
    case closed(code: UInt16, reason: String)
    /// The bytes received break RFC 6455.
    case broken
    /// A text message, where only binary ones are accepted.
    case notBinary
    /// A message longer than accepted.
    case tooLong
}

/// Cuts a stream of WebSocket frames into messages, however it arrives split. `takeControls` has the frames that answer
/// pings, closes and errors. It allocates for bytes that have arrived, never for a length that was only announced. It
/// does no I/O and uses no random numbers. For one thread at a time. Its memory is its own, as that of `FrameReader`.
package struct WebSocketReader: ~Copyable {
    /// A frame breaks a rule: the failure for the owner, and the close code for the peer.
    private struct Refusal: Error {
        let failure: WebSocketFailure
        let code: UInt16

        static var broken: Refusal { Refusal(failure: .broken, code: 1002) }
        static var notUTF8: Refusal { Refusal(failure: .broken, code: 1007) }
    }

    private struct Message {
        let range: Range<Int>
        let isText: Bool
    }

    package static let baseCapacity = 16 * 1024
    static let keptCapacity = 256 * 1024
    /// Most bytes of control frames that wait to be sent. Beyond that, only the latest ping is answered (5.5.3).
    static let maxControls = 64 * 1024

    private let role: WebSocketRole
    private let maxMessageLength: Int
    private let acceptsText: Bool
    private let answersPings: Bool

    /// The first bytes of a header that is not complete yet.
    private var header = (UInt64(0), UInt64(0))
    private var headerCount = 0
    /// The frame whose payload is being received; how many bytes of it have arrived, and how many are missing.
    private var frame: WebSocketFrame?
    private var offset = 0
    private var left = 0
    /// The kind of the unfinished message: text or binary.
    private var kind: WebSocketFrame.Opcode?
    private var text = UTF8Validator()
    /// The payload of the control frame that is being received; and the reason of a close frame.
    private var control: [UInt8] = []
    private var reason = UTF8Validator()

    /// Whole messages, and then the beginning of the next one.
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: baseCapacity, alignment: 16)
    private var end = 0
    /// The whole messages in the buffer. The first `taken` of them were returned by `next`.
    private var messages: [Message] = []
    private var taken = 0
    /// Where the unfinished message begins.
    private var partial = 0

    /// Control frames to send: opcode, length, payload of each; and where the last one begins, if it is a pong.
    private var controls: [UInt8] = []
    private var lastPong: Int?
    private var failure: WebSocketFailure?
    /// How many frames of any kind are complete.
    package private(set) var frameCount = 0
    /// Whether the message that `next` returned last is text.
    package private(set) var isText = false

    /// - Parameters:
    ///   - maxMessageLength: longest message accepted, in bytes.
    ///   - acceptsText: whether text messages are accepted, too.
    ///   - answersPings: false for a simulated peer that does not answer.
    package init(
        _ role: WebSocketRole, maxMessageLength: Int, acceptsText: Bool = false, answersPings: Bool = true
    ) {
        self.role = role
        self.maxMessageLength = maxMessageLength
        self.acceptsText = acceptsText
        self.answersPings = answersPings
    }

    deinit { buffer.deallocate() }

    // MARK: - In and out

    /// Takes bytes that were received. Messages that `next` returned become invalid.
    package mutating func received(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        forgetTaken()
        var rest = bytes
        do throws(Refusal) {
            while failure == nil, let frame = try begin(&rest) {
                try takePayload(of: frame, &rest)
                guard left == 0 else { return }
                try finish(frame)
            }
        } catch {
            failure = error.failure
            say(.close, WebSocketFrame.closePayload(error.code))
        }
    }

    /// The next whole message, valid until the next `received`; nil if more bytes are needed.
    package mutating func next() throws(WebSocketFailure) -> UnsafeRawBufferPointer? {
        guard taken < messages.count else {
            if let failure { throw failure }
            return nil
        }
        let message = messages[taken]
        taken += 1
        isText = message.isText
        return UnsafeRawBufferPointer(rebasing: buffer[message.range])
    }

    /// Whether `next` would return a message or throw.
    package var hasMessage: Bool { taken < messages.count || failure != nil }

    /// Whether control frames wait to be sent.
    package var hasControls: Bool { !controls.isEmpty }

    /// Calls `body` for each control frame that must be sent, in order.
    package mutating func takeControls(_ body: (WebSocketFrame.Opcode, UnsafeRawBufferPointer) -> Void) {
        controls.withUnsafeBytes { controls in
            var rest = controls[...]
            while rest.count >= 2, let opcode = WebSocketFrame.Opcode(rawValue: rest[rest.startIndex]) {
                let payload = rest.dropFirst(2).prefix(Int(rest[rest.startIndex + 1]))
                body(opcode, UnsafeRawBufferPointer(rebasing: payload))
                rest = rest[payload.endIndex...]
            }
        }
        controls = []
        lastPong = nil
    }

    // MARK: - Frames

    /// The frame whose payload comes next in `rest`; nil if more bytes are needed.
    private mutating func begin(_ rest: inout UnsafeRawBufferPointer) throws(Refusal) -> WebSocketFrame? {
        if let frame { return frame }
        guard let begun = try readHeader(&rest) else { return nil }
        if begun.opcode.isControl {
            // A code has two bytes (5.5.1).
            guard begun.opcode != .close || begun.length != 1 else { throw .broken }
            control.removeAll(keepingCapacity: true)
        } else {
            // A continuation must follow an unfinished message, and nothing else may (5.4).
            guard (begun.opcode == .continuation) == (kind != nil) else { throw .broken }
            let kind = kind ?? begun.opcode
            guard acceptsText || kind == .binary else { throw Refusal(failure: .notBinary, code: 1003) }
            guard begun.length <= UInt64(max(maxMessageLength - (end - partial), 0)) else {
                throw Refusal(failure: .tooLong, code: 1009)
            }
            self.kind = kind
        }
        frame = begun
        offset = 0
        left = Int(clamping: begun.length)
        return begun
    }

    private mutating func readHeader(_ rest: inout UnsafeRawBufferPointer) throws(Refusal) -> WebSocketFrame? {
        do throws(WebSocketFrame.Violation) {
            // Nearly always the whole header is there.
            if headerCount == 0, let (frame, size) = try WebSocketFrame.read(rest, role) {
                rest = UnsafeRawBufferPointer(rebasing: rest[size...])
                return frame
            }
            return try gatherHeader(&rest)
        } catch {
            throw .broken
        }
    }

    private mutating func gatherHeader(
        _ rest: inout UnsafeRawBufferPointer
    ) throws(WebSocketFrame.Violation) -> WebSocketFrame? {
        var gathered = header
        let before = headerCount
        let more = UnsafeRawBufferPointer(rebasing: rest.prefix(WebSocketFrame.longestHeader - before))
        let role = role
        let read = try withUnsafeMutableBytes(of: &gathered) { bytes throws(WebSocketFrame.Violation) in
            UnsafeMutableRawBufferPointer(rebasing: bytes[before...]).copyMemory(from: more)
            return try WebSocketFrame.read(UnsafeRawBufferPointer(rebasing: bytes[..<(before + more.count)]), role)
        }
        guard let (frame, size) = read else {
            header = gathered
            headerCount = before + more.count
            rest = UnsafeRawBufferPointer(rebasing: rest[more.count...])
            return nil
        }
        headerCount = 0
        rest = UnsafeRawBufferPointer(rebasing: rest[(size - before)...])
        return frame
    }

    private mutating func takePayload(
        of frame: WebSocketFrame, _ rest: inout UnsafeRawBufferPointer
    ) throws(Refusal) {
        let count = min(left, rest.count)
        guard count > 0 else { return }
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        if frame.opcode.isControl {
            try takeControl(piece, of: frame)
        } else {
            reserve(count)
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[end..<(end + count)])
            Self.copy(piece, to: room, frame.mask, offset)
            if kind == .text {
                guard text.accepts(UnsafeRawBufferPointer(room)) else { throw .notUTF8 }
            }
            end += count
        }
        offset += count
        left -= count
    }

    @inline(__always)
    private static func copy(
        _ piece: UnsafeRawBufferPointer, to room: UnsafeMutableRawBufferPointer, _ mask: WebSocketMask?, _ offset: Int
    ) {
        if let mask { mask.apply(piece, to: room, offset: offset) } else { room.copyMemory(from: piece) }
    }

    private mutating func finish(_ frame: WebSocketFrame) throws(Refusal) {
        self.frame = nil
        frameCount += 1
        switch frame.opcode {
        case .ping: if answersPings { say(.pong, control) }
        case .pong: break
        case .close: try close()
        case .continuation, .text, .binary:
            guard frame.isFinal else { return }
            if kind == .text {
                guard text.isWhole else { throw .notUTF8 }
                text = UTF8Validator()
            }
            messages.append(Message(range: partial..<end, isText: kind == .text))
            partial = end
            kind = nil
        }
    }

    // MARK: - Control frames

    private mutating func takeControl(_ piece: UnsafeRawBufferPointer, of frame: WebSocketFrame) throws(Refusal) {
        let offset = offset
        control += piece
        control.withUnsafeMutableBytes {
            Self.copy(piece, to: UnsafeMutableRawBufferPointer(rebasing: $0[offset...]), frame.mask, offset)
        }
        guard frame.opcode == .close, control.count > 2 else { return }
        var words = reason
        let isText = control.withUnsafeBytes { words.accepts(UnsafeRawBufferPointer(rebasing: $0[max(offset, 2)...])) }
        guard isText else { throw .notUTF8 }
        reason = words
    }

    /// The peer closes. It gets its code back (5.5.1), and nothing more is read.
    private mutating func close() throws(Refusal) {
        guard control.count >= 2 else {
            failure = .closed(code: 1005, reason: "")
            return say(.close, [])
        }
        let code = UInt16(control[0]) << 8 | UInt16(control[1])
        guard Self.mayStand(code) else { throw .broken }
        guard reason.isWhole else { throw .notUTF8 }
        failure = .closed(code: code, reason: String(decoding: control.dropFirst(2), as: UTF8.self))
        say(.close, WebSocketFrame.closePayload(code))
    }

    /// Whether a close frame may have this code: a registered one, or one for libraries and applications (7.4).
    private static func mayStand(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private mutating func say(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) {
        if opcode == .pong {
            if let lastPong, controls.count >= Self.maxControls { controls.removeSubrange(lastPong...) }
            lastPong = controls.count
        }
        controls.append(opcode.rawValue)
        controls.append(UInt8(clamping: payload.count))
        controls += payload
    }

    // MARK: - Memory

    private mutating func reserve(_ count: Int) {
        guard buffer.count - end < count else { return }
        let new = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(buffer.count * 2, end + count), alignment: 16)
        new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<end]))
        buffer.deallocate()
        buffer = new
    }

    /// Removes the messages that `next` has returned.
    private mutating func forgetTaken() {
        guard taken == messages.count, taken > 0 else { return }
        messages.removeAll(keepingCapacity: true)
        taken = 0
        let rest = end - partial
        if rest == 0, buffer.count > Self.keptCapacity {
            buffer.deallocate()
            buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
        } else if rest > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[partial..<end]))
        }
        partial = 0
        end = rest
    }
}
