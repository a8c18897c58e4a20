import Codec
import Testing

@testable import Simulator

/// InitConnect, GetGlobalState, KeepAlive, Notify and unknown protocols.
@Suite struct ProtocolTests {
    @Test func initConnectGivesAnIdentityOfItsOwn() throws {
        let gateway = VirtualGateway { $0.keepAliveInterval = 7 }
        var seen: Set<UInt64> = []
        var texts: Set<[UInt8]> = []
        for client in 1...100 {
            let content = try gateway.greet(client)
            #expect(content.serverVersion == 1011)
            #expect(content.loginUserID > 0)
            #expect(content.keepAliveInterval == 7)
            let iv = try #require(content.aesCBCIV)
            for text in [content.connAESKey, iv] {
                #expect(text.count == 16)
                #expect(text.allSatisfy { Array("0123456789ABCDEF".utf8).contains($0) })
            }
            seen.insert(content.connID)
            texts.formUnion([content.connAESKey, iv])
        }
        #expect(seen.count == 100)
        #expect(texts.count == 200)
        // Some clients read it as a signed number.
        #expect(seen.contains { $0 > UInt64(Int64.max) })
    }

    @Test func identitiesFollowFromTheSeed() throws {
        let first = try VirtualGateway { $0.seed = 42 }.greet()
        #expect(try VirtualGateway { $0.seed = 42 }.greet() == first)
        #expect(try VirtualGateway { $0.seed = 43 }.greet().connID != first.connID)
    }

    @Test func nothingElseIsAnsweredBeforeInitConnect() throws {
        let gateway = VirtualGateway()
        gateway.connect(1)
        for request in [Requests.figures(1), Requests.keepAlive(2), Requests.globalState(3)] {
            let head = try gateway.ask(request).head()
            #expect(head.retType == RetType.failed)
            #expect(head.retMsg?.contains("InitConnect") == true)
        }
        #expect(try gateway.ask(Requests.initConnect(4)).head().retType == RetType.succeed)
        #expect(try gateway.ask(Requests.figures(5)).figures() == FigureSet.cpp.figures)
    }

    @Test func whatCameTooEarlyCountsForNoQuota() throws {
        let gateway = VirtualGateway { $0.quota = (1, second) }
        gateway.connect(1)
        _ = try gateway.ask(Requests.figures(1))
        _ = try gateway.ask(Requests.initConnect(2))
        #expect(try gateway.ask(Requests.figures(3)).figures() == FigureSet.cpp.figures)
    }

    @Test func secondInitConnectIsANewBeginning() throws {
        let gateway = VirtualGateway { $0.pushInterval = second }
        let first = try gateway.greet(recvNotify: true)
        let again = try gateway.ask(Requests.initConnect(2, recvNotify: false)).initConnect()
        #expect(again.connID != first.connID)
        gateway.tick()
        gateway.now = second
        gateway.tick()
        #expect(try gateway.takeAnswers().isEmpty)
    }

    @Test func globalStateIsOfThisGatewayAndTime() throws {
        let gateway = VirtualGateway { $0.unixTimeAtZero = 1_654_656_261 * second }
        let greeting = try gateway.greet()
        gateway.now = 5 * second
        let state = try decode(try gateway.ask(Requests.globalState(9)).body, GlobalState.response)
        #expect(state.connID == greeting.connID)
        #expect(state.serverVersion == greeting.serverVersion)
        #expect(state.time == 1_654_656_266)
    }

