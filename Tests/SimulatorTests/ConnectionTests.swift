import Codec
import Testing

@testable import Simulator

/// Connections: their number, their duration, and invalid data on them.
@Suite struct ConnectionTests {
    // MARK: - Silence

    @Test func silentClientIsDroppedAfterThirtySeconds() throws {
        let gateway = VirtualGateway()
        try gateway.greet(1)
        gateway.now = 1
        try gateway.greet(2)
        #expect(gateway.nextTick == 30 * second)
        gateway.now = 30 * second - 1
        gateway.tick()
        #expect(gateway.closed.isEmpty)
        gateway.now = 30 * second
        gateway.tick()
        #expect(gateway.closed == [1])
        gateway.now = 30 * second + 1
        gateway.tick()
        #expect(gateway.closed == [1, 2])
        #expect(gateway.nextTick == nil)
        // Further data from it is ignored.
        gateway.receive(Requests.figures(5), from: 1)
        #expect(gateway.sent.count(where: { $0.client == 1 }) == 0)
    }

    @Test func anyWholeFrameIsASignOfLife() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        let requests = [Requests.keepAlive(2), Requests.figures(3), Requests.frame(4242, 4, [])]
        for (index, request) in requests.enumerated() {
            gateway.now = Instant(index + 1) * 29 * second
            gateway.tick()
            _ = try gateway.ask(request)
        }
        #expect(gateway.closed.isEmpty)
        gateway.now += 30 * second - 1
        gateway.tick()
        #expect(gateway.closed.isEmpty)
        gateway.now += 1
        gateway.tick()
        #expect(gateway.closed == [1])
    }

    @Test func halfAFrameIsNoSignOfLife() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        gateway.now = 20 * second
        gateway.receive(Requests.figures(2).dropLast(), from: 1)
        gateway.now = 30 * second
        gateway.tick()
        #expect(gateway.closed == [1])
    }

    /// The vendor's JavaScript SDK sends nothing by itself, and a browser cannot ping.
    @Test func silentWebSocketClientIsKept() {
        let gateway = VirtualGateway()
        for client in 1...3 { gateway.connect(client, isWebSocket: true) }
        // The first requests an upgrade only; the second does the handshake; the third does not use WebSocket.
        gateway.hear(1)
        gateway.hear(2)
        gateway.receive(
            ProtoID.initWebSocket, 1,
            InitWebSocketRequest(websocketKey: nil, clientID: "test", programmingLanguage: nil).encoded(), from: 2)
        for _ in 0..<3 {
            gateway.now += 30 * second
            gateway.tick()
            #expect(gateway.closed == [3])
            #expect(gateway.nextTick == nil)
        }
        gateway.receive(ProtoID.getGlobalState, 2, GlobalState.encodedRequest(userID: 0), from: 2)
        #expect(gateway.sent.map(\.client) == [2, 2])
    }

    @Test func clientThatSaysNothingAtAllIsDropped() {
        let gateway = VirtualGateway()
        gateway.connect(1)
        gateway.now = 30 * second
        gateway.tick()
        #expect(gateway.closed == [1])
    }

    // MARK: - Number

    @Test func the129thClientIsTurnedAway() throws {
        let gateway = VirtualGateway()
        for client in 1...128 { try gateway.greet(client) }
        #expect(gateway.closed.isEmpty)
        gateway.connect(129)
        #expect(gateway.closed == [129])
        gateway.receive(Requests.initConnect(1), from: 129)
        #expect(try gateway.takeAnswers().isEmpty)
        gateway.close(50)
        try gateway.greet(130)
        #expect(gateway.closed == [129])
    }

    // MARK: - Bytes

    @Test(
        arguments: [
            ([0x47], "its bytes do not begin with FT"),
            ([0x46, 0x55], "its bytes do not begin with FT"),
            (Array("GET / HTTP/1.1\r\n".utf8), "its bytes do not begin with FT"),
            (header(format: 1, length: 2), "a body in JSON"),
            (header(format: 7, length: 2), "unknown body format 7"),
            (header(format: 0, length: .max), "a body of 4294967295 bytes"),
            (header(format: 0, length: UInt32(Gateway.maxBodyLength) + 1), "a body of 4194305 bytes"),
        ] as [([UInt8], String)])
    func badFrameEndsTheConnection(_ bytes: [UInt8], _ why: String) throws {
        let gateway = VirtualGateway(traces: true)
        try gateway.greet(1)
        try gateway.greet(2)
        // Complete frames before it are still answered.
        gateway.receive(Requests.figures(2) + bytes + Requests.figures(3), from: 1)
        #expect(gateway.closed == [1])
        #expect(try gateway.takeAnswers().map(\.serialNo) == [2])
        let last = try #require(try gateway.trace().last)
        #expect(last["event"] as? String == "dropped")
        #expect(last["why"] as? String == why)
        #expect(try gateway.ask(Requests.figures(4), from: 2).figures() == FigureSet.cpp.figures)
    }

    @Test func longestBodyIsStillTaken() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        let body = [UInt8](repeating: 0xff, count: Gateway.maxBodyLength)
        #expect(try gateway.ask(Requests.frame(ProtoID.keepAlive, 2, body)).head().retType == -500)
    }

    private static func header(format: UInt8, length: UInt32) -> [UInt8] {
        let header = FrameHeader(
            protoID: ProtoID.keepAlive, format: format, serialNo: 9, bodyLength: length, sha1: SHA1Digest())
        var bytes = [UInt8](repeating: 0, count: FrameHeader.size)
        bytes.withUnsafeMutableBytes { header.write(to: $0) }
        return bytes
    }

    /// The bytes of a client's whole conversation.
    private static let conversation =
        Requests.initConnect(1) + Requests.keepAlive(2) + Requests.figures(3) + Requests.figures(4, .us, "AAPL")
        + Requests.frame(4242, 5, []) + Requests.figures(6, .hk, "99999") + Requests.globalState(7)

    private static func conversation(inPiecesOf sizes: () -> Int) -> VirtualGateway {
        let gateway = VirtualGateway()
        gateway.connect(1)
        var rest = conversation[...]
        while !rest.isEmpty {
            let size = min(max(sizes(), 1), rest.count)
            gateway.receive(rest.prefix(size), from: 1)
            rest = rest.dropFirst(size)
        }
        return gateway
    }

    @Test func anySplitOfTheBytesGivesTheSameAnswers() throws {
        let whole = Self.conversation { .max }.sent.map(\.bytes)
        #expect(whole.count == 7)
        for first in 1..<Self.conversation.count {
            var sizes = [first, .max].makeIterator()
            let split = Self.conversation { sizes.next() ?? .max }.sent.map(\.bytes)
            #expect(split == whole, "split after \(first) bytes")
        }
        #expect(Self.conversation { 1 }.sent.map(\.bytes) == whole)
        var random = SeededGenerator()
        for _ in 0..<500 {
            #expect(Self.conversation { Int.random(in: 1...60, using: &random) }.sent.map(\.bytes) == whole)
        }
    }

    @Test func randomBytesDoNoHarm() throws {
        var random = SeededGenerator()
        for round in 1...5_000 {
            let gateway = VirtualGateway()
            try gateway.greet()
            var bytes = random.bytes(Int.random(in: 0...300, using: &random))
            // Half of the time with the right first bytes, so that more of it is read.
            if round.isMultiple(of: 2) { bytes = Array("FT".utf8) + bytes }
            gateway.receive(bytes, from: 1)
            // A bad frame ends the connection. Anything shorter waits for more.
            #expect(try gateway.takeAnswers().isEmpty)
            #expect(gateway.closed == [1] || bytes.count < FrameHeader.size || bytes.starts(with: "FT".utf8))
        }
    }

    @Test func randomBodiesGetOneAnswerEach() throws {
        var random = SeededGenerator()
        let protocols = [
            ProtoID.initConnect, ProtoID.getGlobalState, ProtoID.notify, ProtoID.keepAlive,
            ProtoID.getCapitalDistribution,
        ]
        let bodies = try [Requests.initConnect(1), Requests.keepAlive(1), Requests.figures(1)].flatMap(answers).map(
            \.body)
        let gateway = VirtualGateway()
        try gateway.greet()
        for serial in UInt32(2)...5_000 {
            var body = random.bytes(Int.random(in: 0...80, using: &random))
            if !serial.isMultiple(of: 3) {
                // A valid body with a few bytes changed, perhaps cut.
                body = bodies[Int.random(in: 0..<bodies.count, using: &random)]
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                body = Array(body.prefix(Int.random(in: 0...body.count * 2, using: &random)))
            }
            let protoID = protocols[Int.random(in: 0..<protocols.count, using: &random)]
            // `ask` checks that there is one answer, and which.
            let head = try gateway.ask(Requests.frame(protoID, serial, body)).head()
            #expect([0, -1, -500].contains(head.retType))
        }
        #expect(gateway.closed.isEmpty)
    }

    @Test func damagedStreamsDoNoHarm() throws {
        var random = SeededGenerator()
        var (refusedDigest, ended) = (0, 0)
        for _ in 0..<5_000 {
            var bytes = Self.conversation
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            let gateway = VirtualGateway()
            gateway.connect(1)
            gateway.receive(bytes, from: 1)
            let answers = try gateway.takeAnswers()
            #expect(answers.count <= 7)
            ended += gateway.closed.count
            refusedDigest += try answers.count(where: { try $0.head().retMsg?.contains("SHA-1") == true })
        }
        // Both must have happened, or the damage was none.
        #expect(refusedDigest > 500)
        #expect(ended > 500)
    }
}
