import Codec

/// A request that was received, its body decrypted.
struct GatewayRequest {
    var protoID: UInt32
    /// The serial number; over WebSocket, the section.
    var serialNo: UInt64
    var body: [UInt8]
    /// Whether the body matches its SHA-1.
    var isSound = true
}

/// What the gateway answers to each request.
extension Gateway {
    /// Why a request is refused.
    struct Refusal: Error {
        var retType = RetType.failed
        var text: String

        /// retType for a body that cannot be read.
        static let invalidBody: Int32 = -500
    }

    private func refusal(_ text: String) -> Refusal { Refusal(text: text) }

    /// - Returns: the body of the answer; nil: there is no answer.
    mutating func answer(
        _ request: GatewayRequest, _ session: Session, _ event: inout Trace?, _ now: Instant
    ) -> [UInt8]? {
        asked = nil
        let refusal: Refusal
        do {
            guard request.isSound else {
                throw Refusal(retType: Refusal.invalidBody, text: configuration.words.wrongDigest)
            }
            return try request.body.withUnsafeBytes { try content(request, $0, session, &event, now) }
        } catch let error as Refusal {
            refusal = error
        } catch {
            refusal = Refusal(retType: Refusal.invalidBody, text: configuration.words.malformed)
        }
        event?.add("refused", refusal.text)
        return AnyResponse(retType: refusal.retType, retMsg: refusal.text, errCode: 0).encoded()
    }

    private mutating func content(
        _ request: GatewayRequest, _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?,
        _ now: Instant
    ) throws -> [UInt8]? {
        switch request.protoID {
        case ProtoID.initWebSocket where session.isWebSocket:
            return try initWebSocket(request, body, session, &event, now)
        // The bridge has its own handshake and keep-alive.
        case ProtoID.initConnect where session.isWebSocket, ProtoID.keepAlive where session.isWebSocket:
            throw refusal(configuration.words.unknownProtocol)
        case ProtoID.initConnect: return try initConnect(request, body, session, &event, now)
        default: break
        }
        guard let connID = session.connID else { throw refusal(configuration.words.tooEarly) }
        switch request.protoID {
        case ProtoID.keepAlive:
            let time = try KeepAlive.requestTime(body, arena)
            event?.add("time", time)
        case ProtoID.getCapitalDistribution: try noteStock(body, &event, now)
        default: break
        }
        if recording != nil, let answer = try recorded(request) { return answer }
        let time = (configuration.unixTimeAtZero + now) / 1_000_000_000
        switch request.protoID {
        case ProtoID.getGlobalState:
            _ = try GlobalState.requestUserID(body, arena)
            return GlobalState.encodedResponse(
                .init(
                    markets: (5, 11, 6, 6, 15), serverVersion: Self.serverVersion, serverBuildNo: 7108, time: time,
                    connID: connID))
        case ProtoID.keepAlive: return KeepAlive.encodedResponse(time: time)
        case ProtoID.getCapitalDistribution: return try capitalDistribution()
        default: throw refusal(configuration.words.unknownProtocol)
        }
    }

    /// 10.11
    private static var serverVersion: Int32 { 1011 }

    /// - Returns: the recorded answer; nil: the gateway gives its own.
    private mutating func recorded(_ request: GatewayRequest) throws -> [UInt8]? {
        if let answer = recording?.answer(to: request.protoID, request.body) { return answer }
        // It contains the time, which differs each time.
        if request.protoID == ProtoID.keepAlive { return nil }
        let what = asked.map { "3212, \(SecurityText.of(market: $0.market, code: $0.code))" }
        let text = "\(what ?? "\(request.protoID)"), body \(JSONObject.hex(request.body))"
        notRecorded?(text)
        throw refusal(configuration.words.notRecorded(text))
    }

    // MARK: - Handshakes

    private mutating func initWebSocket(
        _ request: GatewayRequest, _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?,
        _ now: Instant
    ) throws -> [UInt8]? {
        let message = try InitWebSocketRequest(body, arena)
        event?.add("client_id", message.clientID ?? "")
        event?.add("programming_language", message.programmingLanguage ?? "")
        if let keyDigest, message.websocketKey != keyDigest {
            event?.add("refused", "wrong key")
            return nil
        }
        session.wantsPushes = true
        if let answer = recordedGreeting(request),
            let response = try? answer.withUnsafeBytes({ try InitWebSocketResponse($0, arena) })
        {
            if response.head.retType == RetType.succeed { session.connID = response.connID ?? draw() }
            return answer
        }
        let connID = draw()
        session.connID = connID
        return InitWebSocketResponse(
            head: AnyResponse(retMsg: "", errCode: 0),
            serverTime: (configuration.unixTimeAtZero + now) / 1_000_000_000, connID: connID
        ).encoded()
    }

