import Codec
import Testing

/// Bodies that are built field by field, so that one can be left out or changed.
enum Body {
    /// The six required figures, 1.5 to 6.5, without the field numbered `missing`.
    static func figures(missing: Int? = nil) -> [UInt8] {
        (1...6).filter { $0 != missing }.flatMap { Wire.double($0, Double($0) + 0.5) }
    }

    static func success(_ s2c: [UInt8]) -> [UInt8] { Wire.number(1, 0) + Wire.bytes(4, s2c) }

    static func request(_ c2s: [UInt8]) -> [UInt8] { Wire.bytes(1, c2s) }

    /// The values of `figures()`.
    static let plain = CapitalDistribution(
        inBig: 1.5, inMid: 2.5, inSmall: 3.5, outBig: 4.5, outMid: 5.5, outSmall: 6.5)
}

@Suite struct CapitalDistributionTests {
    private func content(_ body: [UInt8]) throws -> CapitalDistribution? {
        try decode(body, CapitalDistributionResponse.init).content
    }

    @Test func requiredFiguresAreEnough() throws {
        let response = try decode(Body.success(Body.figures()), CapitalDistributionResponse.init)
        #expect(response == CapitalDistributionResponse(head: AnyResponse(retType: 0), content: Body.plain))
    }

    @Test(arguments: 1...6) func everyRequiredFigureIsRequired(_ field: Int) {
        #expect(throws: MessageError.malformed) {
            try content(Body.success(Body.figures(missing: field)))
        }
    }

    @Test(arguments: 1...6) func aFigureOfAnotherTypeIsMalformed(_ field: Int) {
        for value in [Wire.number(field, 1), Wire.fixed32(field, 1), Wire.bytes(field, [1, 2, 3, 4, 5, 6, 7, 8])] {
            #expect(throws: MessageError.malformed) {
                try content(Body.success(Body.figures(missing: field) + value))
            }
        }
    }

    @Test func anAbsentOptionalIsNotZero() throws {
        let absent = try content(Body.success(Body.figures()))
        #expect(absent?.inSuper == nil)
        #expect(absent?.outSuper == nil)
        #expect(absent?.updateTime == nil)
        #expect(absent?.updateTimestamp == nil)
        let zero = try content(
            Body.success(
                Body.figures() + Wire.text(7, "") + Wire.double(8, 0) + Wire.double(9, 0) + Wire.double(10, -0.0)))
        #expect(zero?.inSuper == 0)
        #expect(zero?.outSuper?.sign == .minus)
        #expect(zero?.updateTime == "")
        #expect(zero?.updateTimestamp == 0)
        #expect(zero != absent)
    }

    @Test func optionalsComeOneByOne() throws {
        var expected = Body.plain
        expected.inSuper = 9.5
        #expect(try content(Body.success(Body.figures() + Wire.double(9, 9.5))) == expected)
        expected = Body.plain
        expected.outSuper = 10.5
        #expect(try content(Body.success(Body.figures() + Wire.double(10, 10.5))) == expected)
        expected = Body.plain
        expected.updateTime = "2022-06-08 10:44:21"
        #expect(try content(Body.success(Body.figures() + Wire.text(7, "2022-06-08 10:44:21"))) == expected)
        expected = Body.plain
        expected.updateTimestamp = 1_654_656_261
        #expect(try content(Body.success(Body.figures() + Wire.double(8, 1_654_656_261))) == expected)
    }

    @Test func theOrderOfFieldsDoesNotMatter() throws {
        let backwards = (1...6).reversed().flatMap { Wire.double($0, Double($0) + 0.5) }
        #expect(try content(Wire.bytes(4, backwards) + Wire.number(1, 0)) == Body.plain)
    }

    @Test func oddNumbersPassUnchanged() throws {
        for value in [
            Double.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e300, 0.1,
        ] {
            let decoded = try content(Body.success(Body.figures(missing: 1) + Wire.double(1, value)))
            #expect(decoded?.inBig.bitPattern == value.bitPattern)
        }
    }

    @Test func successWithoutContentIsNoAnswer() {
        #expect(throws: MessageError.noContent) { try content(Wire.number(1, 0)) }
        #expect(throws: MessageError.noContent) {
            try content(Wire.number(1, 0) + Wire.text(2, "ok") + Wire.number(3, 7))
        }
    }

    @Test func anEmptyBodyIsMalformed() {
        #expect(throws: MessageError.malformed) { try content([]) }
    }

    @Test func successWithEmptyContentIsMalformed() {
        #expect(throws: MessageError.malformed) { try content(Body.success([])) }
    }

    @Test func withoutRetTypeItIsMalformed() {
        #expect(throws: MessageError.malformed) { try content(Wire.text(2, "x") + Wire.bytes(4, Body.figures())) }
    }

    @Test func aRefusalKeepsItsWords() throws {
        let body = Wire.number(1, -1) + Wire.text(2, "未知股票") + Wire.number(3, -5)
        let response = try decode(body, CapitalDistributionResponse.init)
        #expect(response.head == AnyResponse(retType: -1, retMsg: "未知股票", errCode: -5))
        #expect(response.content == nil)
    }

    @Test(arguments: [-1, -100, -200, -400, -500, 1, Int64(Int32.max), Int64(Int32.min)])
    func retTypesOtherThanZeroNeedNoContent(_ retType: Int64) throws {
        let response = try decode(Wire.number(1, retType), CapitalDistributionResponse.init)
        #expect(response.head == AnyResponse(retType: Int32(retType), retMsg: nil, errCode: nil))
        #expect(response.content == nil)
    }

    @Test func theSecurityIsNeeded() throws {
        let security = Wire.number(1, 1) + Wire.text(2, "00700")
        let whole = try decode(Body.request(Wire.bytes(1, security)), CapitalDistributionRequest.init)
        #expect(whole == CapitalDistributionRequest(market: 1, code: "00700"))
        for body in [
            [], Body.request([]), Body.request(Wire.bytes(1, [])), Body.request(Wire.bytes(1, Wire.number(1, 1))),
            Body.request(Wire.bytes(1, Wire.text(2, "00700"))),
        ] {
            #expect(throws: MessageError.malformed, "\(hex(body))") {
                try decode(body, CapitalDistributionRequest.init)
            }
        }
    }

    @Test func aHeaderWithoutFirmIsNoFirm() throws {
        let security = Wire.bytes(1, Wire.number(1, 1) + Wire.text(2, "00700"))
        let without = Body.request(security + Wire.bytes(100, []))
        #expect(try decode(without, CapitalDistributionRequest.init).securityFirm == nil)
        let zero = Body.request(security + Wire.bytes(100, Wire.number(1, 0)))
        #expect(try decode(zero, CapitalDistributionRequest.init).securityFirm == 0)
    }

    @Test(arguments: ["", "0", "00700", String(repeating: "x", count: 59), String(repeating: "股", count: 5_000)])
    func anyRequestFitsIntoItsRoom(_ code: String) throws {
        for (market, firm) in [(Int32.min, Int32.min), (1, nil), (.max, .max), (91, 0)] as [(Int32, Int32?)] {
            let request = CapitalDistributionRequest(market: market, code: code, securityFirm: firm)
            let encoded = request.encoded()
            #expect(encoded.count <= CapitalDistributionRequest.maxEncodedSize(codeLength: code.utf8.count))
            #expect(try decode(encoded, CapitalDistributionRequest.init) == request)
        }
    }

    @Test func aBufferTooSmallIsNotWrittenTo() {
        let request = CapitalDistributionRequest(market: 1, code: "00700")
        let whole = request.encoded()
        let least = CapitalDistributionRequest.maxEncodedSize(codeLength: 5)
        for size in [0, 1, whole.count, least - 1, least] {
            var room = [UInt8](repeating: 0xee, count: least)
            let length = room.withUnsafeMutableBytes { room in
                CapitalDistributionRequest.encode(
                    market: 1, code: "00700", securityFirm: nil,
                    into: UnsafeMutableRawBufferPointer(rebasing: room[..<size]))
            }
            #expect(length == (size == least ? whole.count : 0))
            #expect(room[length...].allSatisfy { $0 == 0xee })
            #expect(size < least || Array(room[..<length]) == whole)
        }
    }

    @Test(arguments: [0, 1, 63, 127, 128, 16_383, 16_384, 3_000_000])
    func nothingOutgrowsItsBound(codeLength: Int) {
        // Negative numbers are the longest.
        let code = String(repeating: "x", count: codeLength)
        let longest = CapitalDistributionRequest(market: -1, code: code, securityFirm: -1)
        let length = longest.encoded().count
        #expect(length > codeLength && length <= CapitalDistributionRequest.maxEncodedSize(codeLength: codeLength))
    }
}

