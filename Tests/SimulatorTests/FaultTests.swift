import Codec
import Testing

@testable import Simulator

/// A frame of some gateway, with its body decoded.
private struct Sample {
    var frame: Gateway.SentFrame
    var header: FrameHeader
    var body: [UInt8]

    /// The answer to a request.
    init(_ request: [UInt8]) throws {
        var gateway = Gateway(GatewayConfiguration())
        _ = gateway.connected(1, 0)
        _ = Requests.initConnect(1).withUnsafeBytes { gateway.received($0, from: 1, 0) }
        let outputs = request.withUnsafeBytes { gateway.received($0, from: 1, 0) }
        guard case .send(_, let frame, _)? = outputs.first else { throw MessageError.malformed }
        try self.init(frame)
    }

    init(_ frame: Gateway.SentFrame) throws {
        self.frame = frame
        header = try #require(try frame.bytes.withUnsafeBytes { try FrameHeader($0, maxBodyLength: .max) })
        body = Array(frame.bytes[FrameHeader.size...])
    }

    static func figures() throws -> Sample { try Sample(Requests.figures(7, .hk, "00005")) }
}

private let expected = CapitalDistribution.derived(market: 1, code: "00005")
private let seeds: Range<UInt64> = 0..<200

private func apply(_ fault: Fault, _ sample: Sample, _ argument: Int64? = nil, seed: UInt64 = 1) -> [WireStep] {
    var random = SeededGenerator(seed: seed)
    return fault.apply(argument, to: sample.frame, using: &random)
}

/// The bytes of the only frame that is sent at once.
private func bytes(_ steps: [WireStep]) throws -> [UInt8] {
    try #require(steps.count == 1)
    guard case .send(let bytes) = steps[0] else { throw MessageError.malformed }
    return bytes
}

/// The bytes that are sent before the connection is closed.
private func begun(_ steps: [WireStep]) throws -> [UInt8] {
    try #require(steps.count == 2 && steps[1] == .close)
    return try bytes([steps[0]])
}

/// The only answer that is sent: its frame is correct, its body may not be.
private func answer(_ fault: Fault, _ sample: Sample, _ argument: Int64? = nil, seed: UInt64 = 1) throws -> Answer {
    let all = try answers(try bytes(apply(fault, sample, argument, seed: seed)))
    try #require(all.count == 1)
    #expect(all[0].protoID == sample.frame.protoID && all[0].serialNo == sample.frame.serialNo)
    return all[0]
}

/// Each fault, byte by byte.
@Suite struct FaultTests {
    // MARK: - How the bytes go out

    @Test func closesInHeaderAndInBody() throws {
        let sample = try Sample.figures()
        var (headers, bodies): (Set<Int>, Set<Int>) = ([], [])
        for seed in seeds {
            let header = try begun(apply(.closeInHeader, sample, seed: seed))
            let body = try begun(apply(.closeInBody, sample, seed: seed))
            #expect((1..<44).contains(header.count) && sample.frame.bytes.starts(with: header))
            #expect((44..<sample.frame.bytes.count).contains(body.count) && sample.frame.bytes.starts(with: body))
            headers.insert(header.count)
            bodies.insert(body.count)
        }
        #expect(headers.count > 20 && bodies.count > 50)
    }

    @Test func pieces() throws {
        let sample = try Sample.figures()
        func pieces(_ steps: [WireStep]) throws -> [[UInt8]] {
            try steps.map { step in
                guard case .send(let piece) = step else { throw MessageError.malformed }
                return piece
            }
        }
        #expect(try pieces(apply(.bytewise, sample)) == sample.frame.bytes.map { [$0] })
        var sizes: Set<Int> = []
        for seed in seeds {
            let ragged = try pieces(apply(.ragged, sample, seed: seed))
            #expect(ragged.flatMap { $0 } == sample.frame.bytes)
            #expect(ragged.allSatisfy { (1...50).contains($0.count) })
            sizes.formUnion(ragged.map(\.count))
        }
        #expect(sizes.count > 40)
    }

