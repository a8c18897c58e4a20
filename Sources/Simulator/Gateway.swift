import Codec

/// The gateway's side of the protocol, without a socket, a clock or a thread: it takes bytes and the time, and returns
/// outputs. docs/simulator.md describes what it does and what it leaves out. For one thread at a time.
package struct Gateway: ~Copyable {
    /// Chosen by the owner, and never used twice.
    package typealias ClientID = Int

    /// One thing to do. Each frame is a separate output, so that faults can affect it.
    package enum Output {
        /// Send a frame at that instant, or as soon as possible after it.
        case send(ClientID, SentFrame, at: Instant)
        /// Send what is due, and close. `closed` need not be called.
        case close(ClientID, String)
    }

    package struct SentFrame {
        package var protoID: UInt32
        package var serialNo: UInt32
        /// Header and body as they are sent.
        package var bytes: [UInt8]
        /// The body before encryption.
        package var body: [UInt8]
        package var encryption: Encryption
        /// Whether it is sent as a section in a WebSocket frame.
        package var isWebSocket: Bool
        /// The security of a 3212 request, if it could be read.
        package var request: CapitalDistributionRequest?
        /// The texts of refusals.
        package var words = Words()
        /// The counter of the client's pushes.
        var pushNumbers: PushNumbers?

        package init(
            protoID: UInt32, serialNo: UInt32, body: [UInt8], encryption: Encryption = .none,
            isWebSocket: Bool = false, request: CapitalDistributionRequest? = nil
        ) {
            self.protoID = protoID
            self.serialNo = serialNo
            self.body = body
            self.encryption = encryption
            self.isWebSocket = isWebSocket
            self.request = request
            bytes = []
            bytes = made(protoID, serialNo, body)
        }

        /// Another frame with the same transport and encryption.
        func made(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [UInt8] {
            guard isWebSocket else { return encryption.frame(protoID, serialNo, body) }
            let message = SectionHeader(command: protoID, section: UInt64(serialNo)).reply(body)
            var queue = ByteQueue()
            message.withUnsafeBytes { WebSocketFrame.append(.binary, $0, mask: nil, to: &queue) }
            return Array(queue.pending)
        }

        /// The frame as a recording has it.
        var header: RecordedFrame.Header {
            let header = bytes.withUnsafeBytes { try? FrameHeader($0, maxBodyLength: .max) }
            if !isWebSocket, let header { return .frame(header) }
            return .section(error: 0)
        }

        /// Length of the headers before the body.
        var headerSize: Int { isWebSocket ? max(bytes.count - body.count, 0) : FrameHeader.size }

        /// The protocol number that fault rules use. The bridge's handshake counts as InitConnect.
        var ruleProtoID: UInt32 {
            isWebSocket && protoID == ProtoID.initWebSocket ? ProtoID.initConnect : protoID
        }
    }

    /// The serial numbers of a client's pushes, of all protocols. Each is one higher than the one before, and
    /// independent of the client's requests.
    final class PushNumbers {
        private var last: UInt32 = 0

        func next() -> UInt32 {
            last &+= 1
            return last
        }
    }

    /// Functions that are called when something happens.
    package struct Observers {
        package var trace: ((Trace) -> Void)?
        /// Called for every frame received, and for every frame made to be sent.
        package var record: ((RecordedFrame) -> Void)?
        /// Called with a request for which the recording has no answer.
        package var notRecorded: ((String) -> Void)?

        package init(
            trace: ((Trace) -> Void)? = nil, record: ((RecordedFrame) -> Void)? = nil,
            notRecorded: ((String) -> Void)? = nil
        ) {
            self.trace = trace
            self.record = record
            self.notRecorded = notRecorded
        }
    }

    /// Most clients at a time.
    package static let maxClients = 128
    /// A TCP client that sends nothing for this long is dropped.
    package static let silenceLimit: Instant = 30_000_000_000
    /// Longest body accepted from a client, in bytes.
    package static let maxBodyLength = 4 * 1024 * 1024

    /// What is known of one client.
    final class Session {
        var reader = FrameReader(maxBodyLength: Gateway.maxBodyLength)
        /// nil before InitConnect.
        var connID: UInt64?
        var wantsPushes = false
        /// The cipher of bodies after InitConnect.
        var encryption = Encryption.none
        let pushNumbers = PushNumbers()
        /// An InitConnect that was received before the login.
        var waiting: GatewayRequest?
        /// Whether it is kept even if it sends nothing: browsers cannot ping, and the vendor's JavaScript SDK does not.
        var mayBeSilent = false
        /// When its last whole frame was received.
        var heardAt: Instant
        /// Whether it connected to the WebSocket port.
        let isWebSocket: Bool

        init(heardAt: Instant, isWebSocket: Bool) {
            self.heardAt = heardAt
            self.isWebSocket = isWebSocket
        }
    }

    let configuration: GatewayConfiguration
    private var sessions: [ClientID: Session] = [:]
    var quota: QuotaWindow?
    var recording: Recording?
    /// The security of the 3212 request that is being answered.
    var asked: CapitalDistributionRequest?
    private let startedAt: Instant
    /// nil: never.
    private let loginAt: Instant?
    /// Whether the clients that waited for the login have been answered.
    private var isLoginDone: Bool
    private var nextPush: Instant?
    /// Index of the next recorded push.
    private var pushCount = 0
    private var random: SplitMix64
    let arena = MessageArena()
    /// The digest of the key that InitWebSocket must have; nil: any key is accepted.
    let keyDigest: [UInt8]?
    private let observers: Observers
    var notRecorded: ((String) -> Void)? { observers.notRecorded }

    package init(
        _ configuration: GatewayConfiguration, startedAt: Instant = 0, observers: Observers = Observers()
    ) {
        self.configuration = configuration
        self.observers = observers
        self.startedAt = startedAt
        loginAt = configuration.loginAfter.map { startedAt + max($0, configuration.refusesLoginFor) }
        isLoginDone = loginAt.map { $0 <= startedAt } ?? false
        recording = configuration.recording
        quota = configuration.quota.map { QuotaWindow(limit: $0.limit, window: $0.window) }
        random = SplitMix64(state: configuration.seed)
        let key = Array(configuration.websocketKey.utf8)
        keyDigest = key.isEmpty ? nil : key.withUnsafeBytes { InitWebSocketRequest.digest(ofKey: $0) }
    }

    // MARK: - Events

    /// - Parameter isWebSocket: whether it connected to the bridge's port.
    package mutating func connected(_ client: ClientID, isWebSocket: Bool = false, _ now: Instant) -> [Output] {
        report(event("connected", client, now))
        guard sessions.count < Self.maxClients else {
            return [drop(client, "there are \(Self.maxClients) clients already", now)]
        }
        sessions[client] = Session(heardAt: now, isWebSocket: isWebSocket)
        return []
    }

    /// The client closed its end, or the connection broke.
    package mutating func closed(_ client: ClientID, _ now: Instant) {
        if sessions.removeValue(forKey: client) != nil { report(event("closed", client, now)) }
    }

    package mutating func received(
        _ bytes: UnsafeRawBufferPointer, from client: ClientID, _ now: Instant
    ) -> [Output] {
        guard let session = sessions[client] else { return [] }
        session.reader.append(bytes)
        // Clients that have waited come first.
        var outputs = logIn(now)
        do throws(FrameError) {
            while let frame = try session.reader.next() {
                session.heardAt = now
                outputs += answered(frame, session, client, now)
            }
        } catch {
            outputs.append(drop(client, Self.text(error), now))
        }
        return outputs
    }

    /// A message of a client of the bridge.
    package mutating func received(
        _ header: SectionHeader, _ body: UnsafeRawBufferPointer, from client: ClientID, _ now: Instant
    ) -> [Output] {
        guard let session = sessions[client] else { return [] }
        let request = GatewayRequest(protoID: header.command, serialNo: header.section, body: Array(body))
        record(request, .section(error: 0), .none, client, now)
        return answered(request, session, client, now)
    }

    /// A WebSocket frame or the upgrade was received.
    package mutating func heard(_ client: ClientID, _ now: Instant) {
        sessions[client]?.heardAt = now
        sessions[client]?.mayBeSilent = true
    }

    /// The connection of a client cannot be used any more.
    package mutating func broken(_ client: ClientID, _ why: String, _ now: Instant) -> [Output] {
        sessions[client] == nil ? [] : [drop(client, why, now)]
    }

    /// Whether OpenD has logged in. The WebSocket port is open from then on.
    package func isLoggedIn(_ now: Instant) -> Bool { loginAt.map { now >= $0 } ?? false }

    /// Answers the clients that waited for the login.
    private mutating func logIn(_ now: Instant) -> [Output] {
        guard !isLoginDone, isLoggedIn(now) else { return [] }
        isLoginDone = true
        var outputs: [Output] = []
        for (client, session) in sessions.sorted(by: { $0.key < $1.key }) {
            guard let request = session.waiting.take() else { continue }
            outputs += answered(request, session, client, now)
        }
        return outputs
    }

    /// Does what is due: answers that waited for the login, pushes, and dropping silent clients.
    package mutating func tick(_ now: Instant) -> [Output] {
        guard let due = nextTick, now >= due else { return [] }
        var outputs = logIn(now)
        for (client, session) in sessions.sorted(by: { $0.key < $1.key })
        where !session.mayBeSilent && now - session.heardAt >= configuration.silenceLimit {
            outputs.append(
                drop(client, "not heard from for \(configuration.silenceLimit / 1_000_000_000) s", now))
        }
        guard let interval = configuration.pushInterval, now >= nextPush ?? .min else { return outputs }
        if nextPush != nil {
            let push = nextPushBody()
            for (client, session) in sessions.sorted(by: { $0.key < $1.key }) where session.wantsPushes {
                report(event("push", client, now))
                let frame = SentFrame(
                    protoID: push.protoID, serialNo: session.pushNumbers.next(), body: push.body,
                    encryption: session.encryption, isWebSocket: session.isWebSocket)
                record(frame, client, isPush: true, at: now)
                outputs.append(.send(client, frame, at: now))
            }
        }
        nextPush = now + interval
        return outputs
    }

    /// When `tick` must be called next; nil: no time in particular.
    package var nextTick: Instant? {
        let silence = sessions.values.compactMap {
            $0.mayBeSilent ? nil : $0.heardAt + configuration.silenceLimit
        }.min()
        let push = configuration.pushInterval == nil ? nil : nextPush ?? .min
        return [silence, push, isLoginDone ? nil : loginAt].compactMap { $0 }.min()
    }

    // MARK: - What the events share

    private mutating func answered(
        _ frame: Frame, _ session: Session, _ client: ClientID, _ now: Instant
    ) -> [Output] {
        let header = frame.header
        let encryption =
            header.protoID == ProtoID.initConnect ? Encryption(configuration.rsaKey) : session.encryption
        let plain = encryption.decrypt(frame.body)
        // A body that cannot be decrypted with this gateway's key does not match its SHA-1.
        let isSound = plain?.withUnsafeBytes { SHA1Digest(of: $0) == header.sha1 } ?? false
        let request = GatewayRequest(
            protoID: header.protoID, serialNo: UInt64(header.serialNo), body: plain ?? Array(frame.body),
            isSound: isSound)
        record(request, .frame(header), encryption, client, now, isReadable: plain != nil)
        let refusesLogin = now - startedAt < configuration.refusesLoginFor
        guard session.connID == nil, !isLoggedIn(now), !refusesLogin else {
            return answered(request, session, client, now)
        }
        // No answer until the login, and never one to anything but InitConnect.
        var waiting = event("waiting", client, now)
        waiting?.add("proto_id", Int64(request.protoID))
        waiting?.add("serial_no", Int64(truncatingIfNeeded: request.serialNo))
        report(waiting)
        if request.protoID == ProtoID.initConnect { session.waiting = request }
        return []
    }

    private mutating func answered(
        _ request: GatewayRequest, _ session: Session, _ client: ClientID, _ now: Instant
    ) -> [Output] {
        var told = event("request", client, now)
        told?.add("proto_id", Int64(request.protoID))
        told?.add("serial_no", Int64(truncatingIfNeeded: request.serialNo))
        let body = answer(request, session, &told, now)
        report(told)
        guard let body else { return [] }
        let isFirstMessage = request.protoID == ProtoID.initConnect && !session.isWebSocket
        var frame = SentFrame(
            protoID: request.protoID, serialNo: UInt32(truncatingIfNeeded: request.serialNo), body: body,
            encryption: isFirstMessage ? Encryption(configuration.rsaKey) : session.encryption,
            isWebSocket: session.isWebSocket, request: asked)
        frame.words = configuration.words
        frame.pushNumbers = session.pushNumbers
        let at = now + configuration.latency
        record(frame, client, isPush: false, at: at)
        return [.send(client, frame, at: at)]
    }

    /// The next recorded push, if there are any.
    private mutating func nextPushBody() -> (protoID: UInt32, body: [UInt8]) {
        guard let pushes = recording?.pushes, !pushes.isEmpty else {
            return (ProtoID.notify, Notify.encodedConnectStatus(qotLogined: true, trdLogined: true))
        }
        defer { pushCount += 1 }
        return pushes[pushCount % pushes.count]
    }

    private func record(
        _ request: GatewayRequest, _ header: RecordedFrame.Header, _ encryption: Encryption, _ client: ClientID,
        _ now: Instant, isReadable: Bool = true
    ) {
        observers.record?(
            RecordedFrame(
                client: client, unixTime: configuration.unixTimeAtZero + now, isRequest: true,
                protoID: request.protoID, serialNo: request.serialNo, header: header, encryption: encryption,
                body: request.body, isReadable: isReadable))
    }

    private func record(_ frame: SentFrame, _ client: ClientID, isPush: Bool, at: Instant) {
        guard let record = observers.record else { return }
        record(
            RecordedFrame(
                client: client, unixTime: configuration.unixTimeAtZero + at, isRequest: false,
                protoID: frame.protoID, serialNo: UInt64(frame.serialNo), header: frame.header,
                encryption: frame.encryption, body: frame.body, isPush: isPush))
    }

    private mutating func drop(_ client: ClientID, _ why: String, _ now: Instant) -> Output {
        var dropped = event("dropped", client, now)
        dropped?.add("why", why)
        report(dropped)
        sessions[client] = nil
        return .close(client, why)
    }

    /// nil if there is no observer.
    private func event(_ name: String, _ client: ClientID, _ now: Instant) -> Trace? {
        observers.trace == nil ? nil : Trace(name, client, unixTime: configuration.unixTimeAtZero + now)
    }

    private func report(_ event: Trace?) {
        if let event { observers.trace?(event) }
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