@Suite struct GatewayMessageTests {
    /// A handshake's answer with all required fields except the one numbered `missing`.
    private func handshake(missing: Int? = nil) -> [UInt8] {
        let fields: [(Int, [UInt8])] = [
            (1, Wire.number(1, 1011)), (2, Wire.number(2, 10_000_001)), (3, Wire.number(3, -1)),
            (4, Wire.text(4, "0123456789abcdef")), (5, Wire.number(5, 10)),
        ]
        return fields.filter { $0.0 != missing }.flatMap(\.1)
    }

    @Test func aHandshakeAnswerKeepsItsFields() throws {
        let response = try decode(Body.success(handshake()), InitConnectResponse.init)
        let content = InitConnectResponse.Content(
            serverVersion: 1011, loginUserID: 10_000_001, connID: .max, connAESKey: Array("0123456789abcdef".utf8),
            keepAliveInterval: 10)
        #expect(response == InitConnectResponse(head: AnyResponse(retType: 0), content: content))
    }

    @Test(arguments: 1...5) func everyRequiredFieldOfAHandshakeAnswerIsRequired(_ field: Int) {
        #expect(throws: MessageError.malformed) {
            try decode(Body.success(handshake(missing: field)), InitConnectResponse.init)
        }
    }

    @Test func aHandshakeAnswerWithoutContentHasNone() throws {
        let response = try decode(Wire.number(1, 0), InitConnectResponse.init)
        #expect(response.head.retType == 0)
        #expect(response.content == nil)
    }

    @Test func aHandshakeRequestNeedsVersionAndName() throws {
        let version = Wire.number(1, 101)
        let name = Wire.text(2, "capdist")
        let whole = try decode(Body.request(version + name), InitConnectRequest.init)
        #expect(whole == InitConnectRequest(clientVersion: 101, clientID: "capdist"))
        #expect(whole.recvNotify == nil)
        #expect(throws: MessageError.malformed) { try decode(Body.request(version), InitConnectRequest.init) }
        #expect(throws: MessageError.malformed) { try decode(Body.request(name), InitConnectRequest.init) }
        #expect(throws: MessageError.malformed) { try decode([], InitConnectRequest.init) }
    }

    @Test func falseAndZeroAreNotAbsent() throws {
        let required = Wire.number(1, 101) + Wire.text(2, "capdist")
        let body = Body.request(
            required + Wire.number(3, 0) + Wire.number(4, 0) + Wire.number(5, 0) + Wire.text(6, ""))
        let expected = InitConnectRequest(
            clientVersion: 101, clientID: "capdist", recvNotify: false, packetEncAlgo: 0, pushProtoFormat: 0,
            programmingLanguage: "")
        #expect(try decode(body, InitConnectRequest.init) == expected)
        #expect(expected.encoded() == body)
    }

    @Test func keepAliveCarriesAnyTime() throws {
        for time in [Int64.min, -1, 0, 1_654_656_261, .max] {
            #expect(try decode(KeepAlive.encodedRequest(time: time), KeepAlive.requestTime) == time)
            #expect(try decode(KeepAlive.encodedResponse(time: time), KeepAlive.responseTime) == time)
        }
    }

    @Test func keepAliveNeedsItsTime() {
        #expect(throws: MessageError.malformed) { try decode([], KeepAlive.requestTime) }
        #expect(throws: MessageError.malformed) { try decode(Body.request([]), KeepAlive.requestTime) }
        #expect(throws: MessageError.malformed) { try decode(Body.success([]), KeepAlive.responseTime) }
        #expect(throws: MessageError.noContent) { try decode(Wire.number(1, 0), KeepAlive.responseTime) }
        let refused = Wire.number(1, -1) + Wire.bytes(4, Wire.number(1, 7))
        #expect(throws: MessageError.noContent) { try decode(refused, KeepAlive.responseTime) }
    }

    @Test func globalStateKeepsItsFields() throws {
        for connID in [nil, 0, UInt64.max] {
            let content = GlobalState.Content(
                markets: (1, 2, 3, 4, 5), serverVersion: 1011, serverBuildNo: -7, time: 1_654_656_261, connID: connID)
            #expect(try decode(GlobalState.encodedResponse(content), GlobalState.response) == content)
        }
        #expect(try decode(GlobalState.encodedRequest(userID: .max), GlobalState.requestUserID) == .max)
        #expect(throws: MessageError.malformed) { try decode(Body.request([]), GlobalState.requestUserID) }
        #expect(throws: MessageError.noContent) { try decode(Wire.number(1, 0), GlobalState.response) }
        let refused = Wire.number(1, -1) + Wire.bytes(4, (1...10).flatMap { Wire.number($0, 1) })
        #expect(throws: MessageError.noContent) { try decode(refused, GlobalState.response) }
    }

    @Test func globalStateNeedsEachRequiredField() {
        for missing in 1...10 {
            let s2c = (1...10).filter { $0 != missing }.flatMap { Wire.number($0, 1) }
            #expect(throws: MessageError.malformed, "without field \(missing)") {
                try decode(Body.success(s2c), GlobalState.response)
            }
        }
    }

    @Test func notifyNeedsItsType() throws {
        #expect(try decode(Body.success(Wire.number(1, 5)), Notify.type) == 5)
        #expect(throws: MessageError.malformed) { try decode(Body.success([]), Notify.type) }
        #expect(throws: MessageError.malformed) { try decode(Wire.number(1, 0), Notify.type) }
    }

    @Test func anyResponseTellsAbsentFromZero() throws {
        #expect(try decode([], AnyResponse.init) == AnyResponse(retType: nil))
        let zero = Wire.number(1, 0) + Wire.text(2, "") + Wire.number(3, 0)
        #expect(try decode(zero, AnyResponse.init) == AnyResponse(retType: 0, retMsg: "", errCode: 0))
        #expect(AnyResponse(retType: 0, retMsg: "", errCode: 0).encoded() == zero)
        #expect(AnyResponse(retType: nil).encoded() == [])
    }

    @Test func textThatIsNoUTF8IsRepaired() throws {
        let body = Wire.number(1, -1) + Wire.bytes(2, [0x61, 0xff, 0xe6, 0x9c])
        let head = try decode(body, AnyResponse.init)
        #expect(head.retMsg?.hasPrefix("a\u{fffd}") == true)
    }

    @Test func oneArenaManyMessages() throws {
        let arena = MessageArena()
        let long = String(repeating: "长", count: 20_000)
        for round in 0..<200 {
            let text = round.isMultiple(of: 2) ? long : "short \(round)"
            let body = AnyResponse(retType: -1, retMsg: text).encoded()
            let head = try withExactBlock(body) { try AnyResponse($0, arena) }
            #expect(head == AnyResponse(retType: -1, retMsg: text))
        }
    }
}
