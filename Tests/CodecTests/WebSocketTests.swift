import Testing

@testable import Codec

/// The protocol cases a client of the relay can meet, by the sections of RFC 6455. Frames are written by hand: a server's, which
/// are not masked.
@Suite struct WebSocketTests {
    /// Reads bytes in pieces of a size; tells messages, the failure, and what was sent for controls.
    private struct Reading {
        var messages: [[UInt8]] = []
        var failure: WebSocketFailure?
        var sent: [UInt8] = []
        var frames = 0

        init(_ bytes: [UInt8], piece: Int = .max, longest: Int = 1 << 20, role: WebSocketRole = .client) {
            var reader = WebSocketReader(role, maxMessageLength: longest)
            var rest = bytes[...]
            while !rest.isEmpty, failure == nil {
                let part = Array(rest.prefix(piece))
                rest = rest.dropFirst(part.count)
                part.withUnsafeBytes { reader.received($0) }
                reader.takeControls { sent += Array($0) }
                do throws(WebSocketFailure) {
                    while let message = try reader.next() { messages.append(Array(message)) }
                } catch {
                    failure = error
                }
            }
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
        let framing = try #require(WebSocketFraming(.client))
        var masks: Set<[UInt8]> = []
        for count in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = Self.bytes(count)
            for _ in 0..<50 {
                var queue = ByteQueue()
                #expect(payload.withUnsafeBytes { framing.append(.binary, $0, to: &queue) })
                let frame = Array(queue.pending)
                let header = frame.count - count
                #expect(frame[0] == 0x82 && frame[1] & 0x80 != 0)
                masks.insert(Array(frame[(header - 4)..<header]))
                #expect(Reading(frame, role: .server).messages == [payload])
            }
        }
        // Four alike of 300 would be a chance of one in 10^25.
        #expect(masks.count > 296)
    }

    @Test("5.1: what a server sends is not masked") func serverFrames() throws {
        let framing = try #require(WebSocketFraming(.server))
        var queue = ByteQueue()
        #expect(Self.bytes(300).withUnsafeBytes { framing.append(.binary, $0, to: &queue) })
        #expect(Array(queue.pending) == Self.frame(0x82, Self.bytes(300)))
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
        "7.4: codes that may stand in a close frame", arguments: [1000, 1001, 1002, 1003, 1007, 1009, 1011, 3000, 4999])
    func goodCodes(_ code: Int) {
        let reading = Reading(Self.frame(0x88, [UInt8(code >> 8), UInt8(code & 255)]))
        #expect(reading.failure == .closed(code: UInt16(code), reason: ""))
        #expect(reading.closeCode == code)
    }

    @Test("7.4: codes that may not", arguments: [0, 999, 1004, 1005, 1006, 1015, 5000, 65_535])
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
