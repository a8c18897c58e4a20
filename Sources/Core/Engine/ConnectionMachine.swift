import Codec
import Glibc

/// The state machine of one connection: it does what the table of a connection's life in docs/timeouts.md says, without
/// a socket, a clock or a thread. Each event is a function that gets the time. The driver performs the actions in
/// order. It gets what to send from `nextToSend`, so that a wire serial number is given when a frame is made. Functions
/// that use the quota get the group as `inout`.
///
/// An instant before an earlier one counts as that earlier one.
package struct ConnectionMachine<Payload>: ~Copyable {
    /// A stream is lost after this time without a whole frame (docs/protocol.md, Keeping alive).
    package static var silenceLimit: TimeAmount { .seconds(33) }

    /// The state of the connection for the application.
    package enum State {
        case connecting
        case ready
        case failed(Cause)
        case released
    }

    package enum Action {
        /// Begin an attempt: look the name up and connect. Then call `connected` (over WebSocket `upgraded`, too) or
        /// `attemptFailed`.
        case connect
        /// Close the socket, if there is one, and drop what was received and what was not sent. Then call
        /// `streamClosed`.
        case closeStream
        /// Tell the application that the connection is established (nil) or has failed permanently.
        case initConnect(Cause?)
        /// Tell the application that an attempt failed, and that another follows.
        case attemptFailed(Cause)
        case disconnect(Cause)
        case complete(Completion)
        case log(LogLevel, String)
        /// The connection has ended. This is the last action.
        case closed
    }

    /// What to send next. Frames must be sent in the order of their serial numbers.
    package enum Outgoing {
        /// InitConnect, or InitWebSocket to the bridge.
        case initConnect(wireSerialNo: UInt32)
        case keepAlive(wireSerialNo: UInt32)
        /// A WebSocket ping, which has no number.
        case ping
        /// Over WebSocket: GetGlobalState. Its answer shows what OpenD has read; a pong only comes from the bridge.
        case probe(wireSerialNo: UInt32)
        case request(Request<Payload>)
    }

    /// What a received frame was.
    package enum Incoming {
        /// The answer to InitConnect. Call `handshakeSucceeded` or `attemptFailed`.
        case handshake
        /// The answer to this request, which completes with it.
        case answer(Request<Payload>)
        /// This request completes without a usable answer: the gateway refused it, the answer cannot be read, or the
        /// WebSocket bridge has none.
        case failure(Completion)
        /// An answer to a request that was given up before.
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
    /// Completions among the actions that were not performed yet. Their requests still count for `max_queue`.
    var waitingCompletions = 0

    var nextSerialNo: UInt32 = 1
    var serialNosWrapped = false
    var nextOrder: UInt64 = 0

    /// Protocols that the application has requested with raw bodies, which are few: a late answer must not be taken for
    /// a push.
    var askedProtoIDs: [UInt32] = []

    var endpoint: Endpoint
    var failures = FailureRun()
    /// The name of a request in the log.
    let name: @Sendable (Request<Payload>) -> String
    /// What tells a payload's question to a gateway from others; nil: its answer is not shared.
    let key: @Sendable (Payload) -> SharedAnswers.Key?
    /// The gateway and its account, for the answers that are shared. Until the first handshake they are not known, and
    /// this is the connection's own.
    var gateway: SharedAnswers.Key
    /// `SharedAnswers.changes` when those that wait for others' answers looked last.
    var seenChanges: UInt64 = 0
    /// When they look again whatever happens.
    var nextLook = Instant.max
    var backoff: Backoff
    var latest: Instant = .min

    /// When `tick` must be called next, at the latest. There may be nothing to do then.
    package internal(set) var wakeAt: Instant = .max

    /// - Parameters:
    ///   - name: returns the name of a request in the log.
    ///   - key: returns what tells a request's question to a gateway from all others; nil: its answer is not shared.
    package init(
        _ configuration: ConnectionConfiguration, member: QuotaGroup.Member,
        name: @escaping @Sendable (Request<Payload>) -> String = { _ in "" },
        key: @escaping @Sendable (Payload) -> SharedAnswers.Key? = { _ in nil }
    ) {
        self.configuration = configuration
        self.member = member
        self.name = name
        self.key = key
        gateway = [0] + withUnsafeBytes(of: member) { Array($0) }
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

    /// How many requests are accepted and not completed.
    package var requestCount: Int { requests.count + waitingCompletions }

    // MARK: - Time

    package mutating func start(_ now: Instant) {
        guard case .idle = phase else { return }
        beginAttempt(advance(now), after: nil)
    }

    /// Does what is due. Frames that have arrived must be passed to `received` before, so that a late call does not
    /// look like silence.
    package mutating func tick(_ now: Instant, _ quota: inout QuotaGroup) {
        if case .released = phase { return }
        let now = advance(now)
        wakeAt = .max
        advancePhase(now, &quota)
        expireRequests(now, &quota)
        settle(now, &quota)
        warn(now)
        if let attemptDeadline { wake(attemptDeadline) }
        if case .ready(let ready) = phase {
            wake(ready.keepAliveAt)
            wake(ready.silenceAt)
        }
        wake(nextLook)
        wake(requests.nextDeadline)
    }

    /// Handles the deadlines of an attempt, a pause or a stream.
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
            let text = Texts.silent(Self.silenceLimit.seconds)
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

    /// Completes a request that timed out and was removed from its queue.
    mutating func timedOut(_ request: Request<Payload>) {
        if request.wasSent {
            return complete(request, .replyTimeout, Texts.replyTimedOut(request.terms.replyTimeout.milliseconds))
        }
        let why =
            !isReady
            ? lastCause?.text ?? Texts.waitsForConnection
            : request.isJoined
                ? Texts.waitsForSharedAnswer
                : request.needsSlot ? Texts.waitsForQuota : Texts.heldUpByCallback
        complete(request, .queueTimeout, Texts.queueTimedOut(request.terms.queueTimeout.milliseconds, why))
    }

    // MARK: - Shared by the other files

    mutating func advance(_ now: Instant) -> Instant {
        latest = max(latest, now)
        return latest
    }

    mutating func wake(_ at: Instant) {
        wakeAt = min(wakeAt, at)
    }

    /// Updates the group's count of requests that wait for a slot.
    func tellWaiting(_ quota: inout QuotaGroup) {
        quota.setWaiting(member, isReady ? requests.waitingForSlotCount : 0)
    }
}
