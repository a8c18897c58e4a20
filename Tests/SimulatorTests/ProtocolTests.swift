import Codec
import Testing

@testable import Simulator

/// The gateway's side of PROTOCOL.md, in virtual time.
@Suite final class ProtocolTests {
    private let arena = MessageArena()

    @Test func initConnectGivesWhatAClientNeeds() throws {
        let bench = GatewayBench { $0.keepAliveInterval = 7 }
        var ids: Set<UInt64> = []
        for client in 1...3 {
            _ = bench.gateway.connected(client, bench.now)
            let hello = InitConnectRequest(clientVersion: 101, clientID: "c\(client)", packetEncAlgo: -1).encoded()
            let answer = try #require(bench.ask(client, ProtoID.initConnect, 5, hello).first)
            #expect(answer.0 == ProtoID.initConnect && answer.1 == 5)
            let response = try answer.2.withUnsafeBytes { try InitConnectResponse($0, arena) }
            let content = try #require(response.content)
            #expect(response.head.retType == 0 && content.keepAliveInterval == 7)
            #expect(content.connAESKey.utf8.count == 16 && content.aesCBCIV?.utf8.count == 16)
            ids.insert(content.connID)
        }
        #expect(ids.count == 3 && !ids.contains(0))
    }

    @Test func nothingIsAnsweredBeforeInitConnect() throws {
        let bench = GatewayBench()
        _ = bench.gateway.connected(1, bench.now)
        let refused = try bench.refusal(bench.ask(1, ProtoID.keepAlive, 1, KeepAlive.encodedRequest(time: 1)).first)
        #expect(refused.retType == -1)
    }

    @Test func keepAliveGlobalStateAndUnknownProtocols() throws {
        let bench = GatewayBench.greeted()
        let alive = try #require(bench.ask(1, ProtoID.keepAlive, 2, KeepAlive.encodedRequest(time: 77)).first)
        #expect(try alive.2.withUnsafeBytes { try KeepAlive.responseTime($0, arena) } == 77)
        let state = try #require(bench.ask(1, ProtoID.getGlobalState, 3, GlobalState.encodedRequest(userID: 0)).first)
        let content = try state.2.withUnsafeBytes { try GlobalState.response($0, arena) }
        #expect(content.time == bench.now / second && content.connID != nil)
        let unknown = try bench.refusal(bench.ask(1, 9999, 4, []).first)
        #expect(unknown.retType == -1 && unknown.retMsg?.isEmpty == false)
    }

    @Test func serialNumbersMayComeInAnyOrder() throws {
        let bench = GatewayBench.greeted()
        for serialNo: UInt32 in [900, 3, 3, .max, 0] {
            #expect(try bench.distribution(serialNo: serialNo).head.retType == 0)
        }
    }

    @Test func unknownFieldsAreAccepted() throws {
        let bench = GatewayBench.greeted()
        // Field 4000, a varint, behind the request's own.
        let request = CapitalDistributionRequest(market: 1, code: "00700").encoded() + [0x80, 0xfa, 0x01, 0x2a]
        let answer = try bench.refusal(bench.ask(1, ProtoID.getCapitalDistribution, 2, request).first)
        #expect(answer.retType == 0)
    }

    @Test func damagedBodiesFailTheirRequestOnly() throws {
        let bench = GatewayBench.greeted()
        var frame = bench.frame(ProtoID.getCapitalDistribution, 2, [1, 2, 3])
        frame[16] ^= 1
        #expect(try bench.refusal(bench.answers(bench.receive(1, frame)).first).retType == -500)
        #expect(try bench.refusal(bench.ask(1, ProtoID.getCapitalDistribution, 3, [0xff]).first).retType == -500)
        #expect(try bench.distribution().head.retType == 0)
    }

