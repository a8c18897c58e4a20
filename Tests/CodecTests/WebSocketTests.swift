import Testing

@testable import Codec

/// The cases that a client of the bridge can meet, by the sections of RFC 6455. The tests build a server's frames,
/// which are not masked.
@Suite struct WebSocketTests {
    /// Reads bytes in pieces of one size. Records the messages, the failure, and the answers to control frames.
    private struct Reading {
        var messages: [[UInt8]] = []
        var failure: WebSocketFailure?
        var sent: [UInt8] = []
        var frames = 0

        /// The result of `next` for each message.
        var texts: [Bool] = []

        init(
            _ bytes: [UInt8], piece: Int = .max, longest: Int = 1 << 20, role: WebSocketRole = .client,
            acceptsText: Bool = false
        ) {
            var reader = WebSocketReader(role, maxMessageLength: longest, acceptsText: acceptsText)
            var queue = ByteQueue()
            var rest = bytes[...]
            while !rest.isEmpty, failure == nil {
                let part = Array(rest.prefix(piece))
                rest = rest.dropFirst(part.count)
                part.withUnsafeBytes { reader.received($0) }
                reader.takeControls { WebSocketFrame.append($0, $1, mask: WebSocketMask(key: 0x5bad_f00d), to: &queue) }
                do throws(WebSocketFailure) {
                    while let message = try reader.next() {
                        messages.append(Array(message))
                        texts.append(reader.isText)
                    }
                } catch {
                    failure = error
                }
            }
            sent = Array(queue.pending)
            frames = reader.frameCount
        }

        /// What was sent, unmasked: opcode and payload of each frame.
        var controls: [(UInt8, [UInt8])] {
            var controls: [(UInt8, [UInt8])] = []
            var rest = sent[...]
            while rest.count >= 6 {
                let bytes = Array(rest)
                guard bytes[1] & 0x80 != 0, case let count = Int(bytes[1] & 0x7f), bytes.count >= 6 + count else {
                    break
                }
                let payload = (0..<count).map { bytes[6 + $0] ^ bytes[2 + $0 % 4] }
                controls.append((bytes[0], payload))
                rest = rest.dropFirst(6 + count)
            }
            return controls
        }

        var closeCode: Int? {
            guard let last = controls.last, last.0 == 0x88, last.1.count >= 2 else { return nil }
            return Int(last.1[0]) << 8 | Int(last.1[1])
        }
    }

    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        if payload.count < 126 { return [first, UInt8(payload.count)] + payload }
        if payload.count < 65_536 {
            return [first, 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
        }
        return [first, 127] + withUnsafeBytes(of: UInt64(payload.count).bigEndian) { Array($0) } + payload
    }

