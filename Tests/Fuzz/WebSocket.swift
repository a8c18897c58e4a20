import Codec

/// The WebSocket bridge's stream: the upgrade, frames of both ends, and messages are the same however the bytes are
/// split. Frames are also compared with a direct reading of RFC 6455.
///
/// Input: a byte that selects what is read and whether text is accepted, the number of pieces, their lengths, the
/// bytes.
func fuzzWebSocket(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let first = script.byte()
    let (what, text) = (first % 4, first / 4 % 2 == 1)
    let pieces = script.bytes()
    let stream = [UInt8](script.rest)
    switch what {
    case 0: fuzzUpgrade(stream, pieces)
    case 1: fuzzFrames(stream, pieces, .client, text)
    case 2: fuzzFrames(stream, pieces, .server, text)
    default: fuzzSections(stream)
    }
}

/// Passes a stream in pieces with these lengths, repeated (none: in one), until `take` has enough.
private func cut(_ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Bool) {
    var (offset, piece) = (0, 0)
    while offset < stream.count {
        let wanted = pieces.isEmpty ? stream.count : max(Int(pieces[piece % pieces.count]), 1)
        let length = min(wanted, stream.count - offset)
        let goesOn = stream.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + length)])) }
        if !goesOn { return }
        offset += length
        piece += 1
    }
}

// MARK: - The upgrade

private struct Upgraded: Equatable {
    /// The length of the upgrade in the stream.
    var count: Int?
    var refusal: WebSocketUpgrade.Failure?
}

private func upgraded(_ stream: [UInt8], _ pieces: UnsafeRawBufferPointer) -> Upgraded {
    var upgrade = WebSocketUpgrade(
        host: "fuzz", port: 1, defaultPort: 80, nonce: [UInt8](repeating: 0, count: 16))
    require(upgrade != nil, "there is an upgrade")
    var result = Upgraded()
    var before = 0
    cut(stream, pieces) { bytes in
        do throws(WebSocketUpgrade.Failure) {
            if let count = try upgrade?.received(bytes) {
                require(count > 0 && count <= bytes.count, "the head ends in the piece that ends it")
                result.count = before + count
                return false
            }
        } catch {
            result.refusal = error
            return false
        }
        before += bytes.count
        return true
    }
    return result
}

private func fuzzUpgrade(_ stream: [UInt8], _ pieces: UnsafeRawBufferPointer) {
    let whole = upgraded(stream, UnsafeRawBufferPointer(start: nil, count: 0))
    let split = upgraded(stream, pieces)
    if let count = whole.count {
        require(split.count == count, "the upgrade ends where it ends, however it is split")
        require(count <= HTTPHead.longest, "the head is capped")
    }
    // An upgrade that is too long may be refused before its end.
    if split.refusal != .tooLong, whole.refusal != .tooLong {
        require(split == whole, "an answer is taken or refused alike, however it is split")
    }
}

// MARK: - Frames

private struct Read: Equatable {
    var messages: [[UInt8]] = []
    var failure: WebSocketFailure?
    var controls: [[UInt8]] = []
}

private let longest = 1000

private func read(
    _ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ role: WebSocketRole, _ acceptsText: Bool
) -> Read {
    var reader = WebSocketReader(role, maxMessageLength: longest, acceptsText: acceptsText)
    var result = Read()
    cut(stream, pieces) { bytes in
        reader.received(bytes)
        reader.takeControls { result.controls.append([$0.rawValue] + $1) }
        do throws(WebSocketFailure) {
            while let message = try reader.next() {
                require(message.count <= longest, "a message is no longer than may be")
                result.messages.append([UInt8](message))
            }
        } catch {
            result.failure = error
            return false
        }
        return true
    }
    return result
}

private func fuzzFrames(
    _ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ role: WebSocketRole, _ acceptsText: Bool
) {
    let whole = read(stream, UnsafeRawBufferPointer(start: nil, count: 0), role, acceptsText)
    let split = read(stream, pieces, role, acceptsText)
    require(split == whole, "frames come out the same, however they are split")
    var model = Model(role, acceptsText)
    model.read(stream)
    require(whole.messages == model.messages, "messages are what RFC 6455 makes of the stream")
    require((whole.failure != nil) == model.ends, "a stream is refused where RFC 6455 says so, and nowhere else")
    let pongs = whole.controls.filter { $0[0] == 10 }.map { Array($0.dropFirst()) }
    require(pongs == model.pings, "each ping is answered with its payload")
    require(whole.controls.count == pongs.count + (model.ends ? 1 : 0), "an end is told the peer, once")
}

