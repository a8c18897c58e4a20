import Codec
import Glibc

/// The state machine of one connection: what docs/timeouts.md's table of a connection's life says, with no socket, clock or
/// thread. Events come in with the time, actions go out to be performed in order; what to send is fetched with
/// `nextToSend`, so that a wire serial number is given at the moment of sending. Everything that touches the quota is
/// handed the group as `inout`.
///
/// An instant before one seen earlier is taken as that earlier one.
package struct ConnectionMachine<Payload> {
    /// A stream is dead when this long passes without a complete frame (docs/protocol.md, Keeping alive).
    package static var silenceLimit: Instant { 33_000_000_000 }

    /// Where the connection stands, as the application sees it.
    package enum State {
        case connecting
        case ready
        case failed(Cause)
        case released
    }

    package enum Action {
        /// Begin an attempt: resolve, connect; then `connected` (over WebSocket `upgraded`, too) or `attemptFailed`.
        case connect
        /// Close the socket, if there is one, and forget what was received and not sent; then `streamClosed`.
        case closeStream
        /// Tell the application that the connection stands (nil) or has failed for good.
        case initConnect(Cause?)
        /// Tell the application that an attempt failed, and that another follows.
        case attemptFailed(Cause)
        case disconnect(Cause)
        case complete(Completion)
        case log(LogLevel, String)
        /// All is over: nothing comes after it.
        case closed
    }

    /// What to put on the wire next. The serial number is given and must be used in this order.
    package enum Outgoing {
        /// InitConnect, or InitWebSocket to the bridge.
        case initConnect(wireSerialNo: UInt32)
        case keepAlive(wireSerialNo: UInt32)
        /// A WebSocket ping, which has no number.
        case ping
        /// Over WebSocket: GetGlobalState, whose answer shows what OpenD has read; a pong is the bridge's own.
        case probe(wireSerialNo: UInt32)
        case request(Request<Payload>)
    }

    /// What a frame was.
    package enum Incoming {
        /// The answer to InitConnect: tell `handshakeSucceeded` or `attemptFailed`.
        case handshake
        /// The answer to this request, which is complete with it.
        case answer(Request<Payload>)
        /// This request is complete: with an answer that refuses it or cannot be read, or without one if the WebSocket bridge has
        /// none.
        case failure(Completion)
        /// An answer to a request given up before; its proto id.
        case late
        case push
        /// Nothing for the application.
        case nothing
    }

    enum Phase {
        case idle, connecting, upgrading, handshaking, ready, pausing, failed, released
    }

    let configuration: ConnectionConfiguration
    let member: QuotaGroup.Member
    var phase = Phase.idle
    /// When connecting or handshaking must be done, or the pause ends.
    var phaseDeadline: Instant = 0
    var requests = RequestTable<Payload>()
    var unconfirmed = UnconfirmedSlots()

    var actions: [Action] = []
    var firstAction = 0
    /// Completions among the actions that wait: their requests count as not completed yet.
    var waitingCompletions = 0

    var nextSerialNo: UInt32 = 1
    var serialNosWrapped = false
    var nextOrder: UInt64 = 0

    /// Of this stream: the next serial number on the wire, InitConnect's, and the highest that was answered.
    var nextWireSerialNo: UInt64 = 1
    var initConnectSerialNo: UInt32?
    var highestAnswered: UInt32 = 0
    /// Protocols that the application asks by hand: their answers are no pushes when they come late.
    var askedProtoIDs: Set<UInt32> = []

    var keepAlivePeriod: Instant = 0
    var keepAliveAt: Instant = .max
    var keepAliveDue = false
    var probeDue = false
    /// Numbers of this stream's last probes that are not answered.
    var probes: [UInt32] = []
    var silenceAt: Instant = .max
    /// The `silenceAt` that the log has been warned of.
    var warnedOfSilenceAt: Instant = .max

    /// Pauses since a stream last held.
    var failedAttempts = 0
    /// Why requests that do not wait for a connection are refused: the last attempt failed, or streams do not hold. nil: no
    /// attempt has failed yet, the connection stands, or it was lost just now and the first attempt since is awaited.
    package internal(set) var outage: Cause?
    var endpoint: Endpoint
    var failures = FailureRun()
    /// What the log calls a request.
    let name: @Sendable (Request<Payload>) -> String
    var readySince: Instant = 0
    var jitter: SplitMix64
    var latest: Instant = .min

    /// When `tick` must be called next, at the latest; it may turn out that there was nothing to do.
    package internal(set) var wakeAt: Instant = .max
    /// Why the last attempt failed or the stream was lost; nil while the connection stands.
    package internal(set) var lastCause: Cause?

    /// - Parameter name: what the log calls a request.
    package init(
        _ configuration: ConnectionConfiguration, member: QuotaGroup.Member,
        name: @escaping @Sendable (Request<Payload>) -> String = { _ in "" }
    ) {
        self.configuration = configuration
        self.member = member
        self.name = name
        endpoint = configuration.endpoint
        jitter = SplitMix64(state: configuration.seed)
    }

    package var state: State {
        switch phase {
        case .idle, .connecting, .upgrading, .handshaking, .pausing: .connecting
        case .ready: .ready
        case .failed:
            .failed(lastCause ?? Cause(.notConnected, .initConnect, Cause.InitConnectCode.unknown, ""))
        case .released: .released
        }
    }

    /// Requests accepted and not completed.
    package var requestCount: Int { requests.count + waitingCompletions }

    package var hasActions: Bool { firstAction < actions.count }

    package mutating func popAction() -> Action? {
        guard firstAction < actions.count else { return nil }
        let action = actions[firstAction]
        if case .complete = action { waitingCompletions -= 1 }
        // The place must not keep the payload alive.
        actions[firstAction] = .closeStream
        firstAction += 1
        if firstAction == actions.count {
            actions.removeAll(keepingCapacity: actions.capacity <= 1024)
            firstAction = 0
        }
        return action
    }

    // MARK: - Time

    package mutating func start(_ now: Instant) {
        guard phase == .idle else { return }
        beginAttempt(advance(now))
    }

    /// Does what is due. Frames that have arrived must be handed in before it, so that a late look is no silence.
    package mutating func tick(_ now: Instant, _ quota: inout QuotaGroup) {
        guard phase != .released else { return }
        let now = advance(now)
        wakeAt = .max
        let limit = configuration.connectTimeout.milliseconds
        switch phase {
        case .connecting where now >= phaseDeadline:
            attemptFailed(
                Cause(.connectTimeout, .connect, ETIMEDOUT, Texts.connectTimedOut(endpoint, limit)), now, &quota)
        case .upgrading where now >= phaseDeadline:
            attemptFailed(timeout(.connectTimeout, Texts.openingTimedOut(endpoint, limit)), now, &quota)
        case .handshaking where now >= phaseDeadline:
            attemptFailed(
                timeout(
                    endpoint.isEncrypted ? .encryptionFailed : .connectTimeout,
                    Texts.firstMessageTimedOut(endpoint, limit)),
                now,
                &quota)
        case .pausing where now >= phaseDeadline:
            beginAttempt(now)
        case .ready where now >= silenceAt:
            streamLost(
                Cause(
                    .disconnected, .receive, ETIMEDOUT, Texts.silent(Self.silenceLimit.milliseconds / 1000)), now,
                &quota)
        case .ready where now >= keepAliveAt:
            keepAliveDue = true
            keepAliveAt = now + keepAlivePeriod
        default: break
        }
        expireRequests(now, &quota)
        warn(now)
        switch phase {
        case .connecting, .upgrading, .handshaking, .pausing: wake(phaseDeadline)
        case .ready:
            wake(keepAliveAt)
            wake(silenceAt)
        case .idle, .failed, .released: break
        }
        wake(requests.nextDeadline)
    }

    private func timeout(_ status: Status, _ text: String) -> Cause {
        Cause(status, .initConnect, Cause.InitConnectCode.timeout, text)
    }

    private mutating func expireRequests(_ now: Instant, _ quota: inout QuotaGroup) {
        let due = requests.takeDue(now)
        guard !due.isEmpty else { return }
        for request in due {
            giveUp(request, hadTime: true, now, &quota)
            timedOut(request)
        }
        tellWaiting(&quota)
    }

    /// Of a request that is in no queue any more.
    mutating func timedOut(_ request: Request<Payload>) {
        if request.wasSent {
            return complete(request, .replyTimeout, Texts.replyTimedOut(request.terms.replyTimeout.milliseconds))
        }
        let why =
            phase != .ready
            ? lastCause?.text ?? Texts.waitsForConnection
            : request.needsSlot ? Texts.waitsForQuota : Texts.heldUpByCallback
        complete(request, .queueTimeout, Texts.queueTimedOut(request.terms.queueTimeout.milliseconds, why))
    }

    // MARK: - The stream

    /// The socket is connected.
    package mutating func connected(_ now: Instant) {
        guard phase == .connecting else { return }
        _ = advance(now)
        phase = endpoint.transport == .tcp ? .handshaking : .upgrading
        if configuration.acceptsAnyCertificate {
            log(.warning, Texts.certificateUnverified)
        }
        nextWireSerialNo = UInt64(configuration.firstWireSerialNo)
        initConnectSerialNo = nil
        highestAnswered = 0
        keepAliveDue = false
        probeDue = false
        probes = []
    }

    /// TLS, if any, and the upgrade to WebSocket are done.
    package mutating func upgraded(_ now: Instant) {
        guard phase == .upgrading else { return }
        _ = advance(now)
        phase = .handshaking
    }

    /// The gateway accepted InitConnect, or the bridge InitWebSocket.
    /// - Parameter keepAliveInterval: seconds, as the gateway gave it; taken as 1 to 30.
    package mutating func handshakeSucceeded(
        keepAliveInterval: Int32, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        guard phase == .handshaking else { return }
        let now = advance(now)
        phase = .ready
        readySince = now
        lastCause = nil
        outage = nil
        endpoint.hasStood = true
        // The vendor's client sends at 4/5 of the interval.
        keepAlivePeriod = Instant(min(max(keepAliveInterval, 1), 30)) * 800_000_000
        keepAliveAt = now + keepAlivePeriod
        silenceAt = now + Self.silenceLimit
        wake(keepAliveAt)
        let peer = endpoint.peer
        log(.info, "connected to \(peer)")
        actions.append(.initConnect(nil))
        tellWaiting(&quota)
    }

    /// The attempt under way came to nothing.
    package mutating func attemptFailed(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        guard phase == .connecting || phase == .upgrading || phase == .handshaking else { return }
        let now = advance(now)
        actions.append(.closeStream)
        guard configuration.reconnects, !cause.isFinal else { return failForGood(cause, now, &quota) }
        lastCause = cause
        outage = cause
        pause(now)
        let length = (phaseDeadline - now).milliseconds
        log(.warning, Texts.connectingFailed(cause.text, nextIn: length))
        if configuration.tellsAttempts { actions.append(.attemptFailed(cause)) }
        endImpatient(cause, now, &quota)
    }

    private mutating func failForGood(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        let cause = final(cause)
        lastCause = cause
        log(.error, "connecting failed permanently: \(cause.text)")
        phase = .failed
        actions.append(.initConnect(cause))
        for request in requests.takeAll(where: { _ in true }) {
            giveUp(request, now, &quota)
            complete(request, cause.status, cause.text, isFinal: cause.isFinal)
        }
        tellWaiting(&quota)
    }

    /// Ends the requests that do not wait for an outage to pass.
    private mutating func endImpatient(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        for request in requests.takeAll(where: { $0.terms.failsInOutage && !$0.wasSent }) {
            giveUp(request, now, &quota)
            complete(request, cause.status, Texts.outage(cause.text))
        }
    }

    private func final(_ cause: Cause) -> Cause {
        var cause = cause
        cause.text = Texts.final(cause.text, reconnects: configuration.reconnects)
        return cause
    }

    /// The socket failed or must be closed; before the handshake is done it is the attempt that failed.
    package mutating func streamLost(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        guard phase == .ready else { return attemptFailed(duringHandshake(cause), now, &quota) }
        let now = advance(now)
        let reconnects = configuration.reconnects && !cause.isFinal
        let cause = reconnects ? underEncryption(cause) : final(underEncryption(cause))
        actions.append(.closeStream)
        lastCause = cause
        // A gateway that accepts and drops at once is met ever more slowly, too, and is an outage to who does not wait.
        if now - readySince >= configuration.maxBackoff { failedAttempts = 0 }
        outage = reconnects && failedAttempts > 0 ? cause : nil
        let isOutage = outage != nil
        let lost = requests.takeAll { $0.wasSent || !reconnects || (isOutage && $0.terms.failsInOutage) }
        log(.warning, Texts.lost(cause.text, requests: lost.count { $0.wasSent }))
        actions.append(.disconnect(cause))
        if reconnects {
            pause(now)
        } else {
            phase = .failed
        }
        for request in lost {
            giveUp(request, now, &quota)
            complete(request, .disconnected, cause.text, isFinal: cause.isFinal)
        }
        tellWaiting(&quota)
    }

    /// The connection can not go on, whatever the gateway does.
    package mutating func fail(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        var cause = cause
        cause.isFinal = true
        if phase == .ready { return streamLost(cause, now, &quota) }
        if phase == .idle || phase == .pausing { phase = .connecting }
        attemptFailed(cause, now, &quota)
    }

    /// The stream was lost before the handshake was done: what that says of the attempt.
    private func duringHandshake(_ cause: Cause) -> Cause {
        guard cause.status == .disconnected else { return cause }
        let code = cause.kind == .send ? Cause.InitConnectCode.notSent : Cause.InitConnectCode.disconnected
        if phase == .upgrading {
            return Cause(
                .connectFailed, .initConnect, code, Texts.openingLost(endpoint, cause.text), isFinal: cause.isFinal)
        }
        let isEncrypted = phase == .handshaking && endpoint.isEncrypted
        return Cause(
            isEncrypted ? .encryptionFailed : .connectFailed, .initConnect, code,
            Texts.firstMessageLost(endpoint, cause.text),
            isFinal: cause.isFinal)
    }

    private func underEncryption(_ cause: Cause) -> Cause {
        guard endpoint.isEncrypted, cause.status == .disconnected, highestAnswered <= initConnectSerialNo ?? 0 else {
            return cause
        }
        var cause = cause
        cause.text = Texts.lostUnderEncryption(cause.text)
        return cause
    }

    /// The stream that was lost or released is closed. The gateway may have read what was sent until now: an
    /// application's callback or loop may have held up the closing.
    package mutating func streamClosed(_ now: Instant, _ quota: inout QuotaGroup) {
        unconfirmed.streamEnded(advance(now), &quota)
    }

    /// Ends everything; but for `streamClosed` no event has an effect after it.
    package mutating func release(_ now: Instant, _ quota: inout QuotaGroup) {
        guard phase != .released else { return }
        let now = advance(now)
        phase = .released
        // Of what the application has not been told yet only completions are still its business.
        let told = actions[firstAction...].filter { action in
            if case .complete = action { true } else { false }
        }
        actions = [.closeStream] + told
        firstAction = 0
        for request in requests.takeAll(where: { _ in true }) {
            giveUp(request, now, &quota)
            complete(request, .released, Texts.released)
        }
        tellWaiting(&quota)
        actions.append(.closed)
        wakeAt = .max
    }

    private mutating func beginAttempt(_ now: Instant) {
        let peer = endpoint.peer
        log(.info, "connecting to \(peer)")
        phase = .connecting
        phaseDeadline = now + configuration.connectTimeout
        wake(phaseDeadline)
        actions.append(.connect)
    }

    private mutating func pause(_ now: Instant) {
        phase = .pausing
        let doublings = min(failedAttempts, 20)
        failedAttempts += 1
        var length = min(configuration.minBackoff, configuration.maxBackoff)
        for _ in 0..<doublings where length < configuration.maxBackoff { length *= 2 }
        length = max(min(length, configuration.maxBackoff), 1)
        // Up to half of it is cut at random, so that clients that lost one gateway do not return in step.
        phaseDeadline = now + length - Instant.random(in: 0...(length / 2), using: &jitter)
        wake(phaseDeadline)
    }

    // MARK: - What the parts share

    mutating func advance(_ now: Instant) -> Instant {
        latest = max(latest, now)
        return latest
    }

    mutating func wake(_ at: Instant) {
        wakeAt = min(wakeAt, at)
    }

    mutating func complete(
        _ request: Request<Payload>, _ status: Status, _ text: String, retryAfter: Instant = 0, isFinal: Bool = false
    ) {
        let retry = isFinal ? .never : Retry(status)
        actions.append(
            .complete(
                Completion(request: request, status: status, text: text, retry: retry, retryAfter: retryAfter)))
        waitingCompletions += 1
        noteFailure(request, status, text)
    }

    /// Keeps the group's count of those who wait for a slot true.
    func tellWaiting(_ quota: inout QuotaGroup) {
        quota.setWaiting(member, phase == .ready ? requests.waitingForSlotCount : 0)
    }
}
