import Codec

/// An instant in nanoseconds, of whatever clock drives the gateway.
package typealias Instant = Int64

/// How a simulated gateway behaves.
package struct GatewayConfiguration: Sendable {
    package var figures = FigureSet.cpp
    /// Requests a window, all clients together; nil: none is kept.
    package var quota: (limit: Int, window: Instant)? = (30, 30_000_000_000)
    /// Seconds, as told to clients.
    package var keepAliveInterval: Int32 = 10
    /// Nanoseconds between a request and its answer.
    package var latency: Instant = 0
    /// Nanoseconds between pushes to clients that asked for them; nil: none.
    package var pushInterval: Instant?
    /// Leave out what old gateways do not send.
    package var isOld = false
    /// Seed of connection ids and keys.
    package var seed: UInt64 = 1

    package init() {}
}

/// The gateway's side of the protocol, with no socket, clock or thread: bytes and the time come in, outputs go out. What
/// it does and what it leaves out is told in docs/simulator.md.
package struct Gateway {
    package typealias ClientID = Int

    /// One thing to do; each frame is one of its own, so that faults can act on it.
    package enum Output {
        /// Send a frame, at that instant or as soon after as can be.
        case send(ClientID, SentFrame, at: Instant)
        case close(ClientID, String)
    }

    package struct SentFrame {
        package var protoID: UInt32
        package var serialNo: UInt32
        package var bytes: [UInt8]
    }

    /// Most clients at a time (PROTOCOL.md, Quota).
    package static let maxClients = 128
    /// A client not heard from for this long is dropped (PROTOCOL.md, Keeping alive).
    package static let silenceLimit: Instant = 30_000_000_000

    private final class Session {
        var reader = FrameReader(maxBodyLength: 4 * 1024 * 1024)
        var isInitialised = false
        var wantsPushes = false
        var connID: UInt64 = 0
        var heardAt: Instant
        init(heardAt: Instant) { self.heardAt = heardAt }
    }

    private let configuration: GatewayConfiguration
    private var sessions: [ClientID: Session] = [:]
    /// When the requests of the last window were counted, oldest first.
    private var counted: [Instant] = []
    private var nextPush: Instant?
    private var random: UInt64
    private let arena = Arena()
    /// What happened, if anybody wants to know.
    private let trace: ((Trace) -> Void)?

    /// Arena and hasher can not be copied; the gateway's copies share them, which is harmless: neither keeps anything.
    private final class Arena {
        let messages = MessageArena()
        let hasher = SHA1Hasher()
        var writer = FrameWriter()
    }

    package init(_ configuration: GatewayConfiguration, trace: ((Trace) -> Void)? = nil) {
        self.configuration = configuration
        self.trace = trace
        random = configuration.seed
    }

    // MARK: - Events

    package mutating func connected(_ client: ClientID, _ now: Instant) -> [Output] {
        trace?(Trace(now, client, "connected"))
        guard sessions.count < Self.maxClients else { return [close(client, now, "too many clients")] }
        sessions[client] = Session(heardAt: now)
        return []
    }

    package mutating func closed(_ client: ClientID, _ now: Instant) {
        if sessions.removeValue(forKey: client) != nil { trace?(Trace(now, client, "closed")) }
    }

    package mutating func received(
        _ bytes: UnsafeRawBufferPointer, from client: ClientID, _ now: Instant
    ) -> [Output] {
        guard let session = sessions[client] else { return [] }
        session.reader.append(bytes)
        var outputs: [Output] = []
        do {
            while sessions[client] != nil, let frame = try session.reader.next() {
                session.heardAt = now
                outputs += answer(frame, client, session, now)
            }
        } catch {
            outputs.append(close(client, now, "\(error)"))
        }
        return outputs
    }

    /// Does what is due: pushes, and the end of silent clients.
    package mutating func tick(_ now: Instant) -> [Output] {
        var outputs: [Output] = []
        for client in sessions.keys.sorted() {
            if let session = sessions[client], now - session.heardAt >= Self.silenceLimit {
                outputs.append(close(client, now, "silent for 30 s"))
            }
        }
        if let interval = configuration.pushInterval, now >= nextPush ?? .min {
            if nextPush != nil {
                let body = Notify.encodedConnectStatus(qotLogined: true, trdLogined: true)
                for client in sessions.keys.sorted() where sessions[client]?.wantsPushes == true {
                    outputs += send(client, ProtoID.notify, 0, body, at: now)
                }
            }
            nextPush = now + interval
        }
        return outputs
    }

    /// When `tick` must be called next; nil: no time in particular.
    package var nextTick: Instant? {
        let silence = sessions.values.map { $0.heardAt + Self.silenceLimit }.min()
        return [silence, configuration.pushInterval == nil ? nil : nextPush ?? .min].compactMap { $0 }.min()
    }

    // MARK: - Answers

    private mutating func answer(
        _ frame: Frame, _ client: ClientID, _ session: Session, _ now: Instant
    ) -> [Output] {
        let (protoID, serialNo) = (frame.header.protoID, frame.header.serialNo)
        var event = Trace(now, client, "request")
        event.add("proto_id", Int64(protoID))
        event.add("serial_no", Int64(serialNo))
        var refusal: (retType: Int32, text: String)?
        var body: [UInt8]?
        if arena.hasher.hash(frame.body) != frame.header.sha1 {
            refusal = (-500, "sha1 error")
        } else if !session.isInitialised, protoID != ProtoID.initConnect {
            refusal = (RetType.failed, "InitConnect first")
        } else {
            do throws(MessageError) {
                switch protoID {
                case ProtoID.initConnect: body = try initConnect(frame, session, &event)
                case ProtoID.getGlobalState: body = try globalState(frame, session, now)
                case ProtoID.keepAlive:
                    let time = try KeepAlive.requestTime(frame.body, arena.messages)
                    event.add("time", time)
                    body = KeepAlive.encodedResponse(time: time)
                case ProtoID.getCapitalDistribution:
                    switch try capitalDistribution(frame, now, &event) {
                    case .success(let response): body = response
                    case .failure(let refused): refusal = (RetType.failed, refused.text)
                    }
                default: refusal = (RetType.failed, "未知协议ID")
                }
            } catch {
                refusal = (-500, "解析请求失败")
            }
        }
        if let refusal { event.add("refused", refusal.text) }
        trace?(event)
        let refused = refusal.map { AnyResponse(retType: $0.retType, retMsg: $0.text).encoded() }
        return send(client, protoID, serialNo, body ?? refused ?? [], at: now + configuration.latency)
    }

    private mutating func initConnect(
        _ frame: Frame, _ session: Session, _ event: inout Trace
    ) throws(MessageError) -> [UInt8] {
        let request = try InitConnectRequest(frame.body, arena.messages)
        event.add("client_id", request.clientID)
        event.add("client_version", Int64(request.clientVersion))
        event.add("programming_language", request.programmingLanguage ?? "")
        event.add("recv_notify", Int64(request.recvNotify == true ? 1 : 0))
        session.isInitialised = true
        session.wantsPushes = request.recvNotify ?? false
        session.connID = draw()
        return InitConnectResponse(
            head: AnyResponse(retMsg: "", errCode: 0),
            content: .init(
                serverVersion: 1011, loginUserID: 10_000_001, connID: session.connID, connAESKey: key(),
                keepAliveInterval: configuration.keepAliveInterval, aesCBCIV: key(), userAttribution: 1)
        ).encoded()
    }

    private func globalState(_ frame: Frame, _ session: Session, _ now: Instant) throws(MessageError) -> [UInt8] {
        _ = try GlobalState.requestUserID(frame.body, arena.messages)
        return GlobalState.encodedResponse(
            .init(
                markets: (5, 11, 6, 6, 15), serverVersion: 1011, serverBuildNo: 7108, time: now / 1_000_000_000,
                connID: session.connID))
    }

    private struct Refused: Error {
        var text: String
    }

    private mutating func capitalDistribution(
        _ frame: Frame, _ now: Instant, _ event: inout Trace
    ) throws(MessageError) -> Result<[UInt8], Refused> {
        let request = try CapitalDistributionRequest(frame.body, arena.messages)
        event.add("market", Int64(request.market))
        event.add("code", request.code)
        if let firm = request.securityFirm { event.add("security_firm", Int64(firm)) }
        if let quota = configuration.quota {
            // The time between request 1 and request N + 1 must be greater than the window.
            counted.removeAll { now - $0 > quota.window }
            guard counted.count < quota.limit else {
                let seconds = quota.window / 1_000_000_000
                return .failure(Refused(text: "获取资金分布频率太高，请求失败，每\(seconds)秒最多\(quota.limit)次。"))
            }
            counted.append(now)
        }
        switch Instrument(market: request.market, code: request.code) {
        case .unknown: return .failure(Refused(text: "未知股票"))
        case .unsupported: return .failure(Refused(text: "不支持该股票类型，仅支持正股、窝轮和基金"))
        case .tradable: break
        }
        let isSeed = request.market == Market.hk.rawValue && request.code == "00700"
        let figures =
            isSeed ? configuration.figures.figures : .derived(market: request.market, code: request.code)
        return .success(
            CapitalDistributionResponse(
                head: AnyResponse(retMsg: "", errCode: 0), content: configuration.isOld ? figures.old : figures
            ).encoded())
    }

    private func send(
        _ client: ClientID, _ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8], at: Instant
    ) -> [Output] {
        arena.writer.reset()
        guard body.withUnsafeBytes({ arena.writer.append(protoID: protoID, serialNo: serialNo, body: $0) }) else {
            return []
        }
        let frame = SentFrame(protoID: protoID, serialNo: serialNo, bytes: [UInt8](arena.writer.pending))
        return [.send(client, frame, at: at)]
    }

    private mutating func close(_ client: ClientID, _ now: Instant, _ why: String) -> Output {
        var event = Trace(now, client, "dropped")
        event.add("why", why)
        trace?(event)
        sessions[client] = nil
        return .close(client, why)
    }

    /// SplitMix64: what it makes follows from the seed.
    private mutating func draw() -> UInt64 {
        random &+= 0x9e37_79b9_7f4a_7c15
        var mixed = random
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// 16 ASCII bytes.
    private mutating func key() -> String {
        let digits = String(draw(), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