/// The whole stream, read as RFC 6455 describes it.
private struct Model {
    let role: WebSocketRole
    let acceptsText: Bool
    var messages: [[UInt8]] = []
    var pings: [[UInt8]] = []
    /// Whether the stream closes, or violates the protocol.
    var ends = false
    private var partial: (isText: Bool, bytes: [UInt8])?

    init(_ role: WebSocketRole, _ acceptsText: Bool) {
        self.role = role
        self.acceptsText = acceptsText
    }

    mutating func read(_ stream: [UInt8]) {
        var rest = stream[...]
        while !ends, let frame = frame(rest) {
            rest = rest.dropFirst(frame.size)
            take(frame)
            if !frame.isWhole { return }
        }
    }

    private struct Frame {
        var opcode: UInt8 = 0
        var isFinal = false
        var payload: [UInt8] = []
        var size = 0
        var isWhole = false
    }

    /// The first frame, or as much of its payload as there is; nil if its header is not complete.
    private mutating func frame(_ bytes: ArraySlice<UInt8>) -> Frame? {
        func number(_ from: Int, _ count: Int) -> UInt64 {
            bytes.dropFirst(from).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard let first = bytes.first else { return nil }
        var frame = Frame(opcode: first & 0x0f, isFinal: first & 0x80 != 0)
        let isControl = frame.opcode >= 8
        let isKnown = [0, 1, 2, 8, 9, 10].contains(frame.opcode)
        ends = first & 0x70 != 0 || !isKnown || isControl && !frame.isFinal
        guard !ends, bytes.count >= 2 else { return nil }
        let second = number(1, 1)
        let isMasked = second & 0x80 != 0
        var length = second & 0x7f
        ends = isMasked != (role == .server) || isControl && length > 125
        if ends { return nil }
        let more = length == 126 ? 2 : length == 127 ? 8 : 0
        guard bytes.count >= 2 + more else { return nil }
        if more > 0 { length = number(2, more) }
        ends = more == 2 && length < 126 || more == 8 && (length < 65_536 || length >> 63 == 1)
        let header = 2 + more + (isMasked ? 4 : 0)
        guard !ends, bytes.count >= header else { return nil }
        ends = isRefused(frame.opcode, length)
        if ends { return nil }
        frame.payload = Array(bytes.dropFirst(header).prefix(Int(length)))
        if isMasked {
            let mask = Array(bytes.dropFirst(header - 4).prefix(4))
            for index in frame.payload.indices { frame.payload[index] ^= mask[index % 4] }
        }
        frame.size = header + frame.payload.count
        frame.isWhole = frame.payload.count == Int(length)
        return frame
    }

    /// Whether a frame with this kind and length is not allowed here.
    private func isRefused(_ opcode: UInt8, _ length: UInt64) -> Bool {
        if opcode >= 8 { return opcode == 8 && length == 1 }
        if (opcode == 0) != (partial != nil) { return true }
        if opcode == 1, !acceptsText { return true }
        return UInt64(partial?.bytes.count ?? 0) + length > UInt64(longest)
    }

    private mutating func take(_ frame: Frame) {
        switch frame.opcode {
        case 8: ends = frame.isWhole || !isBeginningOfText(Array(frame.payload.dropFirst(2)))
        case 9: if frame.isWhole { pings.append(frame.payload) }
        case 10: break
        default:
            let isText = partial?.isText ?? (frame.opcode == 1)
            let message = (partial?.bytes ?? []) + frame.payload
            partial = (isText, message)
            let isOver = frame.isWhole && frame.isFinal
            ends = isText && !(isOver ? isUTF8Text(message) : isBeginningOfText(message))
            guard isOver, !ends else { return }
            messages.append(message)
            partial = nil
        }
    }

    private func isUTF8Text(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// Whether further bytes can make these valid text: tries the lowest and the highest that a character may still
    /// need.
    private func isBeginningOfText(_ bytes: [UInt8]) -> Bool {
        isUTF8Text(bytes)
            || (1...3).contains { count in
                [0x80, 0xbf].contains { isUTF8Text(bytes + [UInt8](repeating: $0, count: count)) }
            }
    }
}

// MARK: - Sections

private func fuzzSections(_ stream: [UInt8]) {
    stream.withUnsafeBytes { bytes in
        guard let header = try? SectionHeader(reply: bytes) else { return }
        let body = [UInt8](bytes.dropFirst(SectionHeader.replySize))
        let again = header.reply(body)
        require(again.count == stream.count, "a section is as long as it was")
        again.withUnsafeBytes { bytes in
            let back = try? SectionHeader(reply: bytes)
            // A text that was not UTF-8 is repaired, and cut.
            require(
                back?.command == header.command && back?.section == header.section && back?.error == header.error,
                "a section's numbers come back")
            require([UInt8](bytes.dropFirst(SectionHeader.replySize)) == body, "a section's body comes back")
        }
    }
}
