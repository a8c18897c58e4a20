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

    let configuration: ConnectionConfiguration
    let member: QuotaGroup.Member
    var phase = ConnectionPhase.idle
    var requests = RequestTable<Payload>()
    var unconfirmed = UnconfirmedSlots()

    var actions: [Action] = []
    var firstAction = 0
    /// Completions among the actions that wait: their requests count as not completed yet.
    var waitingCompletions = 0

    var nextSerialNo: UInt32 = 1
    var serialNosWrapped = false
    var nextOrder: UInt64 = 0

    /// Protocols that the application asks by hand: their answers are no pushes when they come late.
    var askedProtoIDs: Set<UInt32> = []

    var endpoint: Endpoint
    var failures = FailureRun()
    /// What the log calls a request.
    let name: @Sendable (Request<Payload>) -> String
    var backoff: Backoff
    var latest: Instant = .min

    /// When `tick` must be called next, at the latest; it may turn out that there was nothing to do.
    package internal(set) var wakeAt: Instant = .max

    /// - Parameter name: what the log calls a request.
    package init(
        _ configuration: ConnectionConfiguration, member: QuotaGroup.Member,
        name: @escaping @Sendable (Request<Payload>) -> String = { _ in "" }
    ) {
        self.configuration = configuration
        self.member = member
        self.name = name
        endpoint = configuration.endpoint
        backoff = Backoff(
            from: configuration.minBackoff, to: configuration.maxBackoff, seed: configuration.seed)
    }

    package var state: State {
        switch phase {
        case .idle, .connecting, .upgrading, .handshaking, .pausing: .connecting
        case .ready: .ready
        case .failed(let cause): .failed(cause)
        case .released: .released
        }
    }

    /// Requests accepted and not completed.
    package var requestCount: Int { requests.count + waitingCompletions }

    // MARK: - Time

    package mutating func start(_ now: Instant) {
        guard case .idle = phase else { return }
        beginAttempt(advance(now), after: nil)
    }

    /// Does what is due. Frames that have arrived must be handed in before it, so that a late look is no silence.
    package mutating func tick(_ now: Instant, _ quota: inout QuotaGroup) {
        if case .released = phase { return }
        let now = advance(now)
        wakeAt = .max
        advancePhase(now, &quota)
        expireRequests(now, &quota)
        warn(now)
        if let attemptDeadline { wake(attemptDeadline) }
        if case .ready(let ready) = phase {
            wake(ready.keepAliveAt)
            wake(ready.silenceAt)
        }
        wake(requests.nextDeadline)
    }

    /// What an attempt, a pause or a stream comes to by its time.
    private mutating func advancePhase(_ now: Instant, _ quota: inout QuotaGroup) {
        let limit = configuration.connectTimeout.milliseconds
        switch phase {
        case .connecting(let attempt) where now >= attempt.deadline:
            let text = Texts.connectTimedOut(endpoint, limit)
            attemptFailed(Cause(.connectTimeout, .connect, ETIMEDOUT, text), now, &quota)
        case .upgrading(let attempt) where now >= attempt.deadline:
            attemptFailed(timeout(.connectTimeout, Texts.openingTimedOut(endpoint, limit)), now, &quota)
        case .handshaking(let attempt, _) where now >= attempt.deadline:
            let status: Status = endpoint.isEncrypted ? .encryptionFailed : .connectTimeout
            attemptFailed(timeout(status, Texts.firstMessageTimedOut(endpoint, limit)), now, &quota)
        case .pausing(let attempt) where now >= attempt.deadline:
            beginAttempt(now, after: attempt.setback)
        case .ready(let ready) where now >= ready.silenceAt:
            let text = Texts.silent(Self.silenceLimit.milliseconds / 1000)
            streamLost(Cause(.disconnected, .receive, ETIMEDOUT, text), now, &quota)
        case .ready(var ready) where now >= ready.keepAliveAt:
            ready.due.insert(.keepAlive)
            ready.keepAliveAt = now + ready.keepAlivePeriod
            phase = .ready(ready)
        default: break
        }
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
            !isReady
            ? lastCause?.text ?? Texts.waitsForConnection
            : request.needsSlot ? Texts.waitsForQuota : Texts.heldUpByCallback
        complete(request, .queueTimeout, Texts.queueTimedOut(request.terms.queueTimeout.milliseconds, why))
    }

    // MARK: - What the parts share

    mutating func advance(_ now: Instant) -> Instant {
        latest = max(latest, now)
        return latest
    }

    mutating func wake(_ at: Instant) {
        wakeAt = min(wakeAt, at)
    }

    /// Keeps the group's count of those who wait for a slot true.
    func tellWaiting(_ quota: inout QuotaGroup) {
        quota.setWaiting(member, isReady ? requests.waitingForSlotCount : 0)
    }
}
