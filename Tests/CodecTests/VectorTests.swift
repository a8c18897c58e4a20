import Codec
import Testing

/// Messages of the vendor's own code: decoding gives the values in their text, and encoding gives the same bytes.
@Suite struct VectorTests {
    @Test func allAreThere() throws {
        #expect(Vectors.all.messages.count == 13)
        #expect(Vectors.all.frames.count == 13)
        let kinds = Set(Vectors.all.messages.map { String($0.message.prefix { $0 != " " }) })
        #expect(
            kinds == [
                "InitConnect.Request", "InitConnect.Response", "KeepAlive.Request", "KeepAlive.Response",
                "Qot_GetCapitalDistribution.Request", "Qot_GetCapitalDistribution.Response", "Notify.Response",
                "GetGlobalState.Request",
            ])
    }

    @Test(arguments: Vectors.all.messages) func message(_ vector: Vectors.Message) throws {
        let body = try vector.body
        let text = try TextFormat(vector.text)
        switch vector.message.prefix(while: { $0 != " " }) {
        case "InitConnect.Request":
            let expected = InitConnectRequest(
                clientVersion: try text.number("c2s.clientVer"),
                clientID: try text.text("c2s.clientID"),
                recvNotify: try text.optional("c2s.recvNotify"),
                packetEncAlgo: try text.optional("c2s.packetEncAlgo"),
                pushProtoFormat: try text.optional("c2s.pushProtoFmt"),
                programmingLanguage: try text.optionalText("c2s.programmingLanguage"))
            #expect(try decode(body, InitConnectRequest.init) == expected)
            #expect(hex(expected.encoded()) == vector.bytes)
        case "InitConnect.Response":
            let expected = InitConnectResponse(head: try head(text), content: try initConnectContent(text))
            #expect(try decode(body, InitConnectResponse.init) == expected)
            #expect(hex(expected.encoded()) == vector.bytes)
        case "KeepAlive.Request":
            let time: Int64 = try text.number("c2s.time")
            #expect(try decode(body, KeepAlive.requestTime) == time)
            #expect(hex(KeepAlive.encodedRequest(time: time)) == vector.bytes)
        case "KeepAlive.Response":
            let time: Int64 = try text.number("s2c.time")
            #expect(try decode(body, KeepAlive.responseTime) == time)
            // In the form of OpenD: with an empty retMsg and an errCode, which the vendor's classes leave out.
            #expect(vector.bytes.hasPrefix("0800"))
            #expect(hex(KeepAlive.encodedResponse(time: time)) == "080012001800" + vector.bytes.dropFirst(4))
        case "Qot_GetCapitalDistribution.Request":
            let expected = CapitalDistributionRequest(
                market: try text.number("c2s.security.market"),
                code: try text.text("c2s.security.code"),
                securityFirm: try text.optional("c2s.header.securityFirm"))
            #expect(try decode(body, CapitalDistributionRequest.init) == expected)
            #expect(hex(expected.encoded()) == vector.bytes)
        case "Qot_GetCapitalDistribution.Response":
            let expected = CapitalDistributionResponse(head: try head(text), content: try distribution(text))
            #expect(try decode(body, CapitalDistributionResponse.init) == expected)
            #expect(hex(expected.encoded()) == vector.bytes)
        case "Notify.Response":
            #expect(try decode(body, Notify.type) == text.number("s2c.type"))
            let status = Notify.encodedConnectStatus(
                qotLogined: try text.number("s2c.connectStatus.qotLogined"),
                trdLogined: try text.number("s2c.connectStatus.trdLogined"))
            #expect(hex(status) == vector.bytes)
        case "GetGlobalState.Request":
            let userID: UInt64 = try text.number("c2s.userID")
            #expect(try decode(body, GlobalState.requestUserID) == userID)
            #expect(hex(GlobalState.encodedRequest(userID: userID)) == vector.bytes)
        case let other:
            Issue.record("no check for \(other)")
        }
    }

    @Test(arguments: Vectors.all.messages.filter { $0.message.contains(".Response") })
    func headOfResponse(_ vector: Vectors.Message) throws {
        let body = try vector.body
        #expect(try decode(body, AnyResponse.init) == head(TextFormat(vector.text)))
    }

    @Test(arguments: Vectors.all.messages.filter { !$0.text.contains("s2c") && $0.message.contains(".Response") })
    func headAlone(_ vector: Vectors.Message) throws {
        #expect(hex(try head(TextFormat(vector.text)).encoded()) == vector.bytes)
    }

    @Test(arguments: Vectors.all.frames) func frame(_ vector: Vectors.Frame) throws {
        let stream = try #require(fromHex(vector.bytes))
        var reader = FrameReader(maxBodyLength: 4096)
        stream.withUnsafeBytes { reader.append($0) }
        let next = try reader.next()
        let frame = try #require(next)
        #expect(frame.header.protoID == vector.proto_id)
        #expect(frame.header.serialNo == vector.serial_no)
        #expect(frame.header.format == vector.format)
        #expect(frame.header.version == 0)
        #expect(Int(frame.header.bodyLength) == stream.count - FrameHeader.size)
        #expect(hex(frame.body) == hex(stream.dropFirst(FrameHeader.size)))
        #expect(try sha1(Array(frame.body)) == frame.header.sha1)
        #expect(Vectors.all.messages.contains { $0.bytes == hex(frame.body) && $0.message.hasPrefix(vector.message) })

        var writer = FrameWriter()
        let appended = writer.append(protoID: vector.proto_id, serialNo: vector.serial_no, body: frame.body)
        #expect(appended)
        #expect(hex(writer.pending) == vector.bytes)

        let second = try reader.next()
        #expect(second == nil)
        let left = reader.bufferedCount
        #expect(left == 0)
    }

    private func head(_ text: TextFormat) throws -> AnyResponse {
        AnyResponse(
            retType: try text.optional("retType"), retMsg: try text.optionalText("retMsg"),
            errCode: try text.optional("errCode"))
    }

    private func initConnectContent(_ text: TextFormat) throws -> InitConnectResponse.Content? {
        guard text.has("s2c") else { return nil }
        return InitConnectResponse.Content(
            serverVersion: try text.number("s2c.serverVer"),
            loginUserID: try text.number("s2c.loginUserID"),
            connID: try text.number("s2c.connID"),
            connAESKey: Array(try text.text("s2c.connAESKey").utf8),
            keepAliveInterval: try text.number("s2c.keepAliveInterval"),
            aesCBCIV: try text.optionalText("s2c.aesCBCiv").map { Array($0.utf8) },
            userAttribution: try text.optional("s2c.userAttribution"))
    }

    private func distribution(_ text: TextFormat) throws -> CapitalDistribution? {
        guard text.has("s2c") else { return nil }
        return CapitalDistribution(
            inSuper: try text.optional("s2c.capitalInSuper"),
            inBig: try text.number("s2c.capitalInBig"),
            inMid: try text.number("s2c.capitalInMid"),
            inSmall: try text.number("s2c.capitalInSmall"),
            outSuper: try text.optional("s2c.capitalOutSuper"),
            outBig: try text.number("s2c.capitalOutBig"),
            outMid: try text.number("s2c.capitalOutMid"),
            outSmall: try text.number("s2c.capitalOutSmall"),
            updateTime: try text.optionalText("s2c.updateTime"),
            updateTimestamp: try text.optional("s2c.updateTimestamp"))
    }
}
