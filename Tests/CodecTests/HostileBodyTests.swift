import Codec
import Foundation
import Testing

/// Bodies that no gateway should send. Each is refused, or read correctly, and does no harm.
@Suite struct HostileBodyTests {
    /// Fields of every wire type with unknown numbers, among them the largest one.
    private static let unknown: [[UInt8]] = [
        Wire.number(999, -1), Wire.double(1_000, 1), Wire.bytes(1_001, [1, 2, 3]), Wire.bytes(1_002, []),
        Wire.fixed32(1_003, 7), Wire.number(536_870_911, 1),
    ]

    @Test(arguments: Decoder.all) func unknownFieldsAreSkipped(_ decoder: Decoder) throws {
        let whole = try decoder.whole()
        let known = try decoder.again(whole)
        for field in Self.unknown {
            #expect(try decoder.again(whole + field) == known)
            #expect(try decoder.again(field + whole) == known)
        }
        #expect(try decoder.again(Self.unknown.joined() + whole + Self.unknown.joined()) == known)
    }

    @Test func unknownFieldsAreSkippedInside() throws {
        let unknown = Array(Self.unknown.joined())
        let security = Wire.number(1, 91) + Wire.text(2, "BTC") + unknown
        let header = Wire.number(1, 1) + unknown
        let request = Body.request(unknown + Wire.bytes(1, security) + Wire.bytes(100, header) + unknown)
        let expected = CapitalDistributionRequest(market: 91, code: "BTC", securityFirm: 1)
        #expect(try decode(request, CapitalDistributionRequest.init) == expected)
        let response = Body.success(unknown + Body.figures() + unknown)
        #expect(try decode(response, CapitalDistributionResponse.init).content == Body.plain)
    }

    @Test(arguments: Decoder.all) func cutAnywhereItIsNotReadAsWhole(_ decoder: Decoder) throws {
        let whole = try decoder.whole()
        let known = try decoder.again(whole)
        for count in 0..<whole.count {
            // A body that is cut between two fields may be a smaller message. It must not be this one.
            let again = try? decoder.again(Array(whole.prefix(count)))
            #expect(again != known, "cut at \(count)")
        }
    }

    @Test(arguments: Vectors.all.messages.filter { $0.text.contains("s2c") }) func cutAnywhereItHasNoFigures(
        _ vector: Vectors.Message
    ) throws {
        let whole = try vector.body
        for count in 0..<whole.count {
            let cut = Array(whole.prefix(count))
            #expect(throws: MessageError.self, "cut at \(count)") { try decode(cut, KeepAlive.responseTime) }
            #expect((try? decode(cut, CapitalDistributionResponse.init))?.content == nil, "cut at \(count)")
            #expect((try? decode(cut, InitConnectResponse.init))?.content == nil, "cut at \(count)")
        }
    }

    @Test(arguments: ["InitConnect.Request", "KeepAlive.Request", "Qot_GetCapitalDistribution.Request"])
    func aRequestCutAnywhereIsMalformed(_ name: String) throws {
        let decoder = try #require(Decoder.all.first { $0.testDescription == name })
        let whole = try decoder.whole()
        for count in 0..<whole.count {
            #expect(throws: MessageError.malformed, "cut at \(count)") { try decoder.again(Array(whole.prefix(count))) }
        }
    }

    @Test(
        arguments: [
            [0x08], [0x08] + [UInt8](repeating: 0xff, count: 20), [0x80], [UInt8](repeating: 0x80, count: 64), [0x00],
            [0x0f, 0x01], [0x0e, 0x01], [0x0b], [0x0c], [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f],
            [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0x12, 0x80, 0x80, 0x80, 0x80, 0x08],
            [0x22, 0xff, 0xff, 0xff, 0xff, 0x07, 0x01], [0x09, 1, 2, 3], [0x0d, 1, 2, 3],
        ] as [[UInt8]]) func nonsenseIsMalformed(_ body: [UInt8])
    {
        for decoder in Decoder.all {
            #expect(throws: MessageError.malformed) { try decoder.again(body) }
        }
    }

