import Codec

/// The longest accepted bodies. The larger ones let the reader's buffer grow.
private let bodyLimits = [0, 1, 64, 1024, 4096, 65_536, 4 * 1024 * 1024, Int(UInt32.max)]
/// How often the stream is repeated, so that short inputs also fill large buffers.
private let repetitions = [1, 1, 1, 1, 2, 3, 20, 200]
/// The most bytes of one run.
private let longestStream = 1 << 20

private struct PlainFrame: Equatable {
    var protoID: UInt32
    var version: UInt8
    var serialNo: UInt32
    var sha1: [UInt8]
    var body: [UInt8]
}

private struct Parsed: Equatable {
    var frames: [PlainFrame] = []
    var error: FrameError?
}

/// The frames, and the error, of a stream that arrives in pieces are those of the whole stream.
///
/// Input: a byte that selects the limit and the repetitions, the number of pieces, their lengths, the stream.
func fuzzFrames(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let choice = Int(script.byte())
    let limit = bodyLimits[choice & 7]
    let pieces = script.bytes()
    let once = [UInt8](script.rest)
    var stream = once
    for _ in 1..<repetitions[choice >> 3 & 7] where stream.count + once.count <= longestStream { stream += once }
    let drainsLate = choice & 64 != 0
    let expected = parseWhole(stream, limit)
    var reader = FrameReader(maxBodyLength: limit)
    require(
        parse(stream, pieces, &reader, drainsLate: drainsLate) == expected,
        "the frames of a split stream are those of the whole one")
    reader.reset()
    require(reader.bufferedCount == 0, "nothing is left after a reset")
    let everything = UnsafeRawBufferPointer(start: nil, count: 0)
    require(
        parse(stream, everything, &reader, drainsLate: false) == expected,
        "after a reset a reader is as good as new")
}

/// With the reader under test.
/// - Parameter pieces: their lengths, repeated; empty: the stream in one piece. 0 stands for 4,096.
private func parse(
    _ stream: [UInt8], _ pieces: UnsafeRawBufferPointer, _ reader: inout FrameReader, drainsLate: Bool
) -> Parsed {
    var parsed = Parsed()
    var offset = 0
    var (piece, mostBuffered) = (0, 0)
    while offset < stream.count, parsed.error == nil {
        let wanted =
            pieces.isEmpty
            ? stream.count
            : pieces[piece % pieces.count] == 0
                ? 4096 : Int(pieces[piece % pieces.count])
        let length = min(wanted, stream.count - offset)
        stream.withUnsafeBytes { stream in
            let bytes = UnsafeRawBufferPointer(rebasing: stream[offset..<(offset + length)])
            if piece % 2 == 0 {
                reader.append(bytes)
                offset += length
            } else {
                // Like a receive: as much as there is room for.
                let space = reader.space()
                require(!space.isEmpty, "there is always room to receive to")
                let count = min(space.count, length)
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                reader.received(count)
                offset += count
            }
        }
        piece += 1
        mostBuffered = max(mostBuffered, reader.bufferedCount)
        if drainsLate, piece % 5 != 0, offset < stream.count { continue }
        drain(&reader, &parsed)
        require(
            reader.space().count <= 512 * 1024 + 4 * mostBuffered, "memory follows the bytes that came")
    }
    return parsed
}

private func drain(_ reader: inout FrameReader, _ parsed: inout Parsed) {
    do {
        while let frame = try reader.next() {
            require(frame.header.format == 0, "only protobuf bodies are handed out")
            require(Int(frame.header.bodyLength) == frame.body.count, "a frame's body has the announced length")
            let digest = withUnsafeBytes(of: frame.header.sha1) { [UInt8]($0) }
            parsed.frames.append(
                PlainFrame(
                    protoID: frame.header.protoID, version: frame.header.version, serialNo: frame.header.serialNo,
                    sha1: digest, body: [UInt8](frame.body)))
        }
    } catch {
        parsed.error = error
    }
}

/// From the whole stream at once, as docs/protocol.md describes it (Frames over TCP).
private func parseWhole(_ stream: [UInt8], _ limit: Int) -> Parsed {
    var parsed = Parsed()
    var rest = stream[...]
    func number(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { number, index in number | UInt32(rest[rest.startIndex + offset + index]) << (8 * index) }
    }
    while !rest.isEmpty {
        guard rest.starts(with: "FT".utf8.prefix(rest.count)) else {
            parsed.error = .badMagic
            break
        }
        guard rest.count >= 44 else { break }
        let format = rest[rest.startIndex + 6]
        guard format == 0 else {
            parsed.error = .unsupportedFormat(format)
            break
        }
        let length = number(12)
        guard UInt64(length) <= UInt64(limit) else {
            parsed.error = .bodyTooLong(length)
            break
        }
        guard rest.count - 44 >= Int(length) else { break }
        parsed.frames.append(
            PlainFrame(
                protoID: number(2), version: rest[rest.startIndex + 7], serialNo: number(8),
                sha1: [UInt8](rest.dropFirst(16).prefix(20)), body: [UInt8](rest.dropFirst(44).prefix(Int(length)))))
        rest = rest.dropFirst(44 + Int(length))
    }
    return parsed
}
