import Codec
import Foundation
import Testing

@testable import Simulator

/// Recordings, and answers from them.
@Suite struct RecordingTests {
    private static func key() throws -> RSAKey {
        try RSAKey(file: root.appending(path: "Tests/vectors/rsa/1024.pem").path(percentEncoded: false))
    }

    private func object(_ frame: RecordedFrame) throws -> [String: Any] {
        #expect(frame.line.last == "\n" && frame.line.count(where: \.isNewline) == 1)
        return try #require(try JSONSerialization.jsonObject(with: Data(frame.line.utf8)) as? [String: Any])
    }

    private func replay(_ frames: [RecordedFrame]) -> Recording {
        Recording(
            frames.map {
                .init(
                    client: Int64($0.client), isRequest: $0.isRequest, protoID: $0.protoID, serialNo: $0.serialNo,
                    isPush: $0.isPush, body: $0.body)
            })
    }

    // MARK: - What is recorded

    @Test func everyFrameIsALine() throws {
        let gateway = VirtualGateway {
            $0.unixTimeAtZero = 1_654_656_261 * second
            $0.pushInterval = second
        }
        try gateway.greet(3, recvNotify: true)
        gateway.tick()
        gateway.now = second
        _ = try gateway.ask(Requests.figures(5, .us, "BRK.B"), from: 3)
        _ = try gateway.ask(Requests.frame(3004, 6, [1, 2, 0xff]), from: 3)
        gateway.tick()
        let lines = try gateway.recorded.map(object)
        #expect(lines.map { $0["direction"] as? String } == ["c2s", "s2c", "c2s", "s2c", "c2s", "s2c", "s2c"])
        #expect(lines.map { $0["proto_id"] as? Int } == [1001, 1001, 3212, 3212, 3004, 3004, 1003])
        #expect(lines.map { $0["serial_no"] as? Int } == [1, 1, 5, 5, 6, 6, 1])
        #expect(lines.map { $0["is_push"] as? Bool } == [false, false, false, false, false, false, true])
        #expect(lines.allSatisfy { $0["client"] as? Int == 3 && $0["transport"] as? String == "tcp" })
        #expect(lines.allSatisfy { $0["encryption"] as? String == "none" && $0["undecryptable"] == nil })
        #expect(lines.allSatisfy { $0["body_format"] as? Int == 0 && $0["proto_version"] as? Int == 0 })
        #expect(lines[0]["time_ms"] as? Int == 1_654_656_261_000)
        #expect(lines[2]["time_ms"] as? Int == 1_654_656_262_000)
        for (frame, line) in zip(gateway.recorded, lines) {
            #expect(line["body"] as? String == JSONObject.hex(frame.body))
            #expect(line["body_length"] as? Int == frame.body.count)
            let digest = try #require(frame.body.withUnsafeBytes { SHA1Digest(of: $0) })
            #expect(line["sha1"] as? String == withUnsafeBytes(of: digest) { JSONObject.hex($0) })
        }
        let asked = try #require(lines[2]["decoded"] as? [String: [String: [String: Any]]])
        #expect(asked["c2s"]?["security"]?["market"] as? Int == 11)
        #expect(asked["c2s"]?["security"]?["code"] as? String == "BRK.B")
        let answered = try #require(lines[3]["decoded"] as? [String: Any])
        #expect(answered["retType"] as? Int == 0 && answered["retMsg"] as? String == "")
        let figures = try #require(answered["s2c"] as? [String: Any])
        let expected = CapitalDistribution.derived(market: 11, code: "BRK.B")
        #expect(figures["capitalInBig"] as? Double == expected.inBig)
        #expect(figures["updateTime"] as? String == expected.updateTime)
        let message = try #require((lines[1]["decoded"] as? [String: Any])?["s2c"] as? [String: Any])
        #expect(message["connID"] as? String == "\(try gateway.recorded[1].answer().initConnect().connID)")
        #expect(lines[4]["decoded"] == nil && lines[5]["decoded"] == nil)
        #expect((lines[6]["decoded"] as? [String: Any])?["retMsg"] == nil)
    }

    @Test func numbersThatJSONHasNotAreTexts() throws {
        let body = CapitalDistributionResponse(
            head: AnyResponse(),
            content: .init(
                inSuper: .nan, inBig: .infinity, inMid: -.infinity, inSmall: 1, outSuper: nil, outBig: -0.0,
                outMid: 1e300,
                outSmall: 0.1, updateTime: "\"\n腾讯", updateTimestamp: nil)
        ).encoded()
        let text = try #require(DecodedMessage.json(3212, isRequest: false, body))
        let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        let content = try #require(parsed?["s2c"] as? [String: Any])
        #expect(content["capitalInSuper"] as? String == "NaN" && content["capitalInBig"] as? String == "Infinity")
        #expect(content["capitalInMid"] as? String == "-Infinity" && content["capitalOutMid"] as? Double == 1e300)
        #expect(content["updateTime"] as? String == "\"\n腾讯" && content["capitalOutSuper"] == nil)
        #expect(DecodedMessage.json(3212, isRequest: false, [0xff]) == nil)
        #expect(DecodedMessage.json(3212, isRequest: true, []) == nil)
        #expect(DecodedMessage.json(4242, isRequest: true, [8, 0]) == nil)
    }

