import Codec
import Testing

/// What protobuf-c refuses and the specification allows: unknown groups, messages in pieces, fields with another wire
/// type.
@Suite struct SecondReadingTests {
    private static func group(_ field: Int, _ content: [UInt8] = []) -> [UInt8] {
        Wire.tag(field, 3) + content + Wire.tag(field, 4)
    }

    /// Groups inside groups.
    private static func nested(_ depth: Int) -> [UInt8] {
        [UInt8]([[UInt8]](repeating: Wire.tag(15, 3), count: depth).joined())
            + [UInt8]([[UInt8]](repeating: Wire.tag(15, 4), count: depth).joined())
    }

    private static let groups = [
        group(15), group(15, Wire.number(1, -1) + Wire.text(2, "not ours")), group(15, group(16, group(15))),
        nested(99),
        group(536_870_911, Wire.double(1, 1) + Wire.fixed32(2, 2)),
    ]

    @Test(arguments: Decoder.all) func unknownGroupsAreSkipped(_ decoder: Decoder) throws {
        let whole = try decoder.whole()
        let known = try decoder.again(whole)
        for group in Self.groups {
            #expect(try decoder.again(group + whole) == known)
            #expect(try decoder.again(whole + group) == known)
        }
    }

    @Test func groupsAreSkippedInside() throws {
        for group in Self.groups {
            let body = Body.success(group + Body.figures() + group)
            #expect(try decode(body, CapitalDistributionResponse.init).content == Body.plain)
        }
    }

