import Codec

/// The gateway's side of the protocol, with no socket, clock or thread: bytes and the time come in, outputs go out. What
/// it does and what it leaves out is told in docs/simulator.md. For one thread at a time.
package struct Gateway: ~Copyable {
    /// Given by the owner; never given twice.
    package typealias ClientID = Int

    /// One thing to do; each frame is one of its own, so that faults can act on it.
    package enum Output {
        /// Send a frame, at that instant or as soon after as can be.
        case send(ClientID, SentFrame, at: Instant)
        /// Send what is due, and close; `closed` need not be told.
        case close(ClientID, String)
    }

    package struct SentFrame {
        package var protoID: UInt32
        package var serialNo: UInt32
        /// Header and body, as they are sent.
        package var bytes: [UInt8]
        /// The body in clear.
        package var body: [UInt8]
        package var encryption: Encryption
        /// nil: over TCP.
        package var framing: WebSocketFraming?
        /// What a 3212 request asked for, as far as it could be read.
        package var request: CapitalDistributionRequest?

        package init(
            protoID: UInt32, serialNo: UInt32, body: [UInt8], encryption: Encryption = .none,
            framing: WebSocketFraming? = nil, request: CapitalDistributionRequest? = nil
        ) {
            self.protoID = protoID
            self.serialNo = serialNo
            self.body = body
            self.encryption = encryption
            self.framing = framing
            self.request = request
            bytes = []
            bytes = made(protoID, serialNo, body)
        }

        /// Another frame in the same dialect and encryption.
        func made(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [UInt8] {
            guard let framing else { return encryption.frame(protoID, serialNo, body) }
            let message = SectionHeader(command: protoID, section: UInt64(serialNo)).reply(body)
            var queue = ByteQueue()
            _ = message.withUnsafeBytes { framing.append(.binary, $0, to: &queue) }
            return Array(queue.pending)
        }

        /// Bytes before the body.
        var headerSize: Int { framing == nil ? FrameHeader.size : max(bytes.count - body.count, 0) }

        /// What rules for faults know it by: the relay's handshake is one, too.
        var ruleProtoID: UInt32 {
            framing != nil && protoID == ProtoID.initWebSocket ? ProtoID.initConnect : protoID
        }
    }

    /// Most clients at a time (PROTOCOL.md, Quota).
    package static let maxClients = 128
    /// A client not heard from for this long is dropped (PROTOCOL.md, Keeping alive).
    package static let silenceLimit: Instant = 30_000_000_000
    /// Longest body taken from a client, in bytes.
    package static let maxBodyLength = 4 * 1024 * 1024

    /// What is known of one client.
    final class Session {
        var reader = FrameReader(maxBodyLength: Gateway.maxBodyLength)
        /// nil before InitConnect.
        var connID: UInt64?
        var wantsPushes = false
        /// Of what comes and goes after InitConnect.
        var encryption = Encryption.none
        /// When its last whole frame came.
        var heardAt: Instant
        /// Whether it came to the WebSocket port.
        let isWebSocket: Bool

        init(heardAt: Instant, isWebSocket: Bool) {
            self.heardAt = heardAt
            self.isWebSocket = isWebSocket
        }
    }

    let configuration: GatewayConfiguration
    private var sessions: [ClientID: Session] = [:]
    var quota: QuotaWindow?
    /// What the 3212 request that is being answered asks for.
    var asked: CapitalDistributionRequest?
    private var nextPush: Instant?
    private var random: SplitMix64
    let arena = MessageArena()
    let framing = WebSocketFraming(.server)
    /// What InitWebSocket must tell of the key; nil: no key is asked for.
    let keyDigest: [UInt8]?
    /// Told what happens, if anybody wants to know.
    private let trace: ((Trace) -> Void)?

    package init(_ configuration: GatewayConfiguration, trace: ((Trace) -> Void)? = nil) {
        self.configuration = configuration
        self.trace = trace
        quota = configuration.quota.map { QuotaWindow(limit: $0.limit, window: $0.window) }
        random = SplitMix64(state: configuration.seed)
        let key = Array(configuration.websocketKey.utf8)
        keyDigest = key.isEmpty ? nil : key.withUnsafeBytes { InitWebSocketRequest.digest(ofKey: $0) }
    }

    // MARK: - Events

    /// - Parameter isWebSocket: whether it came to the relay's port.
    package mutating func connected(_ client: ClientID, isWebSocket: Bool = false, _ now: Instant) -> [Output] {
        report(event("connected", client, now))
        guard sessions.count < Self.maxClients else {
            return [drop(client, "there are \(Self.maxClients) clients already", now)]
        }
        sessions[client] = Session(heardAt: now, isWebSocket: isWebSocket)
        return []
    }

    /// The client closed its end, or the line broke.
    package mutating func closed(_ client: ClientID, _ now: Instant) {
        if sessions.removeValue(forKey: client) != nil { report(event("closed", client, now)) }
    }

    package mutating func received(
        _ bytes: UnsafeRawBufferPointer, from client: ClientID, _ now: Instant
    ) -> [Output] {
        guard let session = sessions[client] else { return [] }
        session.reader.append(bytes)
        var outputs: [Output] = []
        do throws(FrameError) {
            while let frame = try session.reader.next() {
                session.heardAt = now
                var request = event("request", client, now)
                request?.add("proto_id", Int64(frame.header.protoID))
                request?.add("serial_no", Int64(frame.header.serialNo))
                asked = nil
                let isHello = frame.header.protoID == ProtoID.initConnect
                let body = answer(frame, session, &request, now)
                report(request)
                let answer = SentFrame(
                    protoID: frame.header.protoID, serialNo: frame.header.serialNo, body: body,
                    encryption: isHello ? Encryption(configuration.rsaKey) : session.encryption, request: asked)
                outputs.append(.send(client, answer, at: now + configuration.latency))
            }
        } catch {
            outputs.append(drop(client, Self.text(error), now))
        }
        return outputs
    }

    /// A message of a client of the relay's.
    package mutating func received(
        _ header: SectionHeader, _ body: UnsafeRawBufferPointer, from client: ClientID, _ now: Instant
    ) -> [Output] {
        guard let session = sessions[client] else { return [] }
        var request = event("request", client, now)
        request?.add("proto_id", Int64(header.command))
        request?.add("serial_no", Int64(truncatingIfNeeded: header.section))
        asked = nil
        let body = answer(header, body, session, &request, now)
        report(request)
        // A wrong key is met with silence.
        guard let body else { return [] }
        let answer = SentFrame(
            protoID: header.command, serialNo: UInt32(truncatingIfNeeded: header.section), body: body, framing: framing,
            request: asked)
        return [.send(client, answer, at: now + configuration.latency)]
    }

    /// A frame came from a client of the relay's.
    package mutating func heard(_ client: ClientID, _ now: Instant) { sessions[client]?.heardAt = now }

    /// The line of a client can not be used any more.
    package mutating func broken(_ client: ClientID, _ why: String, _ now: Instant) -> [Output] {
        sessions[client] == nil ? [] : [drop(client, why, now)]
    }

    /// Does what is due: pushes, and the end of silent clients.
    package mutating func tick(_ now: Instant) -> [Output] {
        guard let due = nextTick, now >= due else { return [] }
        var outputs: [Output] = []
        for (client, session) in sessions.sorted(by: { $0.key < $1.key })
        where now - session.heardAt >= Self.silenceLimit {
            outputs.append(drop(client, "not heard from for \(Self.silenceLimit / 1_000_000_000) s", now))
        }
        guard let interval = configuration.pushInterval, now >= nextPush ?? .min else { return outputs }
        if nextPush != nil {
            let body = Notify.encodedConnectStatus(qotLogined: true, trdLogined: true)
            for (client, session) in sessions.sorted(by: { $0.key < $1.key }) where session.wantsPushes {
                report(event("push", client, now))
                let push = SentFrame(
                    protoID: ProtoID.notify, serialNo: 0, body: body, encryption: session.encryption,
                    framing: session.isWebSocket ? framing : nil)
                outputs.append(.send(client, push, at: now))
            }
        }
        nextPush = now + interval
        return outputs
    }

    /// When `tick` must be called next; nil: no time in particular.
    package var nextTick: Instant? {
        let silence = sessions.values.map { $0.heardAt + Self.silenceLimit }.min()
        guard configuration.pushInterval != nil else { return silence }
        return min(silence ?? .max, nextPush ?? .min)
    }

    // MARK: - What the events share

    private mutating func drop(_ client: ClientID, _ why: String, _ now: Instant) -> Output {
        var dropped = event("dropped", client, now)
        dropped?.add("why", why)
        report(dropped)
        sessions[client] = nil
        return .close(client, why)
    }

    /// nil if nobody wants to know.
    private func event(_ name: String, _ client: ClientID, _ now: Instant) -> Trace? {
        trace == nil ? nil : Trace(name, client, unixTime: configuration.unixTimeAtZero + now)
    }

    private func report(_ event: Trace?) {
        if let event { trace?(event) }
    }

    private static func text(_ error: FrameError) -> String {
        switch error {
        case .badMagic: "its bytes do not begin with FT"
        case .bodyTooLong(let length): "a body of \(length) bytes"
        case .unsupportedFormat(1): "a body in JSON"
        case .unsupportedFormat(let format): "unknown body format \(format)"
        }
    }

    mutating func draw() -> UInt64 { random.next() }
}
