import Codec

/// The relay's line: the upgrade, frames of either end, and sections come out the same however the bytes arrive split; frames as
/// RFC 6455's words give them for the whole stream.
///
/// Input: a byte that picks what is read, the pieces' lengths (a byte tells how many), the bytes.
func fuzzWebSocket(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let what = script.byte() % 4
    let pieces = script.bytes()
    let stream = [UInt8](script.rest)
    switch what {
    case 0: fuzzUpgrade(stream, pieces)
    case 1: fuzzFrames(stream, pieces, .client)
    case 2: fuzzFrames(stream, pieces, .server)
    default: fuzzSections(stream)
    }
}

/// Hands over a stream in pieces, again and again of these lengths (none: in one), until `take` has enough.
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
    /// How much of the stream was the upgrade.
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
    // What is too long may be told of before its end.
    if split.refusal != .tooLong, whole.refusal != .tooLong {
        require(split == whole, "an answer is taken or refused alike, however it is split")
    }
}

// MARK: - Frames

private struct Read: Equatable {
    var messages: [[UInt8]] = []
    var failure: WebSocketFailure?
    var controls = 0
}

private let longest = 1000

private func read(_ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ role: WebSocketRole) -> Read {
    var reader = WebSocketReader(role, maxMessageLength: longest)
    var result = Read()
    cut(stream, pieces) { bytes in
        reader.received(bytes)
        reader.takeControls { result.controls += $0.count }
        do throws(WebSocketFailure) {
            while let message = try reader.next() {
                require(message.count <= longest, "a message is no longer than may be")
                result.messages.append([UInt8](message))
            }
        } catch {
            result.failure = error
            // Who breaks the rules gets no answer to the pings that came with that.
            if case .closed = error {} else { result.controls = 0 }
            return false
        }
        return true
    }
    return result
}

private func fuzzFrames(_ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ role: WebSocketRole) {
    let whole = read(stream, UnsafeRawBufferPointer(start: nil, count: 0), role)
    let split = read(stream, pieces, role)
    let (messages, ends, closes) = byTheRFC(stream, role)
    require(split.messages == whole.messages, "messages come out the same, however they are split")
    // libwslay (1.1.1) passes over two bytes of each piece of a close frame when it looks for words that are no UTF-8.
    require(closes || split == whole, "frames come out the same, however they are split")
    require(whole.messages == messages, "messages are what RFC 6455 makes of the stream")
    // libwslay tells of some at the payload's first byte.
    if whole.failure != nil { require(ends, "no stream is refused that RFC 6455 allows") }
}

/// Messages of the whole stream, whether it closes or breaks the rules somewhere, and whether by a close frame.
private func byTheRFC(
    _ stream: [UInt8], _ role: WebSocketRole
) -> (messages: [[UInt8]], ends: Bool, closes: Bool) {
    var messages: [[UInt8]] = []
    var partial: [UInt8]?
    var rest = stream[...]
    func number(_ from: Int, _ count: Int) -> UInt64 {
        rest.dropFirst(from).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
    }
    while let first = rest.first {
        let (isFinal, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f)
        guard rest.count >= 2, let second = rest.dropFirst().first else { return (messages, reserved != 0, false) }
        let isControl = opcode >= 8
        var header = 2
        var length = UInt64(second & 0x7f)
        if isControl, !isFinal || length > 125 { return (messages, true, opcode == 8) }
        if length == 126 {
            header = 4
            guard rest.count >= header else { return (messages, true, opcode == 8) }
            length = number(2, 2)
            if length < 126 { return (messages, true, opcode == 8) }
        } else if length == 127 {
            header = 10
            guard rest.count >= header else { return (messages, true, opcode == 8) }
            length = number(2, 8)
            if length < 65_536 || length >= 1 << 63 { return (messages, true, opcode == 8) }
        }
        let isMasked = second & 0x80 != 0
        if reserved != 0 || isMasked != (role == .server) || (3...7).contains(opcode) || opcode > 10 {
            return (messages, true, opcode == 8)
        }
        if opcode == 1 || (opcode == 0) == (partial == nil) && !isControl { return (messages, true, opcode == 8) }
        if !isControl, UInt64(partial?.count ?? 0) + length > UInt64(longest) { return (messages, true, opcode == 8) }
        if isMasked { header += 4 }
        // A close frame that is not whole may show that it is wrong by what is there.
        guard rest.count >= header, UInt64(rest.count - header) >= length else {
            return (messages, opcode == 8, opcode == 8)
        }
        let mask = isMasked ? Array(rest.dropFirst(header - 4).prefix(4)) : []
        var payload = Array(rest.dropFirst(header).prefix(Int(length)))
        if isMasked { for index in payload.indices { payload[index] ^= mask[index % 4] } }
        rest = rest.dropFirst(header + payload.count)
        if opcode == 8 { return (messages, true, opcode == 8) }
        if isControl { continue }
        let message = (partial ?? []) + payload
        partial = isFinal ? nil : message
        if isFinal { messages.append(message) }
    }
    return (messages, false, false)
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
            // A text that was no UTF-8 is mended, and cut.
            require(
                back?.command == header.command && back?.section == header.section && back?.error == header.error,
                "a section's numbers come back")
            require([UInt8](bytes.dropFirst(SectionHeader.replySize)) == body, "a section's body comes back")
        }
    }
}