    @Test func whatIsWrongIsRecordedAsItCame() throws {
        let key = try Self.key()
        let gateway = VirtualGateway { $0.rsaKey = key }
        gateway.connect(1)
        var request = Requests.initConnect(1)
        gateway.receive(request, from: 1)
        let line = try object(try #require(gateway.recorded.first))
        #expect(line["undecryptable"] as? Bool == true && line["decoded"] == nil)
        #expect(line["body"] as? String == JSONObject.hex(request.dropFirst(FrameHeader.size)))
        let plain = VirtualGateway()
        plain.connect(1)
        request[16] ^= 1
        plain.receive(request, from: 1)
        #expect(try object(plain.recorded[0])["sha1"] as? String == JSONObject.hex(request[16..<36]))
    }

    // MARK: - Sessions that are replayed

    /// The requests of a session, and their answers.
    private func session(_ gateway: VirtualGateway, _ client: Int = 1) throws -> [Answer] {
        try gateway.greet(client)
        let requests = [
            Requests.figures(2), Requests.figures(3, .us, "AAPL"), Requests.figures(4, .hk, "99999"),
            Requests.globalState(5), Requests.keepAlive(6), Requests.figures(7), Requests.frame(3004, 8, [8, 1]),
        ]
        return try requests.map { try gateway.ask($0, from: client) }
    }

    @Test func aSessionGetsTheSameAnswers() throws {
        let first = VirtualGateway { $0.quota = (3, 30 * second) }
        let message = try first.greet(9)
        let expected = try session(first)
        // The second request for HK.00700 was over the quota.
        #expect(try expected[0].head().retType == 0 && expected[5].head().retType == -1)
        let again = VirtualGateway {
            $0.recording = replay(first.recorded)
            $0.quota = nil
            $0.seed = 99
            $0.words = Words(.en)
        }
        #expect(try again.greet(9) == message)
        #expect(try session(again) == expected)
        // From then on the last recorded answer is repeated.
        #expect(try again.ask(Requests.figures(20)).body == expected[5].body)
        #expect(again.notRecorded.isEmpty)
    }

    @Test func whatIsNotRecordedIsToldAndRefused() throws {
        let first = VirtualGateway()
        _ = try session(first)
        let again = VirtualGateway(traces: true) {
            $0.recording = replay(first.recorded)
            $0.words = Words(.en)
        }
        try again.greet()
        let body = CapitalDistributionRequest(market: 1, code: "00005").encoded()
        let what = "3212, HK.00005, body \(JSONObject.hex(body))"
        let head = try again.ask(Requests.figures(2, .hk, "00005")).head()
        let text = "The recording has no answer to this request: \(what)"
        #expect(head == AnyResponse(retType: -1, retMsg: text, errCode: 0))
        #expect(try again.trace().last?["refused"] as? String == text)
        #expect(try again.ask(Requests.frame(3004, 3, [8, 2])).head().retMsg?.hasSuffix("3004, body 0802") == true)
        #expect(again.notRecorded == [what, "3004, body 0802"])
        // Keep-alives have different times, and are answered with the time.
        #expect(try again.ask(Requests.keepAlive(4, time: 77)).head().retType == 0)
    }

    @Test func anyClientMayGreet() throws {
        let first = VirtualGateway()
        let message = try first.greet()
        let again = VirtualGateway {
            $0.recording = replay(first.recorded)
            $0.seed = 5
        }
        again.connect(1)
        let other = InitConnectRequest(clientVersion: 300, clientID: "PyNormal").encoded()
        #expect(try again.ask(Requests.frame(ProtoID.initConnect, 1, other)).initConnect() == message)
        // Without a recorded handshake, the gateway answers it itself.
        let bare = VirtualGateway { $0.recording = replay(first.recorded.filter { $0.protoID != 1001 }) }
        _ = try bare.greet()
    }

    @Test func recordedPushesGoOutInTurn() throws {
        let pushes: [(UInt32, [UInt8])] = [(3005, [8, 0, 0x22, 0]), (3011, [8, 0]), (3013, [])]
        var recording = Recording()
        for (protoID, body) in pushes {
            recording.add(
                .init(client: 0, isRequest: false, protoID: protoID, serialNo: 1517, isPush: true, body: body))
        }
        let gateway = VirtualGateway {
            $0.recording = recording
            $0.pushInterval = second
        }
        try gateway.greet(recvNotify: true)
        gateway.tick()
        for round in 1...4 {
            gateway.now = Instant(round) * second
            gateway.tick()
        }
        let sent = try gateway.takeAnswers()
        #expect(sent.map(\.protoID) == [3005, 3011, 3013, 3005] && sent.map(\.serialNo) == [1, 2, 3, 4])
        #expect(sent.map(\.body) == [pushes[0].1, pushes[1].1, pushes[2].1, pushes[0].1])
        #expect(gateway.recorded.filter(\.isPush).count == 4)
    }

    @Test func theQuotaIsKeptIfItIsAskedFor() throws {
        let first = VirtualGateway()
        _ = try session(first)
        let again = VirtualGateway {
            $0.recording = replay(first.recorded)
            $0.quota = (1, second)
        }
        try again.greet()
        #expect(try again.ask(Requests.figures(2)).head().retType == 0)
        #expect(try again.ask(Requests.figures(3)).head().retMsg?.contains("频率太高") == true)
    }

    @Test(arguments: [CipherAlgorithm.ftaesECB, .aesECB, .aesCBC])
    func encryptedSessionsAreRecordedInClear(_ algorithm: CipherAlgorithm) throws {
        let key = try Self.key()
        let message = InitConnectRequest(
            clientVersion: 1, clientID: "test", packetEncAlgo: algorithm.rawValue
        ).encoded()
        let names = [CipherAlgorithm.ftaesECB: "FTAES_ECB", .aesECB: "AES_ECB", .aesCBC: "AES_CBC"]

        /// The requests, encrypted and not, and the answers without encryption.
        func bodies(_ gateway: VirtualGateway) throws -> [[UInt8]] {
            gateway.connect(1)
            gateway.receive(Encryption.rsa(key).frame(ProtoID.initConnect, 1, message), from: 1)
            let sent = Array(try #require(gateway.sent.last).bytes[FrameHeader.size...])
            let greeting = try #require(sent.withUnsafeBytes { Encryption.rsa(key).decrypt($0) })
            let content = try #require(try decode(greeting, InitConnectResponse.init).content)
            let cipher = content.connAESKey.withUnsafeBytes { key in
                (content.aesCBCIV ?? []).withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
            }
            let encryption = Encryption.aes(try #require(cipher), algorithm)
            var bodies = [greeting]
            for (serial, code) in [(UInt32(2), "00700"), (3, "00005"), (4, "99999")] {
                let body = CapitalDistributionRequest(market: 1, code: code).encoded()
                gateway.receive(encryption.frame(3212, serial, body), from: 1)
                let sent = Array(try #require(gateway.sent.last).bytes[FrameHeader.size...])
                bodies.append(try #require(sent.withUnsafeBytes { encryption.decrypt($0) }))
            }
            return bodies
        }

        let first = VirtualGateway { $0.rsaKey = key }
        let expected = try bodies(first)
        #expect(first.recorded.count == 8)
        #expect(first.recorded.filter { !$0.isRequest }.map(\.body) == expected)
        let lines = try first.recorded.map(object)
        #expect(
            lines.map { $0["encryption"] as? String } == ["RSA", "RSA"] + Array(repeating: names[algorithm], count: 6))
        #expect(lines.allSatisfy { $0["decoded"] != nil })
        // The header has the length of the cipher text.
        #expect(lines[2]["body_length"] as? Int != first.recorded[2].body.count)
        // With encryption again, and without.
        let encrypted = VirtualGateway {
            $0.rsaKey = key
            $0.recording = replay(first.recorded)
        }
        #expect(try bodies(encrypted) == expected)
        let clear = VirtualGateway { $0.recording = replay(first.recorded) }
        clear.connect(1)
        #expect(try clear.ask(Requests.frame(ProtoID.initConnect, 1, message)).body == expected[0])
        #expect(try clear.ask(Requests.figures(2, .hk, "00005")).body == expected[2])
    }

    @Test func webSocketSessions() throws {
        func bodies(_ gateway: VirtualGateway, _ client: Int = 4) throws -> [[UInt8]] {
            gateway.connect(client, isWebSocket: true)
            let message = InitWebSocketRequest(websocketKey: nil, clientID: "js", programmingLanguage: "JavaScript")
            gateway.receive(ProtoID.initWebSocket, 1, message.encoded(), from: client)
            for (section, code) in [(UInt64(2), "00700"), (3, "00005")] {
                gateway.receive(
                    3212, section, CapitalDistributionRequest(market: 1, code: code).encoded(), from: client)
            }
            return gateway.recorded.filter { !$0.isRequest && $0.client == client }.map(\.body)
        }
        let first = VirtualGateway()
        let expected = try bodies(first)
        #expect(expected.count == 3)
        let lines = try first.recorded.map(object)
        #expect(lines.allSatisfy { $0["transport"] as? String == "websocket" && $0["sha1"] == nil })
        #expect(lines.map { $0["serial_no"] as? Int } == [1, 1, 2, 2, 3, 3])
        #expect(lines.map { $0["error"] as? Int } == [nil, 0, nil, 0, nil, 0])
        #expect(lines.allSatisfy { $0["decoded"] != nil })
        let again = VirtualGateway {
            $0.recording = replay(first.recorded)
            $0.seed = 8
        }
        #expect(try bodies(again) == expected)
        // And over TCP.
        let tcp = VirtualGateway { $0.recording = replay(first.recorded) }
        try tcp.greet(1)
        #expect(try tcp.ask(Requests.figures(2, .hk, "00005")).body == expected[2])
    }
}

extension RecordedFrame {
    fileprivate func answer() -> Answer {
        Answer(protoID: protoID, serialNo: UInt32(truncatingIfNeeded: serialNo), body: body)
    }
}