    @Test func keepAliveTellsTheGatewaysTime() throws {
        let gateway = VirtualGateway { $0.unixTimeAtZero = 1_654_656_261 * second }
        try gateway.greet()
        gateway.now = second
        let answer = try gateway.ask(Requests.keepAlive(2, time: 1))
        #expect(
            try decode(answer.body, KeepAlive.responseTime)
                == decode(vector("KeepAlive.Response"), KeepAlive.responseTime))
    }

    @Test func answersOfTheVendorsFormAreByteForByteThose() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        #expect(
            try gateway.ask(Requests.figures(3)).body
                == vector("Qot_GetCapitalDistribution.Response (C++ sample of the seed)"))
    }

    @Test(arguments: [0, 1, 1000, 1003, 1005, 3001, 3211, 3213, UInt32.max])
    func unknownProtocolIsRefused(_ protoID: UInt32) throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        let head = try gateway.ask(Requests.frame(protoID, 2, [])).head()
        #expect(head.retType == RetType.failed)
        #expect(head.retMsg == "未知的协议ID" && head.errCode == 0)
        #expect(try gateway.ask(Requests.figures(3)).figures() == FigureSet.cpp.figures)
    }

    @Test func serialsComeInAnyOrder() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        let serials: [UInt32] = [70, 3, .max, 0, 3, 1, 2_147_483_648]
        for serial in serials { _ = try gateway.ask(Requests.figures(serial)) }
        gateway.receive(serials.flatMap { Requests.figures($0) }, from: 1)
        #expect(try gateway.takeAnswers().map(\.serialNo) == serials)
    }

    @Test func unknownFieldsAreSkipped() throws {
        // Field 3000: a varint, a text, a fixed number, as a newer version of the vendor's client might send them.
        let unknown: [UInt8] = [
            0xc0, 0xbb, 0x01, 0x2a, 0xc2, 0xbb, 0x01, 0x02, 0x68, 0x69, 0xc5, 0xbb, 0x01, 1, 2, 3, 4,
        ]
        let gateway = VirtualGateway()
        gateway.connect(1)
        // Inside c2s, whose tag and length are the first two bytes, and beside it.
        func extended(_ request: [UInt8]) throws -> [UInt8] {
            let answer = try #require(try answers(request).first)
            let c2s = answer.body.dropFirst(2) + unknown
            return Requests.frame(
                answer.protoID, answer.serialNo, [answer.body[0], UInt8(c2s.count)] + c2s + unknown)
        }
        _ = try gateway.ask(extended(Requests.initConnect(1))).initConnect()
        #expect(try gateway.ask(extended(Requests.figures(2))).figures() == FigureSet.cpp.figures)
        #expect(try gateway.ask(extended(Requests.keepAlive(3))).head().retType == RetType.succeed)
        #expect(try gateway.ask(extended(Requests.globalState(4))).head().retType == RetType.succeed)
    }

    @Test(arguments: [ProtoID.initConnect, ProtoID.getGlobalState, ProtoID.keepAlive, ProtoID.getCapitalDistribution])
    func bodyThatCanNotBeReadIsRefusedAsInvalid(_ protoID: UInt32) throws {
        let gateway = VirtualGateway { $0.quota = (1, second) }
        try gateway.greet()
        // Empty, without a required field, cut off, not protobuf.
        for body: [UInt8] in [[], [0x0a, 0x00], [0x0a, 0x7f, 0x09], [0xff, 0xff, 0xff]] {
            #expect(try gateway.ask(Requests.frame(protoID, 2, body)).head().retType == -500)
        }
        #expect(try gateway.ask(Requests.figures(3)).figures() == FigureSet.cpp.figures)
    }

    @Test func wrongDigestRefusesThatRequestAlone() throws {
        let gateway = VirtualGateway { $0.quota = (1, second) }
        try gateway.greet()
        var request = Requests.figures(2)
        request[16] ^= 1
        let head = try gateway.ask(request).head()
        #expect(head.retType == -500)
        #expect(head.retMsg?.contains("SHA-1") == true)
        #expect(try gateway.ask(Requests.figures(3)).figures() == FigureSet.cpp.figures)
    }

    @Test func latencyIsBetweenRequestAndAnswer() throws {
        let gateway = VirtualGateway { $0.latency = 250_000_000 }
        gateway.now = 7
        try gateway.greet()
        gateway.now = 10 * second
        gateway.receive(Requests.figures(2) + Requests.keepAlive(3), from: 1)
        #expect(gateway.sent.map(\.at) == [10 * second + 250_000_000, 10 * second + 250_000_000])
    }

    @Test func answersGoToWhoAsked() throws {
        let gateway = VirtualGateway()
        try gateway.greet(1)
        try gateway.greet(2)
        gateway.receive(Requests.figures(5), from: 2)
        gateway.receive(Requests.figures(5), from: 1)
        #expect(gateway.sent.map(\.client) == [2, 1])
    }

    /// As OpenD sends it: a success has an empty retMsg and an errCode of 0.
    @Test func successesHaveAnEmptyTextAndNoErrorCode() throws {
        let gateway = VirtualGateway()
        gateway.connect(1)
        let requests = [
            Requests.initConnect(1), Requests.globalState(2), Requests.keepAlive(3), Requests.figures(4),
        ]
        for request in requests {
            let answer = try gateway.ask(request)
            #expect(try answer.head() == AnyResponse(retType: 0, retMsg: "", errCode: 0), "\(answer.protoID)")
            // The exact bytes: 08 00, 12 00, 18 00, and the s2c.
            #expect(answer.body.starts(with: [0x08, 0x00, 0x12, 0x00, 0x18, 0x00, 0x22]), "\(answer.protoID)")
        }
    }

    // MARK: - Pushes

    @Test func pushesGoToThoseThatAskedForThem() throws {
        let gateway = VirtualGateway { $0.pushInterval = 5 * second }
        try gateway.greet(1, recvNotify: true)
        try gateway.greet(2, recvNotify: false)
        try gateway.greet(3)
        try gateway.greet(4, recvNotify: true)
        gateway.connect(5)
        gateway.tick()
        #expect(try gateway.takeAnswers().isEmpty)
        #expect(gateway.nextTick == 5 * second)
        for round in 1...3 {
            gateway.now = Instant(round) * 5 * second - 1
            gateway.tick()
            #expect(gateway.sent.isEmpty)
            gateway.now += 1
            gateway.tick()
            #expect(gateway.sent.map(\.client) == [1, 4])
            for answer in try gateway.takeAnswers() {
                #expect(answer.protoID == ProtoID.notify)
                #expect(try decode(answer.body, Notify.type) == Notify.connectStatusType)
            }
        }
    }

    /// As OpenD sends it: a push has a serial number of a separate counter, a retType and an s2c, and nothing else.
    @Test func pushesAreNumberedByThemselves() throws {
        let gateway = VirtualGateway { $0.pushInterval = second }
        try gateway.greet(1, recvNotify: true)
        gateway.tick()
        for round in 1...3 {
            gateway.now = Instant(round) * second
            if round == 3 { try gateway.greet(2, recvNotify: true) }
            _ = try gateway.ask(Requests.keepAlive(UInt32(100 + round)))
            gateway.tick()
            let pushes = try gateway.takeAnswers()
            #expect(pushes.map(\.serialNo) == (round == 3 ? [3, 1] : [UInt32(round)]))
            for push in pushes { #expect(try push.head() == AnyResponse(retType: 0)) }
        }
    }

    @Test func noPushUnlessToldTo() throws {
        let gateway = VirtualGateway()
        try gateway.greet(recvNotify: true)
        for at in 0..<30 {
            gateway.now = Instant(at) * second
            gateway.tick()
        }
        #expect(gateway.sent.isEmpty)
    }
}