    @Test func wholeFramesOnOtherWays() throws {
        let sample = try Sample.figures()
        let bytes = sample.frame.bytes
        #expect(apply(.reset, sample) == [.reset])
        #expect(apply(.glued, sample) == [.hold(bytes, .glued)])
        #expect(apply(.reorder, sample) == [.hold(bytes, .after)])
        #expect(apply(.duplicate, sample) == [.send(bytes), .send(bytes)])
        #expect(apply(.never, sample).isEmpty)
        #expect(apply(.noKeepAlive, sample).isEmpty)
        #expect(apply(.late, sample) == [.sendLater(bytes, 2 * second)])
        #expect(apply(.late, sample, 500) == [.sendLater(bytes, second / 2)])
        var delays: Set<Instant> = []
        for seed in seeds {
            let steps = apply(.delay, sample, 50, seed: seed)
            guard case .sendLater(bytes, let delay)? = steps.first, steps.count == 1 else {
                throw MessageError.malformed
            }
            #expect((0...50_000_000).contains(delay))
            delays.insert(delay)
        }
        #expect(delays.count > 20)
    }

    @Test(arguments: [Fault.acceptClose, .acceptSilent, .dropAfter, .stopReading, .restart])
    func thoseOfConnectionsLeaveFramesAlone(_ fault: Fault) throws {
        let sample = try Sample.figures()
        #expect(apply(fault, sample) == [.send(sample.frame.bytes)])
        #expect(fault.scope != .frame)
    }

    // MARK: - The header

    @Test func anotherSerialOrProtocol() throws {
        let sample = try Sample.figures()
        let serial = try answers(try bytes(apply(.unknownSerial, sample)))
        #expect(serial == [Answer(protoID: 3212, serialNo: 0x8000_0007, body: sample.body)])
        let proto = try answers(try bytes(apply(.otherProto, sample)))
        #expect(proto == [Answer(protoID: 1002, serialNo: 7, body: sample.body)])
        let state = try Sample(Requests.globalState(9))
        #expect(try answers(try bytes(apply(.otherProto, state))).first?.protoID == 1004)
    }

    @Test(arguments: [(Fault.badMagic, 0..<2), (.badSHA1, 16..<36), (.flippedBit, 44..<200)])
    func oneBitIsWrong(_ fault: Fault, _ places: Range<Int>) throws {
        let sample = try Sample.figures()
        var seen: Set<Int> = []
        for seed in seeds {
            let changed = try bytes(apply(fault, sample, seed: seed))
            try #require(changed.count == sample.frame.bytes.count)
            let differences = zip(changed, sample.frame.bytes).map(^).enumerated().filter { $0.element != 0 }
            try #require(differences.count == 1 && differences[0].element.nonzeroBitCount == 1)
            #expect(places.contains(differences[0].offset))
            seen.insert(differences[0].offset)
        }
        #expect(seen.count >= min(places.count, 15))
    }

    @Test(
        arguments: [
            (Fault.hugeLength, nil, 12..<16, [0xff, 0xff, 0xff, 0xff]),
            (.hugeLength, 5_000_000, 12..<16, [64, 75, 76, 0]),
            (.unknownFormat, nil, 6..<7, [2]),
        ] as [(Fault, Int64?, Range<Int>, [UInt8])])
    func headerFieldIsWrong(_ fault: Fault, _ argument: Int64?, _ place: Range<Int>, _ value: [UInt8]) throws {
        let sample = try Sample.figures()
        var right = sample.frame.bytes
        right.replaceSubrange(place, with: value)
        #expect(try bytes(apply(fault, sample, argument)) == right)
    }

    @Test func shortLengthIsHalf() throws {
        let sample = try Sample.figures()
        let changed = try bytes(apply(.shortLength, sample))
        let header = try #require(try changed.withUnsafeBytes { try FrameHeader($0, maxBodyLength: .max) })
        #expect(Int(header.bodyLength) == sample.body.count / 2)
        #expect(changed[44...].elementsEqual(sample.body) && header.sha1 == sample.header.sha1)
    }

    @Test func jsonIsJSON() throws {
        var changed = try bytes(apply(.jsonFormat, try Sample.figures()))
        #expect(changed[6] == 1)
        changed[6] = 0
        #expect(
            String(decoding: try answers(changed)[0].body, as: UTF8.self) == #"{"retType":-1,"retMsg":"on demand"}"#)
    }

    // MARK: - The body