    private mutating func initConnect(
        _ request: GatewayRequest, _ body: UnsafeRawBufferPointer, _ session: Session, _ event: inout Trace?,
        _ now: Instant
    ) throws -> [UInt8] {
        let message = try InitConnectRequest(body, arena)
        event?.add("client_id", message.clientID)
        event?.add("client_version", Int64(message.clientVersion))
        event?.add("programming_language", message.programmingLanguage ?? "")
        event?.add("recv_notify", message.recvNotify ?? false)
        guard isLoggedIn(now) else { throw refusal(configuration.words.notLoggedIn) }
        session.wantsPushes = message.recvNotify ?? false
        session.encryption = .none
        if let answer = recordedGreeting(request),
            let response = try? answer.withUnsafeBytes({ try InitConnectResponse($0, arena) })
        {
            guard response.head.retType == RetType.succeed, let content = response.content else { return answer }
            if agree(message, content, session, &event) { return answer }
        }
        let content = InitConnectResponse.Content(
            serverVersion: Self.serverVersion, loginUserID: 10_000_001, connID: draw(), connAESKey: drawText(),
            keepAliveInterval: configuration.keepAliveInterval,
            // Without an iv the vendor's client would not use CBC.
            aesCBCIV: configuration.isOld ? nil : drawText(), userAttribution: 1)
        _ = agree(message, content, session, &event)
        return InitConnectResponse(head: AnyResponse(retMsg: "", errCode: 0), content: content).encoded()
    }

    /// Accepts the client.
    /// - Returns: whether the answer's key can be used.
    private func agree(
        _ message: InitConnectRequest, _ content: InitConnectResponse.Content, _ session: Session, _ event: inout Trace?
    ) -> Bool {
        session.connID = content.connID
        // A client that names no cipher gets the default.
        let asked = CipherAlgorithm(rawValue: message.packetEncAlgo ?? 0) ?? .ftaesECB
        let algorithm = asked.agreed(hasIV: content.aesCBCIV != nil)
        guard configuration.rsaKey != nil, algorithm != .none else { return true }
        let cipher = content.connAESKey.withUnsafeBytes { key in
            (content.aesCBCIV ?? []).withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
        }
        guard let cipher else { return false }
        session.encryption = .aes(cipher, algorithm)
        event?.add("packet_enc_algo", Int64(algorithm.rawValue))
        return true
    }

    /// The recorded answer to the same body, else any.
    private mutating func recordedGreeting(_ request: GatewayRequest) -> [UInt8]? {
        guard recording != nil else { return nil }
        return recording?.answer(to: request.protoID, request.body) ?? recording?.answer(to: request.protoID, nil)
    }

    /// 16 upper-case hex digits, like OpenD's keys.
    private mutating func drawText() -> [UInt8] {
        let digits = String(draw(), radix: 16, uppercase: true)
        return Array((String(repeating: "0", count: 16 - digits.count) + digits).utf8)
    }

    // MARK: - Capital distributions

    /// Reads a request, and counts it for the quota.
    private mutating func noteStock(_ body: UnsafeRawBufferPointer, _ event: inout Trace?, _ now: Instant) throws {
        let request = try CapitalDistributionRequest(body, arena)
        asked = request
        event?.add("market", Int64(request.market))
        event?.add("code", request.code)
        if let firm = request.securityFirm { event?.add("security_firm", Int64(firm)) }
        if let quota, self.quota?.admits(now) == false {
            throw refusal(
                configuration.words.tooFrequent(limit: quota.limit, seconds: quota.window / 1_000_000_000))
        }
    }

    private func capitalDistribution() throws -> [UInt8] {
        guard let asked else { throw refusal(configuration.words.malformed) }
        let words = configuration.words
        switch Instrument(market: asked.market, code: asked.code) {
        case .unknown: throw refusal(words.unknownStock(market: asked.market, code: asked.code))
        case .usIndex: throw refusal(words.noUSIndex)
        case .unsupported: throw refusal(words.wrongInterface)
        case .tradable: break
        }
        let isSample = asked.market == Market.hk.rawValue && asked.code == "00700"
        let figures = isSample ? configuration.figures.figures : .derived(market: asked.market, code: asked.code)
        return CapitalDistributionResponse(
            head: AnyResponse(retMsg: "", errCode: 0), content: configuration.isOld ? figures.old : figures
        ).encoded()
    }
}
