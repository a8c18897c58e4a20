import CSystem
import Codec
import Glibc

/// Plays the life of a connection once, on the application's thread and over a pair of sockets, before the first real
/// connection.
///
/// The Swift runtime builds its data about a type when the type is first used, under its own locks. If a connection's
/// thread did that, a fork at that moment would give the child a lock held by a thread that does not exist there, and
/// the child's own connections would wait for it forever (docs/promises.md, 7). After the warm-up all data is built.
package struct RuntimeWarmUp {
    typealias Machine = Connection.Machine
    let exports: Exports
    let connection: Connection
    /// The connection's end of the socket pair, and the gateway's end.
    let socket: Int32
    let gateway: Int32

    /// How many replies came, and how many must come.
    let replies = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    private var asked = 0
    /// Requests before that were never sent.
    private var unsent: UInt32 = 0

    /// The functions of the exports for requests.
    package struct Exports {
        let onAnswer: @Sendable (Connection, Request<Payload>, Answer) -> Void
        let onCompletion: @Sendable (Connection, Machine.Completion, Answer?) -> Void
        let name: @Sendable (Request<Payload>) -> String
        /// A request of that protocol, whose callback adds 1; nil if there is no memory.
        let makePayload: (UInt32, UnsafeMutablePointer<Int>) -> Payload?

        package init(
            onAnswer: @escaping @Sendable (Connection, Request<Payload>, Answer) -> Void,
            onCompletion: @escaping @Sendable (Connection, Connection.Machine.Completion, Answer?) -> Void,
            name: @escaping @Sendable (Request<Payload>) -> String,
            makePayload: @escaping (UInt32, UnsafeMutablePointer<Int>) -> Payload?
        ) {
            self.onAnswer = onAnswer
            self.onCompletion = onCompletion
            self.name = name
            self.makePayload = makePayload
        }
    }

    /// - Returns: whether it ended as expected. It does not if the system has no descriptors left.
    package static func run(_ exports: Exports) -> Bool {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { return false }
        defer { close(pair[1]) }
        guard var warmUp = RuntimeWarmUp(exports, socket: pair[0], gateway: pair[1]) else {
            close(pair[0])
            return false
        }
        warmUp.connect()
        let isConnected = warmUp.isReady
        warmUp.answers()
        warmUp.sharing()
        warmUp.endings()
        warmUp.failures()
        warmUp.encryption()
        return warmUp.release() && isConnected && runWebSocket(exports)
    }

    init?(_ exports: Exports, socket: Int32, gateway: Int32, _ transport: Transport = .tcp) {
        self.exports = exports
        var options = ConnectionOptions()
        var firstMessage = InitConnectRequest(clientVersion: 0, clientID: "").encoded()
        options.firstMessage = SecretBytes(&firstMessage)
        options.behaviour.transport = transport
        options.behaviour.terms.queueTimeout = .seconds(10)
        options.behaviour.terms.replyTimeout = .seconds(5)
        options.callbacks.onInitConnect = { _, _, _, _ in }
        options.callbacks.onDisconnect = { _, _, _, _ in }
        options.callbacks.onPush = { _, _, _, _, _ in }
        options.callbacks.onLog = { _, _, _, _ in }
        options.callbacks.onAttemptFailed = { _, _, _, _ in }
        options.callbacks.onAnswer = exports.onAnswer
        options.callbacks.onCompletion = exports.onCompletion
        options.callbacks.name = exports.name
        options.behaviour.tellsAttempts = true
        // The application cannot have a group of this name, because it contains a NUL.
        let made = try? Connection(
            options, handle: nil, group: "\0warm-up", limit: 7, window: .seconds(1), forget: {})
        guard let made else { return nil }
        connection = made
        // The quota conflict.
        _ = try? Connection(options, handle: nil, group: "\0warm-up", limit: 1, window: .nanosecond, forget: {})
        self.socket = socket
        self.gateway = gateway
        replies.initialize(to: 0)
        // The socket pair replaces connecting.
        machine { machine, now, _ in
            machine.start(now)
            while machine.popAction() != nil {}
        }
        _ = Socket.finishConnect(socket)
        connection.poller.adopt(socket)
        _ = connection.poller.add(socket, forWriting: true)
    }

    var isReady: Bool { if case .ready = connection.info().state { true } else { false } }

    private func connect() {
        _ = Resolver.inPlace("localhost", 1)
        _ = Resolver.inPlace("", 1)
        connection.connected(socket)
        connection.poller.wake()
        connection.process(connection.poller.wait())
        let content = InitConnectResponse.Content(
            serverVersion: 0, loginUserID: 0, connID: 0, connAESKey: [], keepAliveInterval: 10)
        answer(ProtoID.initConnect, 1, InitConnectResponse(head: AnyResponse(), content: content).encoded())
    }

    /// Every kind of answer.
    private mutating func answers() {
        let figures = CapitalDistribution(inBig: 0, inMid: 0, inSmall: 0, outBig: 0, outMid: 0, outSmall: 0)
        let bodies = [
            CapitalDistributionResponse(head: AnyResponse(), content: figures).encoded(),
            AnyResponse(retType: RetType.failed, retMsg: "no").encoded(),
            CapitalDistributionResponse(head: AnyResponse(), content: nil).encoded(),
            [0xff],
        ]
        for protoID in [ProtoID.getCapitalDistribution, 1002] {
            for body in bodies { answer(protoID, wire(ask(protoID)), body) }
        }
        // With this protocol it does not close the quota's gate.
        answer(1002, wire(ask(1002)), tooFrequent)
        answer(1003, 0, [])
    }

    /// Every way a request takes another one's answer.
    private mutating func sharing() {
        let figures = CapitalDistribution(inBig: 0, inMid: 0, inSmall: 0, outBig: 0, outMid: 0, outSmall: 0)
        let bodies = [
            AnyResponse(retType: RetType.failed, retMsg: "no").encoded(),
            CapitalDistributionResponse(head: AnyResponse(), content: figures).encoded(),
        ]
        for body in bodies {
            let sent = ask(ProtoID.getCapitalDistribution, maxAge: .seconds(1))
            _ = ask(ProtoID.getCapitalDistribution, maxAge: .seconds(1))
            let cancelled = ask(ProtoID.getCapitalDistribution, maxAge: .seconds(1))
            _ = connection.cancel(cancelled)
            answer(ProtoID.getCapitalDistribution, wire(sent), body)
            unsent += 2
        }
        // From the last answer.
        _ = ask(ProtoID.getCapitalDistribution, maxAge: .seconds(1))
        unsent += 1
    }

    private var tooFrequent: [UInt8] {
        AnyResponse(retType: RetType.failed, retMsg: "频率太高，每1秒最多1次; no more than 1 times every 1 seconds").encoded()
    }

    /// Every way in which a request ends without an answer.
    private mutating func endings() {
        // Cancelled in flight. Its answer comes after that of a later request. It uses the last slot of the quota.
        let late = ask(ProtoID.getCapitalDistribution)
        _ = connection.cancel(late)
        answer(1002, wire(ask(1002)), [])
        answer(ProtoID.getCapitalDistribution, wire(late), tooFrequent)
        // Cancelled while it waits for a slot.
        let waiting = ask(ProtoID.getCapitalDistribution)
        _ = connection.cancel(waiting)
        if let withdrawn = connection.withdraw(ask(1002)) {
            withdrawn.request.payload.dispose()
            asked -= 1
        }
        // Timed out, in flight and waiting for a slot.
        _ = ask(1002)
        _ = ask(ProtoID.getCapitalDistribution)
        machine { machine, now, quota in machine.tick(now + .seconds(6), &quota) }
        machine { machine, now, quota in machine.tick(now + .seconds(11), &quota) }
        connection.runUntilIdle()
        // Lost with the stream. This many, because sorting many uses other code than sorting a few.
        for _ in 0..<100 { _ = ask(1002) }
        let garbage = [UInt8](repeating: 0xff, count: FrameHeader.size)
        _ = garbage.withUnsafeBytes { Socket.send(gateway, $0) }
        connection.process(Poller.Ready(isSocketReadable: true))
    }

    /// Attempts to connect that fail.
    private func failures() {
        machine { machine, now, quota in
            machine.tick(now + .seconds(60), &quota)
            while machine.popAction() != nil {}
        }
        let error = SystemError(code: ECONNREFUSED)
        connection.attemptFailed(
            Cause(.connectFailed, .connect, error.code, "\(connection.options.host): \(error.text)"))
        connection.runUntilIdle()
        if case .failure(let failure) = Resolver.lookUp("", 1, flags: AI_NUMERICHOST) { _ = failure.text }
        _ = connection.resolved("::1", why: nil)
        withExtendedLifetime((Helpers.names, Helpers.certificates)) {}
        // On this thread, because the library starts no thread before the first connection.
        let names = Helpers.Names(most: 1) { body in
            body()
            return true
        }
        for number in 0..<2 {
            let ticket = names.ask("", connection.poller) { Resolver.lookUp("::1", 0, flags: AI_NUMERICHOST) }
            if number > 0, let ticket { names.abandon(ticket) }
            guard let ticket, case .success(let found) = names.take(ticket) else { continue }
            let moved = found.map { $0.at(1) }
            _ = moved.first.map { $0.isTheSame(as: $0.at(2)) }
        }
        let certificates = Helpers.Certificates(most: 1) { body in
            body()
            return true
        }
        let ticket = certificates.ask("", connection.poller) { .failure(TLSContext.TrustError(text: "")) }
        if let ticket { _ = certificates.take(ticket) }
    }

    /// A body that can be decrypted, and one that cannot.
    private func encryption() {
        var writer = FrameWriter()
        var reader = FrameReader(maxBodyLength: 100)
        var decryption = Decryption(nil, .none)
        let zeroes = [UInt8](repeating: 0, count: BodyCipher.keySize)
        zeroes.withUnsafeBytes { zeroes in
            decryption.cipher = BodyCipher(.aesCBC, key: zeroes, iv: zeroes)
            _ = writer.append(protoID: 1002, serialNo: 1, body: zeroes, cipher: decryption.cipher)
            _ = writer.append(protoID: 1002, serialNo: 2, body: zeroes)
        }
        reader.append(writer.pending)
        while let frame = try? reader.next() { _ = try? decryption.open(frame, connection.driving.arena) }
    }

    /// - Returns: whether every request got its reply.
    private mutating func release() -> Bool {
        _ = connection.waitReady(until: .zero)
        _ = connection.whyNotReady()
        _ = connection.quota()
        for serialNo in (0..<3).map({ _ in ask(1002) }).dropLast() { _ = connection.cancel(serialNo) }
        machine { machine, now, quota in machine.release(now, &quota) }
        connection.runUntilIdle()
        QuotaRegistry.shared.leave(connection.membership)
        connection.poller.close()
        defer { replies.deallocate() }
        return replies.pointee == asked
    }

    /// The serial number on the wire: InitConnect has the first.
    private func wire(_ serialNo: UInt32) -> UInt32 { serialNo + 1 - unsent }

    /// - Returns: the serial number.
    private mutating func ask(_ protoID: UInt32, maxAge: TimeAmount = .zero) -> UInt32 {
        var terms = connection.options.behaviour.terms
        terms.maxAge = maxAge
        terms.isRaw = protoID != ProtoID.getCapitalDistribution
        var serialNo: UInt32 = 0
        if let payload = exports.makePayload(protoID, replies) {
            if connection.ask(payload, protoID: protoID, terms, &serialNo) == .ok {
                asked += 1
            } else {
                payload.dispose()
            }
        }
        connection.runUntilIdle()
        return serialNo
    }

    /// Sends the gateway's next frame, as far as the socket takes it.
    private func answer(_ protoID: UInt32, _ wireSerialNo: UInt32, _ body: [UInt8]) {
        var writer = FrameWriter()
        _ = body.withUnsafeBytes { writer.append(protoID: protoID, serialNo: wireSerialNo, body: $0) }
        _ = Socket.send(gateway, writer.pending)
        connection.process(Poller.Ready(isSocketReadable: true))
    }

    func machine(_ step: (inout Machine, Instant, inout QuotaGroup) -> Void) {
        connection.tell(step)
    }
}
