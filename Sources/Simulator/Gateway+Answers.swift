import Codec

/// What the gateway answers to each request.
extension Gateway {
    /// Why a request gets no content; the texts that OpenD is known to use are its own.
    private struct Refusal: Error {
        var retType = RetType.failed
        var text: String

        static let wrongDigest = Refusal(retType: invalidBody, text: "SHA-1与请求内容不符")
        static let malformed = Refusal(retType: invalidBody, text: "解析请求失败")
        static let tooEarly = Refusal(text: "请先发送InitConnect")
        static let unknownProtocol = Refusal(text: "未知协议ID")
        static let unknownStock = Refusal(text: "未知股票")
        static let unsupported = Refusal(text: "不支持该股票类型，仅支持正股、窝轮和基金")

        /// retType for a body that can not be read (PROTOCOL.md, Messages).
        private static let invalidBody: Int32 = -500
    }

    /// - Returns: the body of the answer.
    mutating func answer(_ frame: Frame, _ session: Session, _ event: inout Trace?, _ now: Instant) -> [UInt8] {
        let refusal: Refusal
        do {
            return try content(frame, session, &event, now)
        } catch let error as Refusal {
            refusal = error
        } catch {
            refusal = .malformed
        }
        event?.add("refused", refusal.text)
        return AnyResponse(retType: refusal.retType, retMsg: refusal.text).encoded()
    }

    /// - Returns: the body of the relay's answer; nil: it is met with silence.
    mutating func answer(
        _ header: SectionHeader, _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?,
        _ now: Instant
    ) -> [UInt8]? {
        let refusal: Refusal
        do {
            switch header.command {
            case ProtoID.initWebSocket: return try initWebSocket(body, session, &event, now)
            case ProtoID.initConnect, ProtoID.keepAlive: throw Refusal.unknownProtocol
            default: return try content(header.command, body, session, &event, now)
            }
        } catch let error as Refusal {
            refusal = error
        } catch {
            refusal = .malformed
        }
        event?.add("refused", refusal.text)
        return AnyResponse(retType: refusal.retType, retMsg: refusal.text).encoded()
    }

    private mutating func initWebSocket(
        _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?, _ now: Instant
    ) throws -> [UInt8]? {
        let request = try InitWebSocketRequest(body, arena)
        event?.add("client_id", request.clientID ?? "")
        event?.add("programming_language", request.programmingLanguage ?? "")
        if let keyDigest, request.websocketKey != keyDigest {
            event?.add("refused", "wrong key")
            return nil
        }
        let connID = draw()
        session.connID = connID
        session.wantsPushes = true
        return InitWebSocketResponse(
            head: AnyResponse(retMsg: "", errCode: 0),
            serverTime: (configuration.unixTimeAtZero + now) / 1_000_000_000, connID: connID
        ).encoded()
    }

    private mutating func content(
        _ frame: Frame, _ session: Session, _ event: inout Trace?, _ now: Instant
    ) throws -> [UInt8] {
        let isHello = frame.header.protoID == ProtoID.initConnect
        let encryption = isHello ? Encryption(configuration.rsaKey) : session.encryption
        // What is no cipher text of this gateway's key is taken as it is, and is not what its SHA-1 tells.
        let plain = encryption.decrypt(frame.body) ?? []
        return try plain.withUnsafeBytes { body in
            guard SHA1Digest(of: body) == frame.header.sha1 else { throw Refusal.wrongDigest }
            return try content(frame.header.protoID, body, session, &event, now)
        }
    }

    private mutating func content(
        _ protoID: UInt32, _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?, _ now: Instant
    ) throws -> [UInt8] {
        if protoID == ProtoID.initConnect { return try initConnect(body, session, &event) }
        guard let connID = session.connID else { throw Refusal.tooEarly }
        let time = (configuration.unixTimeAtZero + now) / 1_000_000_000
        switch protoID {
        case ProtoID.getGlobalState:
            _ = try GlobalState.requestUserID(body, arena)
            return GlobalState.encodedResponse(
                .init(
                    markets: (5, 11, 6, 6, 15), serverVersion: Self.serverVersion, serverBuildNo: 7108, time: time,
                    connID: connID))
        case ProtoID.keepAlive:
            let clientTime = try KeepAlive.requestTime(body, arena)
            event?.add("time", clientTime)
            return KeepAlive.encodedResponse(time: time)
        case ProtoID.getCapitalDistribution: return try capitalDistribution(body, &event, now)
        default: throw Refusal.unknownProtocol
        }
    }

    /// 10.11
    private static var serverVersion: Int32 { 1011 }

    private mutating func initConnect(
        _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?
    ) throws -> [UInt8] {
        let request = try InitConnectRequest(body, arena)
        let wantsPushes = request.recvNotify ?? false
        event?.add("client_id", request.clientID)
        event?.add("client_version", Int64(request.clientVersion))
        event?.add("programming_language", request.programmingLanguage ?? "")
        event?.add("recv_notify", wantsPushes)
        let connID = draw()
        let key = drawText()
        // The vendor's client takes it for one that has CBC.
        let iv = configuration.isOld ? nil : drawText()
        session.connID = connID
        session.wantsPushes = wantsPushes
        session.encryption = .none
        // A client that does not say has the default.
        let asked = CipherAlgorithm(rawValue: request.packetEncAlgo ?? 0) ?? .ftaesECB
        let algorithm = asked.agreed(hasIV: iv != nil)
        if configuration.rsaKey != nil, algorithm != .none {
            let cipher = key.withUnsafeBytes { key in
                (iv ?? []).withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
            }
            if let cipher { session.encryption = .aes(cipher) }
            event?.add("packet_enc_algo", Int64(algorithm.rawValue))
        }
        return InitConnectResponse(
            head: AnyResponse(retMsg: "", errCode: 0),
            content: .init(
                serverVersion: Self.serverVersion, loginUserID: 10_000_001, connID: connID, connAESKey: key,
                keepAliveInterval: configuration.keepAliveInterval, aesCBCIV: iv, userAttribution: 1)
        ).encoded()
    }

    private mutating func capitalDistribution(
        _ body: UnsafeRawBufferPointer, _ event: inout Trace?, _ now: Instant
    ) throws -> [UInt8] {
        let request = try CapitalDistributionRequest(body, arena)
        asked = request
        event?.add("market", Int64(request.market))
        event?.add("code", request.code)
        if let firm = request.securityFirm { event?.add("security_firm", Int64(firm)) }
        if quota?.admits(now) == false { throw Refusal(text: quota?.refusal ?? "") }
        switch Instrument(market: request.market, code: request.code) {
        case .unknown: throw Refusal.unknownStock
        case .unsupported: throw Refusal.unsupported
        case .tradable: break
        }
        let isSample = request.market == Market.hk.rawValue && request.code == "00700"
        let figures =
            isSample ? configuration.figures.figures : .derived(market: request.market, code: request.code)
        return CapitalDistributionResponse(
            head: AnyResponse(retMsg: "", errCode: 0), content: configuration.isOld ? figures.old : figures
        ).encoded()
    }

    /// 16 ASCII bytes.
    private mutating func drawText() -> [UInt8] {
        let digits = String(draw(), radix: 16)
        return Array((String(repeating: "0", count: 16 - digits.count) + digits).utf8)
    }
}