    private static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) } }

    // MARK: - 5.2 Base framing

    @Test(
        "5.2: every form of length, however it arrives split", arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
    func lengths(_ count: Int) {
        let payload = Self.bytes(count)
        let stream = Self.frame(0x82, payload) + Self.frame(0x82, [9])
        for piece in [1, 2, 3, 7, 4096, Int.max] where piece > 3 || count < 1000 {
            let reading = Reading(stream, piece: piece)
            #expect(reading.messages == [payload, [9]])
            #expect(reading.failure == nil)
            #expect(reading.frames == 2)
        }
    }

    @Test(
        "5.2: a length in more bytes than it needs, or with its highest bit",
        arguments: [
            [0x82, 126, 0, 5, 1, 2, 3, 4, 5] as [UInt8], [0x82, 126, 0, 125] + bytes(125),
            [0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5], [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ])
    func oddLengths(_ stream: [UInt8]) {
        let reading = Reading(stream)
        #expect(reading.failure == .broken)
        #expect(reading.closeCode == 1002)
    }

    @Test("5.2: reserved bits, of messages and of control frames", arguments: [0x40, 0x20, 0x10, 0x70] as [UInt8])
    func reservedBits(_ bits: UInt8) {
        for opcode: UInt8 in [0x82, 0x89, 0x8a, 0x88] {
            let reading = Reading(Self.frame(0x82, [1]) + Self.frame(opcode | bits, []))
            #expect(reading.messages == [[1]])
            #expect(reading.failure == .broken)
            #expect(reading.closeCode == 1002)
        }
    }

    @Test("5.2: reserved opcodes", arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func reservedOpcodes(_ opcode: UInt8) {
        let reading = Reading(Self.frame(0x80 | opcode, [1, 2]))
        #expect(reading.failure == .broken)
        #expect(reading.closeCode == 1002)
    }

    // MARK: - 5.1, 5.3 Masking

    @Test("5.1: a server's masked frame") func maskedByServer() {
        let reading = Reading([0x82, 0x81, 1, 2, 3, 4, 5])
        #expect(reading.failure == .broken)
        #expect(reading.closeCode == 1002)
    }

    @Test("5.1: a client's frame without a mask") func unmaskedByClient() {
        #expect(Reading([0x82, 1, 5], role: .server).failure == .broken)
    }

    @Test("5.3: what a client sends is masked, each time with another mask") func masks() throws {
        var source = MaskSource()
        var masks: Set<[UInt8]> = []
        for count in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = Self.bytes(count)
            for _ in 0..<50 {
                var queue = ByteQueue()
                let next = source.next()
                let mask = try #require(next)
                payload.withUnsafeBytes { WebSocketFrame.append(.binary, $0, mask: mask, to: &queue) }
                let frame = Array(queue.pending)
                let header = frame.count - count
                #expect(frame[0] == 0x82 && frame[1] & 0x80 != 0)
                masks.insert(Array(frame[(header - 4)..<header]))
                #expect(Reading(frame, role: .server).messages == [payload])
            }
        }
        // The probability of four equal ones among 300 is one in 10^25.
        #expect(masks.count > 296)
    }

    @Test("5.1: what a server sends is not masked", arguments: [0, 1, 125, 126, 300, 65_535, 65_536])
    func serverFrames(_ count: Int) {
        var queue = ByteQueue()
        Self.bytes(count).withUnsafeBytes { WebSocketFrame.append(.binary, $0, mask: nil, to: &queue) }
        #expect(Array(queue.pending) == Self.frame(0x82, Self.bytes(count)))
    }

    @Test("5.2: a payload that is shorter than its room has the shortest form of its length") func shorterThanRoom() {
        for (room, count) in [(126, 125), (200, 0), (65_536, 65_535), (65_536, 7), (70_000, 70_000), (125, 3)] {
            for mask in [nil, WebSocketMask(key: 0x0102_0304)] {
                var queue = ByteQueue()
                [UInt8](repeating: 0xee, count: 5).withUnsafeBytes { queue.append($0) }
                WebSocketFrame.append(.binary, capacity: room, mask: mask, to: &queue) { room in
                    room.copyBytes(from: Self.bytes(count))
                    return count
                }
                let bytes = Array(queue.pending.dropFirst(5))
                if mask == nil { #expect(bytes == Self.frame(0x82, Self.bytes(count))) }
                #expect(Reading(bytes, role: mask == nil ? .client : .server).messages == [Self.bytes(count)])
            }
        }
    }

    @Test("5.3: a mask goes on where the piece before it ended, whatever the lengths") func maskedPieces() {
        let mask = WebSocketMask((0x11, 0x22, 0x44, 0x88))
        let key: [UInt8] = [0x11, 0x22, 0x44, 0x88]
        for count in 0...70 {
            for offset in 0..<9 {
                let source = Self.bytes(count)
                // Not at a word's beginning, with a byte on either side.
                var target = [UInt8](repeating: 0xaa, count: count + 2)
                target.withUnsafeMutableBytes { target in
                    let room = UnsafeMutableRawBufferPointer(rebasing: target[1..<(count + 1)])
                    source.withUnsafeBytes { mask.apply($0, to: room, offset: offset) }
                }
                let expected = source.indices.map { source[$0] ^ key[(offset + $0) % 4] }
                #expect(target == [0xaa] + expected + [0xaa])
            }
        }
    }

    @Test("5.3: a server takes masks off, however the bytes arrive split", arguments: [1, 2, 3, 5, 7, 16, 33, 4096])
    func unmasked(_ piece: Int) {
        let payloads = [0, 1, 3, 125, 126, 1000].map(Self.bytes)
        var queue = ByteQueue()
        for (number, payload) in payloads.enumerated() {
            let mask = WebSocketMask(key: 0x8040_2010 &+ UInt32(number))
            payload.withUnsafeBytes { WebSocketFrame.append(.binary, $0, mask: mask, to: &queue) }
            ([7, 8, 9] as [UInt8]).withUnsafeBytes { WebSocketFrame.append(.ping, $0, mask: mask, to: &queue) }
        }
        let reading = Reading(Array(queue.pending), piece: piece, role: .server)
        #expect(reading.messages == payloads)
        #expect(reading.controls.map(\.1) == payloads.map { _ in [7, 8, 9] })
        #expect(reading.frames == 12)
    }

    // MARK: - 5.4 Fragmentation

    @Test("5.4: fragments are put together, empty ones too, with control frames between") func fragments() {
        let stream =
            Self.frame(0x02, [1, 2]) + Self.frame(0x89, [7]) + Self.frame(0x00, []) + Self.frame(0x8a, [])
            + Self.frame(0x00, [3]) + Self.frame(0x80, [4]) + Self.frame(0x82, [5])
        for piece in [1, 2, 5, Int.max] {
            let reading = Reading(stream, piece: piece)
            #expect(reading.messages == [[1, 2, 3, 4], [5]])
            #expect(reading.failure == nil)
            #expect(reading.controls.map(\.0) == [0x8a])
            #expect(reading.controls.map(\.1) == [[7]])
            #expect(reading.frames == 7)
        }
    }

    @Test("5.4: a continuation of nothing, a message inside another") func outOfOrderFragments() {
        #expect(Reading(Self.frame(0x80, [1])).failure == .broken)
        #expect(Reading(Self.frame(0x00, [1])).failure == .broken)
        #expect(Reading(Self.frame(0x02, [1]) + Self.frame(0x82, [2])).failure == .broken)
        #expect(Reading(Self.frame(0x82, [1]) + Self.frame(0x80, [2])).messages == [[1]])
    }

    @Test("10.4: one cap for a message, whole or in fragments, and no memory for what is only announced") func cap() {
        #expect(Reading(Self.frame(0x82, Self.bytes(1000)), longest: 1000).messages.count == 1)
        for stream in [
            Self.frame(0x82, Self.bytes(1001)),
            Self.frame(0x02, Self.bytes(999)) + Self.frame(0x00, [1]) + Self.frame(0x80, [2]),
            Self.frame(0x02, Self.bytes(600)) + Self.frame(0x80, Self.bytes(600)),
            [0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        ] {
            for piece in [1, Int.max] {
                let reading = Reading(stream, piece: piece, longest: 1000)
                #expect(reading.messages.isEmpty)
                #expect(reading.failure == .tooLong)
                #expect(reading.closeCode == 1009)
            }
        }
        let many = Self.frame(0x02, []) + (0..<5000).flatMap { _ in Self.frame(0x00, []) } + Self.frame(0x80, [1])
        #expect(Reading(many, longest: 10).messages == [[1]])
    }

    // MARK: - 5.5 Control frames

    @Test("5.5: a control frame in fragments, or longer than 125") func badControls() {
        for opcode: UInt8 in [0x08, 0x09, 0x0a] {
            #expect(Reading(Self.frame(opcode, [])).failure == .broken)
            let long = Reading(Self.frame(0x80 | opcode, Self.bytes(126)))
            #expect(long.failure == .broken)
            #expect(long.closeCode == 1002)
        }
    }

    @Test("5.5.2: every ping is answered with its payload, a pong never") func pings() {
        let stream = Self.frame(0x89, []) + Self.frame(0x89, Self.bytes(125)) + Self.frame(0x8a, [1, 2])
        let reading = Reading(stream, piece: 10)
        #expect(reading.controls.map(\.0) == [0x8a, 0x8a])
        #expect(reading.controls.map(\.1) == [[], Self.bytes(125)])
        #expect(reading.failure == nil)
    }

    @Test("5.5.1: a close is answered with its code, and nothing is read after it") func closes() {
        let stream = Self.frame(0x82, [1]) + Self.frame(0x88, [0x03, 0xe9] + Array("bye".utf8)) + Self.frame(0x82, [2])
        let reading = Reading(stream)
        #expect(reading.messages == [[1]])
        #expect(reading.failure == .closed(code: 1001, reason: "bye"))
        #expect(reading.closeCode == 1001)
        let bare = Reading(Self.frame(0x88, []))
        #expect(bare.failure == .closed(code: 1005, reason: ""))
        #expect(bare.controls.map(\.1) == [[]])
    }

    @Test(
        "7.4: codes that may stand in a close frame",
        arguments: [1000, 1001, 1002, 1003, 1007, 1009, 1011, 1012, 1014, 3000, 4999])
    func goodCodes(_ code: Int) {
        let reading = Reading(Self.frame(0x88, [UInt8(code >> 8), UInt8(code & 255)]))
        #expect(reading.failure == .closed(code: UInt16(code), reason: ""))
        #expect(reading.closeCode == code)
    }

    @Test("7.4: codes that may not", arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
    func badCodes(_ code: Int) {
        let reading = Reading(Self.frame(0x88, [UInt8(code >> 8), UInt8(code & 255)]))
        #expect(reading.failure == .broken)
        #expect(reading.closeCode == 1002)
    }

    @Test("5.5.1: a close of one byte, or whose words are no UTF-8") func badCloses() {
        #expect(Reading(Self.frame(0x88, [3])).failure == .broken)
        let words = Reading(Self.frame(0x88, [0x03, 0xe8, 0xff, 0xfe]))
        #expect(words.failure == .broken)
        #expect(words.closeCode == 1007)
        // Half of a character.
        #expect(Reading(Self.frame(0x88, [0x03, 0xe8, 0x61, 0xc3])).closeCode == 1007)
        // It fails before the frame is complete: its payload has 9 bytes.
        #expect(Reading([0x88, 9, 0x03, 0xe8, 0x61, 0xff], piece: 1).closeCode == 1007)
        #expect(Reading([0x88, 9, 0x03, 0xe8, 0x61, 0xc3], piece: 1).failure == nil)
    }

    @Test("5.5.3: pongs that nobody takes stay few, and the last one answers the last ping") func manyPings() {
        var reader = WebSocketReader(.client, maxMessageLength: 10)
        let count = 2000
        for number in 0..<count {
            let payload = Self.bytes(120) + [UInt8(number >> 8), UInt8(number & 255)]
            Self.frame(0x89, payload).withUnsafeBytes { reader.received($0) }
        }
        var numbers: [Int] = []
        let waits = reader.hasControls
        #expect(waits)
        reader.takeControls { opcode, payload in
            #expect(opcode == .pong && payload.count == 122)
            numbers.append(Int(payload[120]) << 8 | Int(payload[121]))
        }
        #expect(numbers == Array(0..<(numbers.count - 1)) + [count - 1])
        #expect((500...600).contains(numbers.count))
        let (stillWaits, frames) = (reader.hasControls, reader.frameCount)
        #expect(!stillWaits)
        #expect(frames == count)
    }

    @Test("7.1.7: nothing is read, and nothing answered, after a breach or a close") func nothingAfterTheEnd() {
        for end in [Self.frame(0x83, []), Self.frame(0x88, [3, 0xe8])] {
            var reader = WebSocketReader(.client, maxMessageLength: 10)
            end.withUnsafeBytes { reader.received($0) }
            var opcodes: [WebSocketFrame.Opcode] = []
            reader.takeControls { opcode, _ in opcodes.append(opcode) }
            for frame in [Self.frame(0x89, [1]), Self.frame(0x82, [1]), Self.frame(0x88, [])] {
                frame.withUnsafeBytes { reader.received($0) }
            }
            reader.takeControls { opcode, _ in opcodes.append(opcode) }
            #expect(opcodes == [.close])
            var failure: WebSocketFailure?
            do throws(WebSocketFailure) { _ = try reader.next() } catch { failure = error }
            #expect(failure != nil)
        }
    }

    // MARK: - 5.6 Data frames

    @Test("5.6: text is refused") func text() {
        for stream in [Self.frame(0x81, Array("hello".utf8)), Self.frame(0x01, []), Self.frame(0x81, [])] {
            let reading = Reading(stream)
            #expect(reading.failure == .notBinary)
            #expect(reading.closeCode == 1003)
            #expect(reading.messages.isEmpty)
        }
    }

    @Test("5.6: where text is accepted, a message tells which it is", arguments: [1, 2, 3, 7, Int.max])
    func textAndBinary(_ piece: Int) {
        let text = Array("añ€😀".utf8)
        let stream =
            Self.frame(0x81, text) + Self.frame(0x82, [0xff]) + Self.frame(0x01, Array(text.prefix(2)))
            + Self.frame(0x89, [0xff]) + Self.frame(0x00, Array(text[2..<5])) + Self.frame(0x80, Array(text[5...]))
            + Self.frame(0x81, [])
        let reading = Reading(stream, piece: piece, acceptsText: true)
        #expect(reading.messages == [text, [0xff], text, []])
        #expect(reading.texts == [true, false, true, true])
        #expect(reading.failure == nil)
    }

    @Test("8.1: text that is no UTF-8 is refused at its first wrong byte") func wrongText() {
        let whole = Reading(Self.frame(0x81, [0x61, 0xff, 0x61]), acceptsText: true)
        #expect(whole.failure == .broken && whole.closeCode == 1007)
        // Two of a frame's 100 bytes have come.
        #expect(Reading([0x81, 100, 0xed, 0xa0], acceptsText: true).closeCode == 1007)
        #expect(Reading([0x81, 100, 0xed, 0x9f], acceptsText: true).failure == nil)
        // The text must not end inside a character, but a fragment may.
        #expect(Reading(Self.frame(0x81, [0xc3]), acceptsText: true).closeCode == 1007)
        let split = Self.frame(0x01, [0xc3]) + Self.frame(0x80, [0xa9])
        #expect(Reading(split, acceptsText: true).messages == [[0xc3, 0xa9]])
        #expect(Reading(Self.frame(0x01, [0xc3]) + Self.frame(0x80, [0x61]), acceptsText: true).closeCode == 1007)
        // A binary message, and the next text, do not depend on the one before.
        let stream = Self.frame(0x82, [0xc3]) + Self.frame(0x81, [0x61])
        #expect(Reading(stream, acceptsText: true).messages.count == 2)
    }

    @Test func memoryIsGivenBackAfterALongMessage() {
        var reader = WebSocketReader(.client, maxMessageLength: 8 << 20)
        Self.frame(0x82, Self.bytes(4 << 20)).withUnsafeBytes { reader.received($0) }
        do throws(WebSocketFailure) {
            #expect(try reader.next()?.count == 4 << 20)
            Self.frame(0x82, [1]).withUnsafeBytes { reader.received($0) }
            #expect(try reader.next().map { Array($0) } == [1])
        } catch {
            Issue.record("\(error)")
        }
    }
}
