import Codec
import Testing

@Suite struct FrameWriterTests {
    /// The expected bytes of a frame.
    private func expected(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) throws -> [UInt8] {
        func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let digest = try sha1(body)
        return [0x46, 0x54] + bytes(protoID) + [0, 0] + bytes(serialNo) + bytes(UInt32(body.count))
            + withUnsafeBytes(of: digest) { Array($0) } + [UInt8](repeating: 0, count: 8) + body
    }

    private func append(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8], to writer: inout FrameWriter) {
        let appended = body.withUnsafeBytes { writer.append(protoID: protoID, serialNo: serialNo, body: $0) }
        #expect(appended)
    }

    private func pending(_ writer: borrowing FrameWriter) -> [UInt8] { Array(writer.pending) }

    @Test func nothingIsPendingAtFirst() {
        let writer = FrameWriter()
        #expect(pending(writer).isEmpty)
    }

    @Test func framesStandBackToBack() throws {
        var writer = FrameWriter()
        append(1001, 1, [1, 2, 3], to: &writer)
        append(1004, 2, [], to: &writer)
        append(.max, .max, [0xff], to: &writer)
        let all = try expected(1001, 1, [1, 2, 3]) + expected(1004, 2, []) + expected(.max, .max, [0xff])
        #expect(pending(writer) == all)
    }

    @Test func aBodyWrittenInPlaceMayBeShorterThanItsRoom() throws {
        var writer = FrameWriter()
        let appended = writer.append(protoID: 3212, serialNo: 9, capacity: 1_000) { room in
            #expect(room.count == 1_000)
            room.copyBytes(from: [7, 8])
            return 2
        }
        #expect(appended)
        append(1004, 10, [5], to: &writer)
        #expect(try pending(writer) == expected(3212, 9, [7, 8]) + expected(1004, 10, [5]))
    }

    @Test(arguments: [(-1, 0), (Int.min, 0), (17, 16), (Int.max, 16)])
    func aLengthOutsideItsRoomIsBounded(_ told: Int, _ taken: Int) throws {
        var writer = FrameWriter()
        let appended = writer.append(protoID: 1, serialNo: 1, capacity: 16) { room in
            room.copyBytes(from: [UInt8](repeating: 3, count: 16))
            return told
        }
        #expect(appended)
        #expect(try pending(writer) == expected(1, 1, [UInt8](repeating: 3, count: taken)))
    }

    /// Appends and sends in any order, in pieces of any size: the bytes that are sent are those that were appended.
    @Test func partialSendsLoseNothing() throws {
        let seed = printedSeed()
        var random = SeededGenerator(seed: seed)
        for round in 0..<15 {
            var writer = FrameWriter()
            var appended: [UInt8] = []
            var sent: [UInt8] = []
            for serialNo in 0..<UInt32(200) {
                let longest = [0, 60, 3_000, 20_000][Int.random(in: 0..<4, using: &random)]
                let body = random.bytes(Int.random(in: 0...longest, using: &random))
                append(3212, serialNo, body, to: &writer)
                appended += try expected(3212, serialNo, body)
                for _ in 0..<Int.random(in: 0...2, using: &random) {
                    let bytes = pending(writer)
                    let count = Int.random(in: 0...bytes.count, using: &random)
                    sent += bytes.prefix(count)
                    writer.sent(count)
                }
            }
            sent += pending(writer)
            #expect(sent == appended, "seed \(seed), round \(round)")
        }
    }

    @Test func whatIsSentIsNotPending() {
        var writer = FrameWriter()
        append(1, 1, [1, 2, 3], to: &writer)
        writer.sent(-1)
        #expect(pending(writer).count == 47)
        writer.sent(46)
        #expect(pending(writer) == [3])
        // More than there are.
        writer.sent(.max / 2)
        #expect(pending(writer).isEmpty)
    }

    @Test func itGrowsFarBeyondItsFirstSize() throws {
        var writer = FrameWriter()
        let body = [UInt8](repeating: 0x5a, count: 3 << 20)
        append(1, 1, [1], to: &writer)
        append(2, 2, body, to: &writer)
        append(3, 3, [3], to: &writer)
        #expect(try pending(writer) == expected(1, 1, [1]) + expected(2, 2, body) + expected(3, 3, [3]))
    }

    @Test(arguments: [3, 3 << 20]) func resetForgetsWhatWasNotSent(_ size: Int) throws {
        var writer = FrameWriter()
        append(1, 1, [UInt8](repeating: 1, count: size), to: &writer)
        writer.sent(10)
        writer.reset()
        #expect(pending(writer).isEmpty)
        append(1001, 2, [9], to: &writer)
        #expect(try pending(writer) == expected(1001, 2, [9]))
    }

    /// If a gateway reads more slowly than requests come, the buffer must not grow without limit.
    @Test func aBacklogThatStaysSmallTakesLittleMemory() throws {
        var writer = FrameWriter()
        let body = [UInt8](repeating: 1, count: 1_000)
        var lowest = UInt.max
        var highest: UInt = 0
        for serialNo in 0..<UInt32(100_000) {
            append(1, serialNo, body, to: &writer)
            if serialNo > 10 { writer.sent(body.count + FrameHeader.size) }
            let backlog = pending(writer).count
            try #require(backlog <= 12 * 1_044)
            guard serialNo > 1_000, let base = writer.pending.baseAddress else { continue }
            lowest = min(lowest, UInt(bitPattern: base))
            highest = max(highest, UInt(bitPattern: base))
        }
        // The buffer is neither moved nor grown any more: it is at most four times as large as the backlog.
        #expect(highest - lowest < 4 * 12 * 1_044)
    }
}