    @Test(arguments: [
        Wire.tag(15, 3), Wire.tag(15, 4), Wire.tag(15, 3) + Wire.tag(16, 4), group(15, [0x00, 0x00]), nested(101),
        Wire.tag(15, 3) + Wire.tag(16, 3) + Wire.tag(15, 4) + Wire.tag(16, 4), group(15, [0x7a, 0x05, 0x01]),
        group(15, Wire.tag(1, 6)),
    ]) func groupsThatDoNotEndAreMalformed(_ group: [UInt8]) throws {
        for body in [
            group + Body.success(Body.figures()), Body.success(Body.figures()) + group,
            Body.success(Body.figures() + group),
        ] {
            #expect(throws: MessageError.malformed, "\(hex(body))") {
                try decode(body, CapitalDistributionResponse.init)
            }
        }
    }

    /// Groups as deep as the memory allows: they are refused, without recursion of that depth.
    @Test func aMillionGroupsInEachOtherAreMalformed() {
        let deep = [UInt8](repeating: 0x7b, count: 1 << 20)
        #expect(throws: MessageError.malformed) { try decode(deep, AnyResponse.init) }
    }

    /// The figures may be split anywhere between fields. The pieces are merged.
    @Test func piecesOfAMessageAreOneMessage() throws {
        let head = Wire.number(1, 0)
        let figures = Body.figures()
        for cut in stride(from: 0, through: figures.count, by: 9) {
            let pieces =
                Wire.bytes(4, Array(figures[..<cut])) + Wire.text(2, "") + Wire.bytes(4, Array(figures[cut...]))
            let response = try decode(pieces + head, CapitalDistributionResponse.init)
            #expect(response.content == Body.plain, "cut at \(cut)")
        }
        // The later value counts.
        let again = Wire.bytes(4, figures) + Wire.bytes(4, Wire.double(1, 77))
        #expect(try decode(head + again, CapitalDistributionResponse.init).content?.inBig == 77)
        // Pieces inside pieces are merged, too.
        let broken = Wire.bytes(4, figures) + Wire.bytes(4, [0x09, 1])
        #expect(throws: MessageError.malformed) { try decode(head + broken, CapitalDistributionResponse.init) }
    }

    /// A value that is cut off in one piece does not continue in the next.
    @Test func eachPieceIsWholeByItself() {
        let head = Wire.number(1, 0)
        let figures = Body.figures()
        let cut: [[UInt8]] = [
            Wire.tag(15, 2) + [20], Wire.tag(15, 1) + [1, 2, 3], Wire.tag(15, 3), Wire.tag(15, 0) + [0x80], [0xf8],
        ]
        let rest: [[UInt8]] = [
            [UInt8](repeating: 0x08, count: 20) + figures, [4, 5, 6, 7, 8] + figures, Wire.tag(15, 4) + figures,
            [0x01] + figures, [0x01, 0x01] + figures,
        ]
        for (start, end) in zip(cut, rest) {
            for body in [
                head + Wire.bytes(4, start) + Wire.bytes(4, end),
                head + Wire.bytes(4, figures + start) + Wire.bytes(4, end),
                head + Wire.bytes(4, figures) + Wire.bytes(4, start) + Wire.bytes(4, end),
            ] {
                #expect(throws: MessageError.malformed, "\(hex(body))") {
                    try decode(body, CapitalDistributionResponse.init)
                }
            }
        }
    }

    @Test func aKeyInPiecesIsTaken() throws {
        let whole = Wire.number(1, 1011) + Wire.number(2, 7) + Wire.number(3, 8) + Wire.text(4, "0123456789ABCDEF")
        let body = Wire.number(1, 0) + Wire.bytes(4, whole) + Wire.bytes(4, Wire.number(5, 10))
        let content = try #require(try decode(body, InitConnectResponse.init).content)
        #expect(content.connAESKey == Array("0123456789ABCDEF".utf8) && content.keepAliveInterval == 10)
    }

    @Test func aFieldOfAnotherWireTypeIsUnknown() throws {
        let failure = Wire.number(1, -1)
        for other in [Wire.number(2, 5), Wire.double(2, 5), Self.group(2), Wire.text(3, "5"), Wire.fixed32(3, 5)] {
            for body in [failure + other, other + failure] {
                #expect(try decode(body, AnyResponse.init) == AnyResponse(retType: -1))
                #expect(try decode(body, CapitalDistributionResponse.init).head == AnyResponse(retType: -1))
            }
        }
        // If there is one with the right type, too, that counts.
        let both = failure + Wire.text(2, "no") + Wire.number(2, 5)
        #expect(try decode(both, AnyResponse.init).retMsg == "no")
        for other in [Wire.number(9, 1), Wire.text(9, "1"), Wire.double(7, 1), Wire.fixed32(8, 1)] {
            let body = Body.success(Body.figures() + other)
            #expect(try decode(body, CapitalDistributionResponse.init).content == Body.plain)
        }
    }

    /// protobuf-c takes a bool of any wire type.
    @Test func aBoolOfAnotherWireTypeIsUnknown() throws {
        let c2s = Wire.number(1, 101) + Wire.text(2, "capdist") + Wire.number(3, 1)
        for other in [Wire.text(3, ""), Wire.double(3, 0), Wire.fixed32(3, 0)] {
            #expect(try decode(Wire.bytes(1, c2s + other), InitConnectRequest.init).recvNotify == true)
        }
    }

    @Test func aRequiredFieldOfAnotherWireTypeIsMissing() {
        for body in [Wire.text(1, "0"), Wire.double(1, 0), Wire.fixed32(1, 0)] {
            #expect(throws: MessageError.malformed) { try decode(body, CapitalDistributionResponse.init) }
        }
        for s2c in [Wire.number(4, 1), Wire.double(4, 1), Wire.fixed32(4, 1)] {
            #expect(throws: MessageError.noContent) {
                try decode(Wire.number(1, 0) + s2c, CapitalDistributionResponse.init)
            }
        }
    }

    /// Also if protobuf-c accepts them.
    @Test(
        arguments: [
            [0x00, 0x01], [0x02, 0x00], [0x80, 0x00, 0x01], [0x80, 0x80, 0x00, 0x01],
            [0x80, 0x80, 0x80, 0x80, 0x10, 0x01],
            [0x88, 0x80, 0x80, 0x80, 0x10, 0x01], [0xf8, 0x80, 0x80, 0x80, 0x70, 0x01],
            [0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01],
        ] as [[UInt8]]) func numbersThatNoFieldHasAreMalformed(_ field: [UInt8])
    {
        let bodies = [
            field + Body.success(Body.figures()), Body.success(Body.figures()) + field,
            Body.success(Body.figures() + field),
            // protobuf-c merges these pieces, and forgets unknown fields of the first.
            Body.success(Body.figures() + field) + Wire.bytes(4, Body.figures()),
        ]
        for body in bodies {
            #expect(throws: MessageError.malformed, "\(hex(body))") {
                try decode(body, CapitalDistributionResponse.init)
            }
        }
        #expect(throws: MessageError.malformed) { try decode(Wire.number(1, 0) + field, AnyResponse.init) }
    }

    /// A number may have more bytes than it needs, up to ten; a tag or a length up to five.
    @Test func numbersMayBeLongerThanTheyNeed() throws {
        let bodies: [[UInt8]] = [
            [0x88, 0x80, 0x80, 0x80, 0x00, 0x7f], [0x08, 0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            [0x08, 0xff, 0x00, 0x12, 0x80, 0x80, 0x80, 0x80, 0x00],
        ]
        for body in bodies {
            #expect(try decode(body, AnyResponse.init).retType == 127, "\(hex(body))")
            // And the same in the second reading.
            #expect(try decode(body + Self.group(15), AnyResponse.init).retType == 127, "\(hex(body))")
        }
        let minusOne = [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x7f] as [UInt8]
        #expect(try decode(minusOne + Self.group(15), AnyResponse.init).retType == -1)
        #expect(throws: MessageError.malformed) {
            try decode([0x08] + [UInt8](repeating: 0xff, count: 10) + [0x01] + Self.group(15), AnyResponse.init)
        }
    }

    /// Both readings give the same if protobuf-c accepts the body.
    @Test(arguments: Decoder.all) func bothReadingsAgree(_ decoder: Decoder) throws {
        let seed = printedSeed("bothReadingsAgree \(decoder.testDescription)")
        var random = SeededGenerator(seed: seed)
        let whole = try decoder.whole()
        var read = 0
        for round in 0..<400 {
            var body = whole
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            guard let plain = try? decoder.again(body) else { continue }
            read += 1
            // protobuf-c refuses it because of the group.
            #expect(try decoder.again(body + Self.group(1_000)) == plain, "seed \(seed), round \(round), \(hex(body))")
        }
        #expect(read > 20)
    }
}