    @Test func theLastOfARepeatedFieldCounts() throws {
        let body = Wire.number(1, 0) + Wire.text(2, "first") + Wire.number(1, -1) + Wire.text(2, "last")
        #expect(try decode(body, AnyResponse.init) == AnyResponse(retType: -1, retMsg: "last"))
    }

    /// A response of 256 KiB with as many fields as possible. A decoder that stores each would need many times that
    /// memory.
    @Test(arguments: [
        ("unknown numbers", Wire.number(15, 0)), ("unknown empty texts", Wire.bytes(15, [])),
        ("retType again and again", Wire.number(1, 0)), ("retMsg again and again", Wire.bytes(2, [])),
        ("s2c again and again", Wire.bytes(4, [])), ("groups", Wire.tag(15, 3) + Wire.tag(15, 4)),
    ]) func moreFieldsThanAMessageHasAreReadCheaply(_ what: String, _ field: [UInt8]) throws {
        let many = Array([[UInt8]](repeating: field, count: (256 << 10) / field.count).joined())
        let arena = MessageArena()
        let before = try peakMemory()
        // They lack required fields, or have no figures.
        let lacking = withExactBlock(many) { try? CapitalDistributionResponse($0, arena) }
        #expect(lacking == nil)
        let whole = withExactBlock(many + Body.success(Body.figures())) { try? CapitalDistributionResponse($0, arena) }
        #expect(whole?.content == Body.plain)
        let grown = try peakMemory() - before
        #expect(grown < 6 << 20, "\(what): \(grown >> 20) MiB")
    }

    /// What a newer gateway may really send is read.
    @Test func someHundredUnknownFieldsAreRead() throws {
        let extra = (1_000..<1_300).flatMap { Wire.text($0, "new in version \($0)") }
        let response = try decode(Body.success(Body.figures() + extra), CapitalDistributionResponse.init)
        #expect(response.content == Body.plain)
    }

    @Test func aLongTextIsRead() throws {
        let text = String(repeating: "频", count: 1_000_000)
        let head = AnyResponse(retType: -1, retMsg: text)
        #expect(try decode(head.encoded(), AnyResponse.init) == head)
    }

    /// What was read does not change when it is written and read again.
    @Test(arguments: Decoder.all) func randomBytesDoNoHarm(_ decoder: Decoder) throws {
        let seed = printedSeed("randomBytesDoNoHarm \(decoder.testDescription)")
        var random = SeededGenerator(seed: seed)
        for round in 0..<3_000 {
            let body = random.bytes(Int.random(in: 0...120, using: &random))
            try check(decoder, body, "seed \(seed), round \(round), \(hex(body))")
        }
    }

    @Test(arguments: Decoder.all) func damagedMessagesDoNoHarm(_ decoder: Decoder) throws {
        let seed = printedSeed("damagedMessagesDoNoHarm \(decoder.testDescription)")
        var random = SeededGenerator(seed: seed)
        let whole = try decoder.whole()
        var read = 0
        for round in 0..<3_000 {
            var body = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<max(body.count, 1), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !body.isEmpty: body[at] = UInt8.random(in: .min ... .max, using: &random)
                case 1 where !body.isEmpty: body[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: body.removeSubrange(at..<Int.random(in: min(at, body.count)...body.count, using: &random))
                default: body.insert(contentsOf: body.suffix(from: min(at, body.count)), at: min(at, body.count))
                }
            }
            read += try check(decoder, body, "seed \(seed), round \(round), \(hex(body))") ? 1 : 0
        }
        // The damage must be small enough for some to be read. Otherwise this test shows nothing.
        #expect(read > 50)
    }

    /// - Returns: whether the decoder accepted `body`.
    @discardableResult
    private func check(_ decoder: Decoder, _ body: [UInt8], _ comment: Comment) throws -> Bool {
        do {
            let once = try decoder.again(body)
            #expect(try decoder.again(once) == once, comment)
            return true
        } catch is MessageError {
            return false
        }
    }

    /// The process's maximum resident memory so far, in bytes.
    private func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        let kilobytes = try #require(Int(line.filter(\.isNumber)))
        return kilobytes * 1024
    }
}
