import CCapDist
import CSystem
import Codec
import Glibc

/// The driver of one connection: performs what the state machine decides, on a thread of its own or, in
/// application-driven mode, on whichever of the application's threads has its turn (Connection+ApplicationDriven.swift).
///
/// Locks, outermost first: `sendLock` (wire serial numbers, encoding, the socket's sending side), `stateLock` (the state
/// machine; held briefly, never across a system call that may take long), the quota group's. No callback runs under any.
/// What only the thread that drives touches stands in `input`.
package final class Connection: @unchecked Sendable {
    package typealias Machine = ConnectionMachine<Payload>

    struct State {
        var machine: Machine
        /// When the timer is set to.
        var timerAt = Instant.max
        /// As in `Output`, for a driver that does not hold its lock.
        var isBlocked = false
        var thread = pthread_t()
        /// How many came before it, and which of them a release waits for; an id may be given again.
        var threadNumber = 0
        var joinedNumber = -1
        /// Whether nobody will join the thread.
        var isDetached = false
        /// Whether the thread is done and does not end, since the process exits.
        var isParked = false
        /// In application-driven mode: the thread that is at it, 0 for none.
        var driver = pthread_t()
        var isOver = false
        /// Whether the application was asked for the host's addresses and has not answered; then its answer.
        var asksForAddresses = false
        var resolved: Result<[Address], LookUpFailure>?
        /// Of the last handshake.
        var connID: UInt64 = 0
        var loginUserID: UInt64 = 0
        var serverVersion: Int32 = 0
    }

    struct Output: ~Copyable {
        var writer: FrameWriter
        /// Of this stream, over TLS.
        var tls: TLSSession?
        /// Of this stream, once InitConnect has agreed on it.
        var cipher: BodyCipher?
        /// InitConnect under RSA; made on the connection's thread.
        var encryptedFirstMessage: [UInt8]?
        /// -1: none.
        var socket: Int32 = -1
        /// Whether the socket took less than there was, so that the poller must tell when it takes more.
        var isBlocked = false

        init(_ writer: consuming FrameWriter) { self.writer = writer }
    }

    struct Input: ~Copyable {
        var reader: FrameReader
        /// In its place over WebSocket, once connected.
        var stream: WebSocketStream?
        var arena = MessageArena()
        var decryption: Decryption
        var isConnecting = false
        /// Nothing more is to be done: the connection is released, or this is a child that a callback forked.
        var isFinished = false
        var isForked = false
        /// Whether `onThreadStart` is running.
        var isBeginning = false
        /// Whether all but the last callback is over.
        var hasEnded = false
        var lookUp: Helpers.Names.Ticket?
        /// Over TLS: what makes `trusted`.
        var trustWork: Helpers.Certificates.Ticket?
        /// Over TLS: of this attempt.
        var trusted: TLSContext?
        /// Whether an attempt waits for these. One that outlasts its attempt serves the next.
        var awaitsLookUp = false
        var awaitsTrust = false
        /// Addresses of the host not tried yet in this attempt, and the one that is being tried or connected to.
        var addresses: [Address] = []
        var address: Address?
        /// The one that took a connection last and then did not stand: the next attempt begins with the one after it.
        var passedOver: Address?
        /// What is asked in callbacks goes out at once until then: one of them took long.
        var batchesFrom = Instant.min
        /// When the attempt must be done, and when the next address has its turn.
        var attemptDeadline = Instant.max
        var addressDeadline = Instant.max
    }

    /// Frames that wait for the socket to take them, beyond which no more are made.
    static let maxPending = 64 * 1024
    /// Bytes that are made or encrypted in a row before answers, timers and other threads' wishes get their turn.
    static let maxInARow = 1024 * 1024

    package let options: ConnectionOptions
    let handle: OpaquePointer?
    let membership: QuotaRegistry.Membership
    let poller: Poller
    /// Makes the handle unknown; called on the connection's thread before `onClosed`.
    private let forget: @Sendable () -> Void

    let sendLock = Lock()
    let stateLock = Lock()
    let stateChanged = Condition()
    let state: UnsafeMutablePointer<State>
    let output: UnsafeMutablePointer<Output>
    let input: UnsafeMutablePointer<Input>
    /// In application-driven mode: released in a callback before this one on the same thread, and to be ended after it.
    var releasedBefore: Connection?
    /// In application-driven mode: what this thread drives as well, and was at before; not retained.
    var drivenBefore: UnsafeMutableRawPointer?

    package enum CreationError: Error {
        case system(SystemError)
        case quotaConflict
    }

    /// - Parameters:
    ///   - handle: what callbacks are handed.
    ///   - group: name of the quota group to join.
    ///   - limit: its slots, 0 for none; `window` in nanoseconds.
    ///   - forget: see above.
    package init(
        _ options: ConnectionOptions, handle: OpaquePointer?, group: String, limit: Int, window: Instant,
        forget: @escaping @Sendable () -> Void
    ) throws(CreationError) {
        guard Crypto.isAvailable else { throw .system(SystemError(code: ENOSYS)) }
        guard let poller = Poller() else { throw .system(SystemError(code: errno)) }
        let membership = QuotaRegistry.shared.join(group, limit: limit, window: window, Clock.now()) { poller.wake() }
        guard let membership else {
            poller.close()
            throw .quotaConflict
        }
        self.options = options
        self.handle = handle
        self.membership = membership
        self.poller = poller
        self.forget = forget
        state = .allocate(capacity: 1)
        state.initialize(to: State(machine: Machine(options.behaviour, member: membership.member) { Payload.name($0) }))
        output = .allocate(capacity: 1)
        output.initialize(to: Output(options.behaviour.transport == .tcp ? FrameWriter() : FrameWriter(MaskSource())))
        input = .allocate(capacity: 1)
        input.initialize(
            to: Input(
                reader: FrameReader(maxBodyLength: options.maxBodyLength),
                decryption: Decryption(options.rsaKey, options.cipher)))
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
        output.deinitialize(count: 1)
        output.deallocate()
        input.deinitialize(count: 1)
        input.deallocate()
    }

    /// Starts the connection's thread, if it is to have one. From here on `release` must be called.
    package func start() throws(SystemError) {
        if options.isApplicationDriven { return startApplicationDriven() }
        // Who joins the thread finds its id: the thread's first step waits for this lock.
        stateLock.lock()
        let thread = Thread.start(detached: false, stackBytes: options.threadStackBytes) { self.run() }
        if let thread { state.pointee.thread = thread }
        let error = errno
        stateLock.unlock()
        guard thread == nil else { return }
        QuotaRegistry.shared.leave(membership)
        poller.close()
        throw SystemError(code: error)
    }

    // MARK: - Calls of the application, from any thread

    /// What a request may set for itself; nil for the connection's default. Times in nanoseconds.
    package struct Terms {
        package var queueTimeout: Instant?
        package var replyTimeout: Instant?
        package var failsWithoutSlot: Bool?
        /// Where else to store the number, for other threads to read.
        package var serialNo: UnsafeMutablePointer<UInt32>?
        package var failsInOutage: Bool?
        package init() {}
    }

    /// Accepts a request; its payload is the connection's from then on.
    /// - Parameter serialNo: where to store the number before any callback can see it.
    /// - Returns: `.ok`, or why it is refused.
    package func ask(
        _ payload: Payload, protoID: UInt32, _ terms: Terms, _ serialNo: UnsafeMutablePointer<UInt32>?
    ) -> Status {
        // The machine's generic types stay inside this module, where they are specialised.
        let ask = Machine.Ask(
            protoID: protoID, payload: payload, queueTimeout: terms.queueTimeout, replyTimeout: terms.replyTimeout,
            failsWithoutSlot: terms.failsWithoutSlot ?? options.failsWithoutSlot,
            failsInOutage: terms.failsInOutage ?? options.failsInOutage)
        let now = Clock.now()
        let isLater = isBatching
        if !isLater { sendLock.lock() }
        stateLock.lock()
        let canSend = !isLater && canFill
        var first: Machine.Outgoing?
        let result = membership.quota.with { group in
            let result = state.pointee.machine.ask(ask, now, &group)
            // Nearly always it can be sent at once: one turn under the lock for both.
            if canSend, case .success = result { first = state.pointee.machine.nextToSend(now, &group) }
            return result
        }
        if case .success(let number) = result {
            serialNo?.pointee = number
            if let told = terms.serialNo { csystem_store(told, number) }
            if let first {
                if makeFrame(first, now), state.pointee.machine.mayHaveToSend { _ = fill(now) }
            } else if !isLater {
                _ = fill(now)
            }
            // A callback's own actions are performed once it returns.
            rearmTimer(wakes: !isLater)
        }
        stateLock.unlock()
        if !isLater {
            flush()
            sendLock.unlock()
        }
        return if case .failure(let refusal) = result { refusal.status } else { .ok }
    }

    package func cancel(_ serialNo: UInt32) -> Status {
        let now = Clock.now()
        return stateLock.withLock {
            if case .released = state.pointee.machine.state { return .released }
            let found = membership.quota.with { state.pointee.machine.cancel(serialNo, now, &$0) }
            if found { rearmTimer(wakes: true) }
            return found ? .ok : .notFound
        }
    }

    /// See `ConnectionMachine.withdraw`.
    package func withdraw(_ serialNo: UInt32) -> Machine.Completion? {
        let now = Clock.now()
        return stateLock.withLock {
            membership.quota.with { state.pointee.machine.withdraw(serialNo, now, &$0) }
        }
    }

    /// Waits until the connection stands, has failed for good or is released.
    /// - Returns: the status, and a sentence if it is not `.ok`.
    package func waitReady(until deadline: Instant) -> (Status, String) {
        stateLock.lock()
        defer { stateLock.unlock() }
        while true {
            switch state.pointee.machine.state {
            case .ready: return (.ok, "")
            case .failed(let cause): return (cause.status, cause.text)
            case .released: return (.released, Texts.released)
            case .connecting: break
            }
            if Clock.now() >= deadline {
                guard let cause = state.pointee.machine.lastCause else {
                    return (.connectTimeout, "not connected yet; no attempt has failed so far")
                }
                return (cause.status, "not connected yet; last attempt: \(cause.text)")
            }
            guard pause(until: deadline) else { return (.forked, "a callback forked, and this is the child") }
        }
    }

    /// Waits until something may have changed; in application-driven mode by doing what there is to do. With `stateLock`
    /// held.
    /// - Returns: false in a child that a callback forked.
    private func pause(until deadline: Instant) -> Bool {
        if options.isApplicationDriven { return driveOnce(until: deadline) }
        stateChanged.wait(stateLock, until: deadline)
        return true
    }

    package struct Info {
        package var connID: UInt64
        package var loginUserID: UInt64
        package var serverVersion: Int32
        package var state: Machine.State
    }

    package var isConnecting: Bool {
        stateLock.withLock { if case .connecting = state.pointee.machine.state { true } else { false } }
    }

    package func info() -> Info {
        stateLock.withLock {
            Info(
                connID: state.pointee.connID, loginUserID: state.pointee.loginUserID,
                serverVersion: state.pointee.serverVersion, state: state.pointee.machine.state)
        }
    }

    /// Why a request that does not wait for an outage to pass was refused.
    package func outageText() -> String {
        let cause = stateLock.withLock { state.pointee.machine.outage ?? state.pointee.machine.lastCause }
        return Texts.outage(cause?.text ?? "")
    }

    /// The quota group's figures.
    package func quota() -> (limit: Int, window: Instant, used: Int, waiting: Int, nextFree: Instant?) {
        let now = Clock.now()
        let quota = membership.quota
        return quota.with { group in
            let nextFree = group.nextFree(now).map { max($0 - now, 0) }
            return (quota.limit, quota.window, group.used(now), group.waiting, nextFree)
        }
    }

    /// Ends the connection; to be called once.
    /// - Parameter insideCallback: whether the calling thread is in a callback, and must not wait.
    package func release(insideCallback: Bool) {
        if options.isApplicationDriven { return releaseApplicationDriven(insideCallback: insideCallback) }
        let now = Clock.now()
        stateLock.lock()
        state.pointee.isDetached = insideCallback
        membership.quota.with { state.pointee.machine.release(now, &$0) }
        // What is not ours any more is not to be written to; the thread looks for itself.
        if !poller.isIntact { poller.giveUp() }
        poller.wake()
        stateChanged.broadcast()
        stateLock.unlock()
        if !insideCallback { join() }
    }

    /// The last of it, on the thread that drives.
    func end() {
        // A callback of its own may have been left sideways.
        guard !input.pointee.hasEnded else { return }
        input.pointee.hasEnded = true
        abandonHelpers()
        QuotaRegistry.shared.leave(membership)
        poller.close()
        forget()
        if let onClosed = options.callbacks.onClosed {
            insideCallback { onClosed(options.callbacks.userData) }
        }
    }

    /// Who waits looks again: under the lock, or it might look just before and sleep just after.
    package func wakeWaiters() { stateLock.withLock { stateChanged.broadcast() } }

    /// Runs a callback of the application with this thread marked, so that calls that would wait for it are refused.
    @inline(__always)
    func insideCallback(_ callback: () -> Void) {
        let thread = csystem_this_thread()
        let forks = csystem_forks()
        thread?.pointee.callback_depth += 1
        if let thread { csystem_end_call(thread) }
        callback()
        if let thread { csystem_begin_call(thread) }
        if csystem_forks() != forks {
            guard options.isApplicationDriven else { endInForkedChild() }
            return leaveInForkedChild()
        }
        thread?.pointee.callback_depth -= 1
        if thread?.pointee.callback_depth == 0, thread?.pointee.released != nil { Self.endReleased() }
    }

    /// The application forked inside a callback and came back from it in the child. The stream is the parent's: to go on
    /// would take its answers away. This is the child's only thread, so the child ends, and with a status that shows it;
    /// the application's atexit handlers are the parent's to run.
    private func endInForkedChild() -> Never {
        _exit(1)
    }
}