    @Test func bodiesOfChance() throws {
        let sample = try Sample.figures()
        #expect(try answer(.emptyBody, sample).body.isEmpty)
        var (cuts, lengths, wholes): (Set<Int>, Set<Int>, Set<[UInt8]>) = ([], [], [])
        for seed in seeds {
            let cut = try answer(.truncated, sample, seed: seed).body
            #expect(cut.count < sample.body.count && sample.body.starts(with: cut))
            cuts.insert(cut.count)
            lengths.insert(try answer(.randomBody, sample, seed: seed).body.count)
            let random = try bytes(apply(.randomBytes, sample, seed: seed))
            #expect(random.count == sample.frame.bytes.count)
            wholes.insert(random)
        }
        #expect(cuts.count > 50 && lengths.count > 100 && lengths.allSatisfy { (1...200).contains($0) })
        #expect(wholes.count == seeds.count)
    }

    @Test func whatIsMissingOrOfAnotherTypeIsNoAnswer() throws {
        let sample = try Sample.figures()
        var bodies: Set<[UInt8]> = []
        for seed in seeds {
            let body = try answer(.missingField, sample, seed: seed).body
            #expect(throws: MessageError.self) { try decode(body, CapitalDistributionResponse.init) }
            bodies.insert(body)
        }
        // The retType, and each of the six amounts.
        #expect(bodies.count == 7)
        let wrong = try answer(.wrongTypes, sample)
        #expect(throws: MessageError.self) { try decode(wrong.body, CapitalDistributionResponse.init) }
        #expect(try wrong.head().retType == 0)
        // A refusal has no content: its retType is changed.
        let refusal = try Sample(Requests.figures(3, .hk, "99999"))
        #expect(try answer(.wrongTypes, refusal).head().retType == nil)
        #expect(try answer(.missingField, refusal).head().retType == nil)
    }

    @Test(arguments: [Fault.repeatedFields, .unknownFields])
    func whatIsOnlyStrangeCarriesTheRightFigures(_ fault: Fault) throws {
        let sample = try Sample.figures()
        for seed in seeds {
            let strange = try answer(fault, sample, seed: seed)
            #expect(strange.body.count > sample.body.count + 50)
            #expect(try strange.figures() == expected)
            #expect(try strange.head() == sample.answer.head())
        }
        let greeting = try Sample(Requests.initConnect(3))
        #expect(try answer(fault, greeting).initConnect() == greeting.answer.initConnect())
    }

    @Test func repeatedFieldsBeginWithWrongOnes() throws {
        let fields = try #require(ProtobufFields(try answer(.repeatedFields, try Sample.figures()).body))
        #expect(fields.fields.map(\.number) == [1, 1, 2, 2, 3, 3, 4, 4])
        #expect(fields[1] == .varint(1))
        let content = try #require(fields.message(4))
        #expect(content.fields.count == 20)
        #expect(content[1] != .fixed64(expected.inBig.bitPattern))
    }

    @Test(arguments: [
        (Fault.nan, [Double.nan, .nan]), (.infinity, [.infinity, -.infinity]),
        (.denormal, [.leastNonzeroMagnitude, .leastNonzeroMagnitude]),
    ])
    func amountsAreStrange(_ fault: Fault, _ values: [Double]) throws {
        let figures = try answer(fault, try Sample.figures()).figures()
        let amounts = [
            figures.inBig, figures.inMid, figures.inSmall, figures.outBig, figures.outMid, figures.outSmall,
            try #require(figures.inSuper), try #require(figures.outSuper),
        ]
        for (number, amount) in zip([1, 2, 3, 4, 5, 6, 9, 10], amounts) {
            #expect(amount.bitPattern == values[number % 2].bitPattern)
        }
        #expect(figures.updateTimestamp == expected.updateTimestamp && figures.updateTime == expected.updateTime)
    }

    @Test(arguments: [
        (Fault.badUTF8, [0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf5]), (.embeddedNUL, Array("be\u{0}fore".utf8)),
    ])
    func textsAreStrange(_ fault: Fault, _ text: [UInt8]) throws {
        let fields = try #require(ProtobufFields(try answer(fault, try Sample.figures()).body))
        #expect(fields[2] == .bytes(text))
        #expect(fields.message(4)?[7] == .bytes(text))
        #expect(fields.message(4)?[1] == .fixed64(expected.inBig.bitPattern))
    }

    @Test func longTextIsAsLongAsAsked() throws {
        let sample = try Sample.figures()
        #expect(try answer(.longText, sample, 3).head().retMsg == "xxx")
        // The frame reader of these tests takes a mebibyte at most.
        let long = try bytes(apply(.longText, sample))
        let fields = try #require(ProtobufFields(long[44...]))
        #expect(fields[2] == .bytes([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)))
        #expect(try decode(Array(long[44...]), CapitalDistributionResponse.init).content == expected)
    }

