import Codec
import Testing

/// A frame, copied from the reader's buffer.
private struct Received: Equatable {
    let header: FrameHeader
    let body: [UInt8]
}

/// A frame with a correct SHA-1, as bytes.
private func frame(_ serialNo: UInt32, _ body: [UInt8]) throws -> [UInt8] {
    let header = FrameHeader(
        protoID: 3212, serialNo: serialNo, bodyLength: UInt32(body.count), sha1: try sha1(body))
    return withUnsafeTemporaryAllocation(byteCount: FrameHeader.size, alignment: 1) { out in
        header.write(to: out)
        return Array(out)
    } + body
}

/// All complete frames in the reader.
private func drain(_ reader: inout FrameReader, into frames: inout [Received]) throws {
    while let frame = try reader.next() { frames.append(Received(header: frame.header, body: Array(frame.body))) }
}

/// The frames that a reader finds in `pieces`. They arrive one after another, and are read after each.
private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [Received] {
    var reader = FrameReader(maxBodyLength: 4 << 20)
    var frames: [Received] = []
    for piece in pieces {
        piece.withUnsafeBytes { reader.append($0) }
        try drain(&reader, into: &frames)
    }
    let left = reader.bufferedCount
    #expect(left == 0)
    return frames
}

@Suite struct FrameReaderTests {
    /// The vectors' frames in one stream, with an empty one in between and at the end.
    private static func vectorStream() throws -> (stream: [UInt8], frames: [Received]) {
        var parts = try Vectors.all.frames.map { try #require(fromHex($0.bytes)) }
        try parts.insert(frame(77, []), at: parts.count / 2)
        try parts.append(frame(78, []))
        let frames = try parts.map { part in
            Received(
                header: try #require(try part.withUnsafeBytes { try FrameHeader($0, maxBodyLength: 4096) }),
                body: Array(part[FrameHeader.size...]))
        }
        return (Array(parts.joined()), frames)
    }

    @Test func anyTwoWaySplitGivesTheSameFrames() throws {
        let (stream, expected) = try Self.vectorStream()
        #expect(expected.count == 15)
        for split in 0...stream.count {
            let frames = try read([stream[..<split], stream[split...]])
            #expect(frames == expected, "split at \(split)")
        }
    }

    @Test func oneByteAtATimeGivesTheSameFrames() throws {
        let (stream, expected) = try Self.vectorStream()
        #expect(try read(stream.indices.map { stream[$0...$0] }) == expected)
    }

    @Test func anyManyWaySplitGivesTheSameFrames() throws {
        let seed = printedSeed()
        var random = SeededGenerator(seed: seed)
        let (stream, expected) = try Self.vectorStream()
        for round in 0..<2_000 {
            var pieces: [ArraySlice<UInt8>] = []
            var rest = stream[...]
            let longest = Int.random(in: 1...200, using: &random)
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 0...longest, using: &random))
                pieces.append(piece)
                rest = rest[piece.endIndex...]
            }
            let frames = try read(pieces)
            #expect(frames == expected, "seed \(seed), round \(round)")
        }
    }

    /// Received into `space`, like in the driver, with bodies from empty to much larger than the buffer's first size.
    @Test func receivingInPlaceGivesTheSameFrames() throws {
        let seed = printedSeed()
        var random = SeededGenerator(seed: seed)
        for round in 0..<20 {
            var bodies: [[UInt8]] = []
            for _ in 0..<30 {
                let longest = [0, 100, 5_000, 20_000, 300_000][Int.random(in: 0..<5, using: &random)]
                bodies.append(random.bytes(Int.random(in: 0...longest, using: &random)))
            }
            let stream = try bodies.enumerated().flatMap { try frame(UInt32($0.offset), $0.element) }
            var reader = FrameReader(maxBodyLength: 300_000)
            var frames: [Received] = []
            var offset = 0
            while offset < stream.count {
                let space = reader.space()
                // A receive is never short because there is no room.
                try #require(space.count >= 4096)
                let count = min(space.count, stream.count - offset, Int.random(in: 0...40_000, using: &random))
                space.copyBytes(from: stream[offset..<(offset + count)])
                reader.received(count)
                offset += count
                // A driver that is interrupted reads what has come meanwhile.
                if Bool.random(using: &random) { try drain(&reader, into: &frames) }
            }
            try drain(&reader, into: &frames)
            #expect(frames.map(\.body) == bodies, "seed \(seed), round \(round)")
            #expect(frames.map(\.header.serialNo) == Array(0..<30), "seed \(seed), round \(round)")
        }
    }

    @Test func aFrameWithoutBodyIsCompleteAtOnce() throws {
        let bytes = try frame(5, [])
        #expect(bytes.count == FrameHeader.size)
        var reader = FrameReader(maxBodyLength: 0)
        bytes.dropLast().withUnsafeBytes { reader.append($0) }
        var frames: [Received] = []
        try drain(&reader, into: &frames)
        #expect(frames.isEmpty)
        bytes.suffix(1).withUnsafeBytes { reader.append($0) }
        try drain(&reader, into: &frames)
        #expect(frames.map(\.header.serialNo) == [5])
        #expect(frames.map(\.body) == [[]])
    }

    @Test func badMagicAfterAGoodFrameIsNoticed() throws {
        var reader = FrameReader(maxBodyLength: 100)
        let bytes = try frame(1, [1, 2, 3]) + [UInt8(ascii: "F"), UInt8(ascii: "X")]
        bytes.withUnsafeBytes { reader.append($0) }
        let first = try reader.next()
        #expect(first?.header.serialNo == 1)
        #expect(throws: FrameError.badMagic) { _ = try reader.next() }
        // The stream cannot be used any more: no later frame is found.
        #expect(throws: FrameError.badMagic) { _ = try reader.next() }
    }

    @Test func aBodyJustTooLongIsRefusedBeforeItComes() throws {
        for (length, error) in [(100, nil), (101, FrameError.bodyTooLong(101))] {
            var reader = FrameReader(maxBodyLength: 100)
            let header = try frame(1, [UInt8](repeating: 7, count: length)).prefix(FrameHeader.size)
            header.withUnsafeBytes { reader.append($0) }
            do throws(FrameError) {
                let none = try reader.next()
                #expect(none == nil && error == nil)
            } catch {
                #expect(error == .bodyTooLong(101) && length == 101)
            }
        }
    }

    @Test func resetForgetsHalfAFrame() throws {
        var reader = FrameReader(maxBodyLength: 1_000_000)
        let half = try frame(1, [UInt8](repeating: 9, count: 500_000)).dropLast()
        half.withUnsafeBytes { reader.append($0) }
        reader.reset()
        let left = reader.bufferedCount
        #expect(left == 0)
        let whole = try frame(2, [4, 5, 6])
        whole.withUnsafeBytes { reader.append($0) }
        var frames: [Received] = []
        try drain(&reader, into: &frames)
        #expect(frames.map(\.body) == [[4, 5, 6]])
    }

    @Test func nonsenseCountsAreBounded() {
        var reader = FrameReader(maxBodyLength: 100)
        reader.received(-5)
        let none = reader.bufferedCount
        #expect(none == 0)
        let room = reader.space().count
        reader.received(room + 1)
        let most = reader.bufferedCount
        #expect(most == room)
    }
}