    @Test(
        arguments: [
            (0, 0x47), (1, 0x47), (6, 1), (6, 9), (15, 0xff),
        ] as [(Int, UInt8)])
    func bytesThatAreNoFrameEndTheConnection(_ offset: Int, _ value: UInt8) {
        let bench = GatewayBench.greeted()
        var frame = bench.frame(ProtoID.keepAlive, 2, KeepAlive.encodedRequest(time: 1))
        frame[offset] = value
        let outputs = bench.receive(1, frame)
        #expect(outputs.count == 1)
        guard case .close(1, _)? = outputs.first else { return }
        #expect(bench.receive(1, bench.frame(ProtoID.keepAlive, 3, [])).isEmpty)
        #expect(bench.trace.last?.contains("dropped") == true)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func anySplitOfTheBytesGivesTheSameAnswers(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let (whole, split) = (GatewayBench.greeted(), GatewayBench.greeted())
        var stream: [UInt8] = []
        for serialNo: UInt32 in 2..<12 {
            let code = String(10_000 + Int(serialNo))
            stream += whole.frame(
                ProtoID.getCapitalDistribution, serialNo, CapitalDistributionRequest(market: 1, code: code).encoded())
        }
        let expected = whole.answers(whole.receive(1, stream)).map(\.2)
        var got: [[UInt8]] = []
        while !stream.isEmpty {
            let count = Int.random(in: 1...min(90, stream.count), using: &random)
            got += split.answers(split.receive(1, Array(stream.prefix(count)))).map(\.2)
            stream.removeFirst(count)
        }
        #expect(got == expected && got.count == 10, "seed \(seed)")
    }

    @Test func garbageNeverCrashes() {
        var random = Seeded(state: 3212)
        for client in 1...4_000 {
            let bench = GatewayBench.greeted()
            let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            let protocols: [UInt32] = [1001, 1002, 1004, 3212, 7]
            let protoID = protocols[client % protocols.count]
            _ = bench.ask(1, protoID, 2, body)
            #expect(bench.receive(1, body).count <= 1)
        }
    }

    @Test func silentClientsAreDroppedAfterThirtySeconds() {
        let bench = GatewayBench.greeted()
        bench.now += 30 * second - 1
        #expect(bench.gateway.tick(bench.now).isEmpty)
        #expect(bench.gateway.nextTick == bench.now + 1)
        bench.now += 1
        #expect(bench.gateway.tick(bench.now).count == 1)
        #expect(bench.gateway.nextTick == nil)
    }

    @Test func pushesGoToThoseWhoAskedForThem() {
        let bench = GatewayBench { $0.pushInterval = 2 * second }
        bench.greet(1)
        bench.greet(2, pushes: true)
        _ = bench.gateway.tick(bench.now)
        bench.now += 2 * second
        let outputs = bench.gateway.tick(bench.now)
        #expect(outputs.count == 1)
        guard case .send(2, let frame, _)? = outputs.first else {
            Issue.record("no push to client 2")
            return
        }
        #expect(frame.protoID == ProtoID.notify)
    }

    @Test func theHundredAndTwentyNinthClientIsRefused() {
        let bench = GatewayBench()
        for client in 1...128 { #expect(bench.gateway.connected(client, bench.now).isEmpty) }
        #expect(bench.gateway.connected(129, bench.now).count == 1)
        bench.gateway.closed(5, bench.now)
        #expect(bench.gateway.connected(130, bench.now).isEmpty)
    }

    @Test func latencyDelaysAnswers() {
        let bench = GatewayBench { $0.latency = 5 }
        _ = bench.gateway.connected(1, bench.now)
        let hello = InitConnectRequest(clientVersion: 1, clientID: "x").encoded()
        let outputs = bench.receive(1, bench.frame(ProtoID.initConnect, 1, hello))
        guard case .send(1, _, let at)? = outputs.first else {
            Issue.record("no answer")
            return
        }
        #expect(at == bench.now + 5)
    }

    @Test func theTraceTellsWhatWasSeen() {
        let bench = GatewayBench.greeted()
        _ = bench.ask(
            1, ProtoID.getCapitalDistribution, 2, CapitalDistributionRequest(market: 1, code: "a\"\u{1}").encoded())
        #expect(bench.trace[0].contains("\"event\": \"connected\""))
        #expect(bench.trace[1].contains("\"client_id\": \"bench\""))
        #expect(bench.trace[2].contains("\"code\": \"a\\\"\\u0001\"") && bench.trace[2].contains("未知股票"))
    }
}

/// The same numbers at every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    }
}
