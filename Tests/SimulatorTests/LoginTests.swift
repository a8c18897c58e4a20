import Codec
import Glibc
import Testing

@testable import Simulator

/// OpenD listens before it is logged in.
@Suite(.timeLimit(.minutes(1))) struct LoginTests {
    @Test func initConnectIsAnsweredAtTheLogin() throws {
        let gateway = VirtualGateway(traces: true) { $0.loginAfter = 5 * second }
        gateway.connect(1)
        gateway.connect(2)
        gateway.receive(Requests.initConnect(1), from: 1)
        gateway.receive(Requests.globalState(1), from: 2)
        gateway.now = 5 * second - 1
        gateway.tick()
        #expect(gateway.sent.isEmpty && !gateway.isLoggedIn)
        #expect(gateway.nextTick == 5 * second)
        gateway.now = 5 * second
        gateway.tick()
        #expect(gateway.isLoggedIn)
        #expect(gateway.sent.map(\.client) == [1])
        let answers = try gateway.takeAnswers()
        #expect(answers.map(\.serialNo) == [1])
        _ = try answers[0].initConnect()
        #expect(try gateway.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
        // Other early requests are never answered. Later clients are answered at once.
        _ = try gateway.ask(Requests.initConnect(2), from: 2).initConnect()
        gateway.now += second
        gateway.tick()
        #expect(gateway.sent.isEmpty)
        let told = try gateway.trace().map { "\($0["event"] ?? "") \($0["client"] ?? "") \($0["proto_id"] ?? "")" }
        #expect(told.filter { $0.hasPrefix("waiting") } == ["waiting 1 1001", "waiting 2 1002"])
        #expect(told.filter { $0.hasPrefix("request") } == ["request 1 1001", "request 1 3212", "request 2 1001"])
    }

    /// Even before `tick` is called.
    @Test func whoHasWaitedIsAnsweredFirst() throws {
        let gateway = VirtualGateway { $0.loginAfter = second }
        for client in 1...2 { gateway.connect(client) }
        gateway.receive(Requests.initConnect(1), from: 1)
        gateway.now = 2 * second
        gateway.receive(Requests.initConnect(2), from: 1)
        gateway.receive(Requests.initConnect(3), from: 2)
        gateway.tick()
        #expect(try gateway.takeAnswers().map(\.serialNo) == [1, 2, 3])
    }

    @Test func aLoginMayNeverCome() throws {
        let gateway = VirtualGateway { $0.loginAfter = nil }
        gateway.connect(1)
        for at in 0..<10 {
            gateway.now = Instant(at) * 20 * second
            gateway.receive(Requests.initConnect(UInt32(at + 1)), from: 1)
            gateway.tick()
        }
        #expect(gateway.sent.isEmpty && !gateway.isLoggedIn)
        // It is dropped because it is silent, all the same.
        gateway.now += 30 * second
        gateway.tick()
        #expect(gateway.closed == [1])
    }

    @Test func initConnectIsRefusedWhileACodeIsWaitedFor() throws {
        let gateway = VirtualGateway { $0.refusesLoginFor = 3 * second }
        gateway.connect(1)
        for serial in UInt32(1)...2 {
            let head = try gateway.ask(Requests.initConnect(serial)).head()
            #expect(head == AnyResponse(retType: -1, retMsg: "需要手机验证码", errCode: 0))
        }
        #expect(try gateway.ask(Requests.figures(3)).head().retType == RetType.failed)
        gateway.now = 3 * second
        _ = try gateway.ask(Requests.initConnect(4)).initConnect()
    }

    @Test func refusedFirstAndSilentThen() throws {
        let gateway = VirtualGateway {
            $0.refusesLoginFor = 2 * second
            $0.loginAfter = 4 * second
        }
        gateway.connect(1)
        #expect(try gateway.ask(Requests.initConnect(1)).head().retType == RetType.failed)
        gateway.now = 2 * second
        gateway.receive(Requests.initConnect(2), from: 1)
        #expect(gateway.sent.isEmpty)
        gateway.now = 4 * second
        gateway.tick()
        #expect(try gateway.takeAnswers().map(\.serialNo) == [2])
    }

    @Test func encryptedOnesWaitToo() throws {
        let key = try RSAKey(file: root.appending(path: "Tests/vectors/rsa/512.pem").path(percentEncoded: false))
        let gateway = VirtualGateway {
            $0.loginAfter = second
            $0.rsaKey = key
        }
        gateway.connect(1)
        let message = InitConnectRequest(clientVersion: 1, clientID: "test", packetEncAlgo: 2).encoded()
        gateway.receive(Encryption.rsa(key).frame(ProtoID.initConnect, 1, message), from: 1)
        gateway.now = second
        gateway.tick()
        let bytes = gateway.sent.flatMap(\.bytes)
        let plain = try #require(bytes[FrameHeader.size...].withUnsafeBytes { Encryption.rsa(key).decrypt($0) })
        #expect(try decode(plain, InitConnectResponse.init).content != nil)
    }

    // MARK: - Over sockets

    @Test func theWebSocketPortOpensAfterTheLogin() throws {
        var configuration = GatewayConfiguration()
        configuration.loginAfter = 300_000_000
        let server = try SimulatorServer(configuration, websocketPort: 0)
        let port = try #require(server.websocketPort)
        #expect(TestClient.isHeard(port: server.port))
        #expect(!TestClient.isHeard(port: port))
        try server.start()
        defer {
            server.stop()
            server.join()
        }
        let client = try TestClient(port: server.port)
        try client.greet()
        // The login has succeeded.
        let deadline = monotonicSeconds() + Double(patience)
        while !TestClient.isHeard(port: port), monotonicSeconds() < deadline { usleep(2_000) }
        #expect(TestClient.isHeard(port: port))
    }

    @Test func silenceOverSockets() throws {
        var configuration = GatewayConfiguration()
        configuration.silenceLimit = 2 * second
        let server = try SimulatorServer(configuration, websocketPort: 0)
        try server.start()
        defer {
            server.stop()
            server.join()
        }
        let socket = try TestClient(port: #require(server.websocketPort))
        try socket.send(
            Array(
                ("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").utf8))
        #expect(String(decoding: try socket.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
        // A later TCP client is dropped because it is silent, and the WebSocket stays.
        let client = try TestClient(port: server.port)
        #expect(try client.answer() == nil)
        var queue = ByteQueue()
        [UInt8]().withUnsafeBytes { WebSocketFrame.append(.ping, $0, mask: WebSocketMask(key: 7), to: &queue) }
        try socket.send(Array(queue.pending))
        #expect(try socket.receive() == [0x8a, 0])
    }
}