/// Memory grows with the bytes that came, and never with a length that was only announced.
@Suite struct FrameReaderMemoryTests {
    /// The visible size of the buffer: its content and the room after it.
    private func capacity(_ reader: inout FrameReader) -> Int {
        let space = reader.space().count
        return reader.bufferedCount + space
    }

    @Test func anAnnouncedBodyTakesNoMemory() throws {
        var reader = FrameReader(maxBodyLength: 256 << 20)
        let header = FrameHeader(protoID: 1, serialNo: 1, bodyLength: 256 << 20, sha1: SHA1Digest())
        withUnsafeTemporaryAllocation(byteCount: FrameHeader.size, alignment: 1) { out in
            header.write(to: out)
            reader.append(UnsafeRawBufferPointer(out))
        }
        let none = try reader.next()
        #expect(none == nil)
        let size = capacity(&reader)
        #expect(size <= FrameReader.baseCapacity)
    }

    @Test func memoryGrowsWithWhatCame() throws {
        var reader = FrameReader(maxBodyLength: 8 << 20)
        let bytes = try frame(1, [UInt8](repeating: 1, count: 8 << 20))
        var offset = 0
        while offset < bytes.count - 1 {
            let piece = bytes[offset..<min(offset + 10_000, bytes.count - 1)]
            piece.withUnsafeBytes { reader.append($0) }
            offset = piece.endIndex
            let none = try reader.next()
            try #require(none == nil)
            let size = capacity(&reader)
            try #require(size <= 4 * offset + FrameReader.baseCapacity, "\(size) bytes for \(offset)")
        }
        bytes.suffix(1).withUnsafeBytes { reader.append($0) }
        let length = try reader.next()?.body.count
        #expect(length == 8 << 20)
        // And it is freed when that frame has been read.
        let size = capacity(&reader)
        #expect(size <= FrameReader.baseCapacity)
    }

    @Test func aStreamThatNeverPausesNeedsNoMoreThanItsFrames() throws {
        var reader = FrameReader(maxBodyLength: 4096)
        let bytes = try frame(1, [UInt8](repeating: 1, count: 3_000))
        var stream: [UInt8] = []
        var count = 0
        // The pieces never end at the end of a frame, so that the reader is never empty.
        for _ in 0..<20_000 {
            if stream.count < 1_000 { stream += bytes }
            stream.prefix(997).withUnsafeBytes { reader.append($0) }
            stream.removeFirst(997)
            while let frame = try reader.next() {
                count += 1
                try #require(frame.body.count == 3_000)
            }
            let size = capacity(&reader)
            try #require(size <= 2 * FrameReader.baseCapacity)
        }
        #expect(count == 20_000 * 997 / bytes.count)
    }
}