    @Test(arguments: [0, -1, -100, -200, -400, -500, 1, 2_147_483_647, -2_147_483_648] as [Int64])
    func retTypes(_ value: Int64) throws {
        let sample = try Sample.figures()
        let head = AnyResponse(retType: Int32(value), retMsg: "出错了 (on demand)", errCode: 0)
        #expect(try answer(.retType, sample, value).body == head.encoded())
        #expect(try answer(.retTypeBare, sample, value).body == AnyResponse(retType: Int32(value)).encoded())
    }

    @Test(arguments: [0, 1, 30, 1_000_000_000] as [Int64])
    func refusedForFrequency(_ seconds: Int64) throws {
        let head = AnyResponse(retType: -1, retMsg: "获取资金分布频率太高，请求失败，每\(seconds)秒最多30次。", errCode: 0)
        #expect(try answer(.tooFrequent, Sample.figures(), seconds).body == head.encoded())
    }

    @Test func noContent() throws {
        let sample = try Sample.figures()
        #expect(try answer(.noContent, sample).body == AnyResponse(retType: 0, retMsg: "", errCode: 0).encoded())
        #expect(try answer(.retType, sample).head().retType == -1)
    }

    @Test func pushes() throws {
        let sample = try Sample.figures()
        let around = try answers(try bytes(apply(.push, sample)))
        #expect(around.map(\.protoID) == [1003, 3212, 1003] && around.map(\.serialNo) == [1, 7, 2])
        // Their serial numbers come from the counter of the gateway's own pushes.
        #expect(sample.frame.pushNumbers?.next() == 3)
        let before = try answers(try bytes(apply(.pushSameSerial, sample)))
        #expect(before.map(\.protoID) == [1003, 3212] && before.map(\.serialNo) == [7, 7])
        for push in [around[0], around[2], before[0]] { #expect(try decode(push.body, Notify.type) == 3) }
        #expect(around[1] == sample.answer && before[1] == sample.answer)
    }

    // MARK: - InitConnect

    @Test func greetings() throws {
        let sample = try Sample(Requests.initConnect(1))
        #expect(
            try answer(.initRefused, sample).head() == AnyResponse(retType: -1, retMsg: "拒绝连接 (on demand)", errCode: 0))
        #expect(
            try decode(try answer(.initNoContent, sample).body, InitConnectResponse.init)
                == InitConnectResponse(head: AnyResponse(retMsg: "", errCode: 0), content: nil))
        var content = try sample.answer.initConnect()
        content.connAESKey = Array(repeating: UInt8(ascii: "k"), count: 15)
        #expect(try answer(.keyLength, sample).initConnect() == content)
        content.connAESKey = []
        #expect(try answer(.keyLength, sample, 0).initConnect() == content)
        content = try sample.answer.initConnect()
        for interval in [0, -1, Int32.min, Int32.max] {
            content.keepAliveInterval = interval
            #expect(try answer(.keepAlive, sample, Int64(interval)).initConnect() == content)
        }
    }

    // MARK: - All of them

    @Test(arguments: Fault.allCases)
    func eachRepeatsWithItsSeedAndTakesAnyFrame(_ fault: Fault) throws {
        #expect(fault.rawValue.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "-" || $0.isNumber) })
        #expect(!fault.text.isEmpty)
        if let argument = fault.argument { #expect(argument.range.contains(argument.initial)) }
        let requests = [
            Requests.figures(5), Requests.figures(5, .hk, "99999"), Requests.keepAlive(5), Requests.globalState(5),
            Requests.initConnect(5),
        ]
        for request in requests {
            var sample = try Sample(request)
            // A counter, not random.
            sample.frame.pushNumbers = nil
            for argument in [nil, fault.argument?.range.lowerBound] {
                #expect(apply(fault, sample, argument, seed: 3) == apply(fault, sample, argument, seed: 3))
            }
        }
        // An invalid body does not trap either.
        for body in [[], [1], [UInt8](repeating: 0, count: 44)] {
            var random = SeededGenerator(seed: 1)
            let frame = Gateway.SentFrame(protoID: 3212, serialNo: 1, body: body)
            #expect(fault.apply(to: frame, using: &random).count <= 88)
        }
    }
}

extension Sample {
    fileprivate var answer: Answer { Answer(protoID: frame.protoID, serialNo: frame.serialNo, body: body) }
}
