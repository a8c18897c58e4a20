import Testing

@testable import Codec

/// RFC 6455, section 4: the client's side of the upgrade.
@Suite struct UpgradeTests {
    /// The RFC's own example (1.3).
    private static let nonce = Array("the sample nonce".utf8)
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    private static func upgrade(_ host: String = "server.example", _ port: UInt16 = 33333) throws -> WebSocketUpgrade {
        try #require(WebSocketUpgrade(host: host, port: port, defaultPort: 80, nonce: nonce))
    }

    private static func answer(
        _ status: String = "101 Switching Protocols", upgrade: String = "websocket", connection: String = "Upgrade",
        accept: String? = accept, more: String = ""
    ) -> String {
        "HTTP/1.1 \(status)\r\nUpgrade: \(upgrade)\r\nConnection: \(connection)\r\n"
            + (accept.map { "Sec-WebSocket-Accept: \($0)\r\n" } ?? "") + more + "\r\n"
    }

    /// - Returns: the data after the upgrade.
    private static func take(_ text: String, piece: Int = .max) throws -> [UInt8]? {
        var upgrade = try upgrade()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(piece))
            if let count = try part.withUnsafeBytes({ try upgrade.received($0) }) {
                return Array(rest.dropFirst(count))
            }
            rest = rest.dropFirst(part.count)
        }
        return nil
    }

    private static func refusal(_ text: String, piece: Int = .max) -> WebSocketUpgrade.Failure? {
        do { _ = try take(text, piece: piece) } catch { return error as? WebSocketUpgrade.Failure }
        return nil
    }

    @Test("4.1: the request") func request() throws {
        let text = String(decoding: try Self.upgrade().request, as: UTF8.self)
        #expect(
            text == "GET / HTTP/1.1\r\nHost: server.example:33333\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    }

    @Test(
        "4.1: the host",
        arguments: [
            ("h", 80, "h"), ("127.0.0.1", 81, "127.0.0.1:81"), ("::1", 81, "[::1]:81"),
            ("fe80::1%eth0", 80, "[fe80::1]"),
        ] as [(String, UInt16, String)])
    func host(_ host: String, _ port: UInt16, _ expected: String) throws {
        let text = String(decoding: try Self.upgrade(host, port).request, as: UTF8.self)
        #expect(text.contains("\r\nHost: \(expected)\r\n"))
    }

    @Test("4.1: keys differ") func keys() {
        let requests = (0..<100).map { _ in WebSocketUpgrade(host: "h", port: 1, defaultPort: 80)?.request ?? [] }
        #expect(Set(requests).count == 100)
    }

    @Test("4.1: an answer, however it arrives, with what follows it", arguments: [1, 2, 3, 5, 50, Int.max])
    func accepted(_ piece: Int) throws {
        let rest = try Self.take(Self.answer() + "\u{1}\u{2}", piece: piece)
        #expect(rest == [1, 2])
        #expect(try Self.take(String(Self.answer().dropLast(1)), piece: piece) == nil)
    }

    @Test("4.1: words in any case, among others, in fields of any case") func otherWords() throws {
        let text = Self.answer(
            upgrade: "WebSocket", connection: "keep-alive, UPGRADE", more: "server:x\r\nX: \t y \r\n")
        #expect(try Self.take(text) == [])
        #expect(try Self.take(text.replacing("Sec-WebSocket-Accept", with: "SEC-WEBSOCKET-ACCEPT")) == [])
    }

    @Test("4.1: another status", arguments: [200, 301, 400, 401, 403, 404, 426, 500, 503])
    func statuses(_ status: Int) {
        let location = status == 301 ? "wss://there.example/" : nil
        let text = Self.answer("\(status) Words", more: location.map { "Location: \($0)\r\n" } ?? "")
        #expect(Self.refusal(text) == .status(status, location: location))
        #expect(Self.refusal(text, piece: 1) == .status(status, location: location))
    }

    @Test("RFC 9110, 15.2: interim answers come before it", arguments: [1, 3, 50, Int.max]) func interim(_ piece: Int)
        throws
    {
        let interim = [
            "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n",
            "HTTP/1.1 102\r\n\r\n", "HTTP/1.1 199 x\r\nUpgrade: h2c\r\nLocation: x\r\n\r\n",
        ]
        for text in interim + [interim.joined()] {
            #expect(try Self.take(text + Self.answer() + "\u{1}\u{2}", piece: piece) == [1, 2])
            #expect(try Self.take(text, piece: piece) == nil)
            #expect(Self.refusal(text + Self.answer("403 Forbidden"), piece: piece) == .status(403, location: nil))
            #expect(Self.refusal(text + "SSH-2.0-x", piece: piece) == .notHTTP)
        }
        for text in ["HTTP/1.1 100 Continue\r\nno field\r\n\r\n", "HTTP/1.1 10 x\r\n\r\n"] {
            guard case .malformed = Self.refusal(text + Self.answer(), piece: piece) else {
                Issue.record("\(text)")
                continue
            }
        }
    }

    @Test("10.4: interim answers are within the same cap") func interimCap() throws {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n"
        let most = (HTTPHead.longest - Self.answer().utf8.count) / interim.utf8.count
        for piece in [777, Int.max] {
            #expect(try Self.take(String(repeating: interim, count: most) + Self.answer(), piece: piece) == [])
            #expect(Self.refusal(String(repeating: interim, count: most + 1) + Self.answer(), piece: piece) == .tooLong)
            #expect(Self.refusal(String(repeating: interim, count: 10 * most), piece: piece) == .tooLong)
        }
    }

    @Test("4.1: a wrong accept key, none, or two")
    func accepts() {
        for accept in ["s3pPLMBiTxaQ9kYGzzhZRbK+xOp=", "", Self.accept.lowercased(), nil] {
            #expect(Self.refusal(Self.answer(accept: accept)) == .wrongAccept)
        }
        #expect(Self.refusal(Self.answer(more: "Sec-WebSocket-Accept: \(Self.accept)\r\n")) == .wrongAccept)
    }

    @Test("4.1: what makes it no upgrade") func malformed() {
        let wrong = [
            Self.answer(upgrade: "h2c"), Self.answer(connection: "close"), Self.answer("10 Short"),
            Self.answer("abc Words"),
            Self.answer(more: "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
            Self.answer(more: "Sec-WebSocket-Protocol: chat\r\n"), Self.answer(more: "no field\r\n"),
            Self.answer(more: " folded: x\r\n"), "HTTP/1.1\r\n\r\n",
        ]
        for text in wrong {
            guard case .malformed = Self.refusal(text) else {
                Issue.record("\(text): \(String(describing: Self.refusal(text)))")
                continue
            }
        }
    }

    @Test("10.4: the head is capped, and so is what never ends") func cap() {
        let line = "X: " + String(repeating: "x", count: 100) + "\r\n"
        #expect(Self.refusal(Self.answer(more: String(repeating: line, count: 200))) == .tooLong)
        #expect(Self.refusal("HTTP/1.1 101 " + String(repeating: "x", count: HTTPHead.longest), piece: 777) == .tooLong)
        #expect(Self.refusal(Self.answer(more: String(repeating: line, count: 100))) == nil)
    }

    @Test("another protocol is known by its first bytes") func others() {
        for piece in [1, Int.max] {
            #expect(Self.refusal("\u{15}\u{3}\u{3}\u{0}\u{2}", piece: piece) == .speaksTLS)
            #expect(Self.refusal("\u{16}\u{3}\u{1}", piece: piece) == .speaksTLS)
            #expect(Self.refusal("FT\u{1}", piece: piece) == .speaksTCP)
            #expect(Self.refusal("SSH-2.0-x", piece: piece) == .notHTTP)
            #expect(Self.refusal("HTTX", piece: piece) == .notHTTP)
        }
    }

    @Test("every beginning of an answer is no answer") func beginnings() throws {
        let text = Self.answer()
        for count in 0..<text.utf8.count {
            #expect(try Self.take(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == nil)
        }
    }
}

/// The bridge's messages and its handshake (docs/protocol.md, WebSocket).
@Suite struct SectionTests {
    @Test func requestIsBigEndian() {
        var bytes = [UInt8](repeating: 0xaa, count: 21)
        bytes.withUnsafeMutableBytes { SectionHeader(command: 3212, section: 0x0102_0304_0506_0708).write(to: $0) }
        #expect(
            bytes == Array("ft-v1.0".utf8) + [0, 0, 0, 0x0c, 0x8c, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa])
        let back = try? bytes.withUnsafeBytes { try SectionHeader(request: $0) }
        #expect(back == SectionHeader(command: 3212, section: 0x0102_0304_0506_0708))
    }

    @Test func replyHasErrorAndText() throws {
        let header = SectionHeader(command: 1, section: 2, error: -3, errorText: "twenty characters at most")
        let bytes = header.reply([9, 9])
        #expect(bytes.count == 46 && Array(bytes[20..<24]) == [0xff, 0xff, 0xff, 0xfd])
        let back = try bytes.withUnsafeBytes { try SectionHeader(reply: $0) }
        #expect(back.error == -3 && back.errorText == "twenty characters at")
    }

    @Test func whatIsNoSection() {
        let good = SectionHeader(command: 1, section: 2).reply([])
        func error(_ bytes: [UInt8]) -> SectionError? {
            do throws(SectionError) {
                _ = try bytes.withUnsafeBytes { (bytes) -> Result<SectionHeader, SectionError> in
                    Result { () throws(SectionError) in try SectionHeader(reply: bytes) }
                }.get()
                return nil
            } catch {
                return error
            }
        }
        #expect(error(good) == nil)
        for count in 0..<44 { #expect(error(Array(good.prefix(count))) == .tooShort(count)) }
        for place in 0..<8 {
            var bytes = good
            bytes[place] ^= 1
            #expect(error(bytes) == .badMagic)
        }
    }

    @Test func keyIsItsMD5() {
        let digest = "7522027ccf5a06b1".withCString { key in
            InitWebSocketRequest.digest(ofKey: UnsafeRawBufferPointer(start: key, count: 16))
        }
        // md5sum of the same text.
        #expect(String(decoding: digest, as: UTF8.self) == "d44c04dda570ab91146b0efb62d14536")
        #expect(InitWebSocketRequest.digest(ofKey: UnsafeRawBufferPointer(start: nil, count: 0)) == [])
    }

    @Test func initWebSocketBothWays() throws {
        let arena = MessageArena()
        let request = InitWebSocketRequest(websocketKey: Array("ab".utf8), clientID: "c", programmingLanguage: "Swift")
        #expect(try request.encoded().withUnsafeBytes { try InitWebSocketRequest($0, arena) } == request)
        for response in [
            InitWebSocketResponse(head: AnyResponse(retMsg: "", errCode: 0), serverTime: 5, connID: .max),
            InitWebSocketResponse(head: AnyResponse(retType: -1, retMsg: "no")),
        ] {
            #expect(try response.encoded().withUnsafeBytes { try InitWebSocketResponse($0, arena) } == response)
        }
    }
}
