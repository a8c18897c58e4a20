import CSystem
import Codec
import Glibc

/// The driver of one connection: it performs what the state machine decides. It runs on the connection's thread or, in
/// application-driven mode, on the thread of the application that has its turn (Connection+ApplicationDriven.swift).
///
/// Locks, outermost first: `sender`'s (wire serial numbers, encoding, the socket's sending side), `state`'s (the state
/// machine), the quota group's. No callback runs with any of them held. All else is constant, atomic, or for the
/// driving thread alone, so any thread may have a reference.
package final class Connection: @unchecked Sendable {
    package typealias Machine = ConnectionMachine<Payload>

    package let options: ConnectionOptions
    package let handle: OpaquePointer?
    let membership: QuotaRegistry.Membership
    let poller: Poller
    /// Removes the handle. Called on the driving thread, before `onClosed`.
    private let forget: @Sendable () -> Void

    let sender: Guarded<Sender>
    let state: Guarded<SharedState>
    let driving: DriverState
    /// In application-driven mode: the connection that was released before this one in the same callback. A list of
    /// those to end.
    var releasedBefore: Connection?
    /// In application-driven mode: the connection that the driving thread drove before, and in whose callback it is;
    /// not retained.
    var drivenBefore: UnsafeMutableRawPointer?

    package enum CreationError: Error {
        case system(SystemError)
        case quotaConflict
    }

    /// - Parameters:
    ///   - handle: the handle that is passed to callbacks.
    ///   - group: the name of the quota group to join.
    ///   - limit: its slots in each `window`; 0: no quota.
    ///   - forget: removes the handle.
    package convenience init(
        _ options: ConnectionOptions, handle: OpaquePointer?, group: String, limit: Int, window: TimeAmount,
        forget: @escaping @Sendable () -> Void
    ) throws(CreationError) {
        guard let poller = Poller() else { throw .system(SystemError(code: errno)) }
        let membership = QuotaRegistry.shared.join(group, limit: limit, window: window, Clock.now()) { poller.wake() }
        guard let membership else {
            poller.close()
            throw .quotaConflict
        }
        self.init(options, handle, membership, poller, forget)
    }

    private init(
        _ options: ConnectionOptions, _ handle: OpaquePointer?, _ membership: QuotaRegistry.Membership,
        _ poller: Poller,
        _ forget: @escaping @Sendable () -> Void
    ) {
        self.options = options
        self.handle = handle
        self.membership = membership
        self.poller = poller
        self.forget = forget
        sender = Guarded(Sender(options, poller))
        let machine = Machine(options.behaviour, member: membership.member, name: options.callbacks.name) {
            Array($0.body)
        }
        state = Guarded(SharedState(machine, membership.quota, poller))
        driving = DriverState(Connector(options, poller) { [state] in state.with { $0.machine.attemptDeadline } })
    }

    /// Starts the connection's thread, in thread mode. After this `release` must be called.
    package func start() throws(SystemError) {
        csystem_add_connection()
        if options.isApplicationDriven { return startApplicationDriven() }
        // With the lock held, for which the thread's first step waits: so its id is stored before anyone joins it.
        let error = state.with { state -> Int32 in
            let thread = Thread.start(detached: false, stackBytes: options.threadStackBytes) { self.run() }
            guard let thread else { return errno }
            state.thread.began(thread)
            return 0
        }
        guard error != 0 else { return }
        csystem_remove_connection()
        csystem_give_back()
        QuotaRegistry.shared.leave(membership)
        poller.close()
        throw SystemError(code: error)
    }

    // MARK: - Calls of the application, from any thread

    /// Accepts a request. If it is accepted, the connection owns its payload.
    /// - Parameters:
    ///   - serialNo: where to store the number, before any callback can see it.
    ///   - shared: a second place, where other threads read it.
    /// - Returns: `.ok`, or why it is refused.
    package func ask(
        _ payload: Payload, protoID: UInt32, _ terms: RequestTerms, _ serialNo: UnsafeMutablePointer<UInt32>?,
        shared: UnsafeMutablePointer<UInt32>? = nil
    ) -> Status {
        let now = Clock.now()
        let suspended = terms.takesSharedAnswer ? Clock.suspended() : nil
        @inline(__always)
        func status(_ accepted: Result<UInt32, Machine.AskError>) -> Status {
            switch accepted {
            case .success(let number):
                serialNo?.pointee = number
                if let shared { csystem_store(shared, number) }
                return .ok
            case .failure(let refusal): return refusal.status
            }
        }
        if isBatching {
            return state.with { state in
                let accepted = state.tell { machine, quota in
                    if let suspended { quota.answers.clockStoodStill(for: suspended) }
                    return machine.ask(payload, protoID: protoID, terms, now, &quota)
                }
                let status = status(accepted)
                // After the callback its actions are performed, and the collected requests are sent.
                if case .ok = status { state.rearm() }
                return status
            }
        }
        return sender.with { sender in
            let canFill = sender.canFill
            let status = state.with { state in
                // With the quota's lock taken once: nearly always the request is what is sent next.
                let (accepted, next) = state.tell { machine, quota in
                    if let suspended { quota.answers.clockStoodStill(for: suspended) }
                    let accepted = machine.ask(payload, protoID: protoID, terms, now, &quota)
                    return (accepted, canFill ? machine.nextToSend(now, &quota) : nil)
                }
                let status = status(accepted)
                if let next { _ = sender.fill(from: &state, now, first: next) }
                if case .ok = status { state.handOver(now) }
                return status
            }
            sender.flush()
            return status
        }
    }

    package func cancel(_ serialNo: UInt32) -> Status {
        let now = Clock.now()
        return state.with { state in
            if state.isReleased { return .released }
            guard state.tell({ $0.cancel(serialNo, now, &$1) }) else { return .notFound }
            state.handOver(now)
            return .ok
        }
    }

    /// See `ConnectionMachine.withdraw`.
    package func withdraw(_ serialNo: UInt32) -> Machine.Completion? { tell { $0.withdraw(serialNo, $1, &$2) } }

    /// Waits until the connection is established, has failed permanently or is released.
    /// - Returns: the status, and a sentence if it is not `.ok`.
    package func waitReady(until deadline: Instant) -> Waited<(Status, String)> {
        wait(until: deadline) { $0.readiness }
    }

    /// Why the connection is not established yet, for a caller whose wait timed out.
    package func whyNotReady() -> (Status, String) {
        guard let cause = state.with({ $0.machine.lastCause }) else {
            return (.connectTimeout, "not connected yet; no attempt has failed so far")
        }
        return (cause.status, "not connected yet; last attempt: \(cause.text)")
    }

    package enum Waited<Answer> {
        case answer(Answer)
        case deadline
        /// This process is a child that a callback forked.
        case forked
    }

    /// Waits until `body` returns an answer. In application-driven mode it drives the connection meanwhile, unless
    /// another thread does.
    func wait<Answer>(until deadline: Instant, _ body: (inout SharedState) -> Answer?) -> Waited<Answer> {
        while true {
            // nil inside: it is this thread's turn to drive.
            let answer = state.wait(until: deadline) { state -> Answer?? in
                if let answer = body(&state) { return .some(answer) }
                guard options.isApplicationDriven, Clock.now() < deadline, case .ok = state.takeTurn() else {
                    return nil
                }
                return .some(nil)
            }
            guard let answer else { return .deadline }
            if let answer { return .answer(answer) }
            guard driveOnce(until: deadline) else { return .forked }
        }
    }

    package struct Info {
        package var connID: UInt64
        package var loginUserID: UInt64
        package var serverVersion: Int32
        package var state: Machine.State
    }

    package func info() -> Info {
        state.with { state in
            let told = state.handshake
            return Info(
                connID: told.connID, loginUserID: told.loginUserID, serverVersion: told.serverVersion,
                state: state.machine.state)
        }
    }

    /// Why a request that does not wait during an outage was refused.
    package func outageText() -> String {
        let cause = state.with { $0.machine.outage ?? $0.machine.lastCause }
        return Texts.outage(cause?.text ?? "")
    }

    /// The state of the quota group.
    package func quota() -> (limit: Int, window: TimeAmount, used: Int, waiting: Int, nextFree: TimeAmount?) {
        let now = Clock.now()
        let quota = membership.quota
        return quota.with { group in
            let nextFree = group.nextFree(now).map { max($0 - now, .zero) }
            return (quota.limit, quota.window, group.used(now), group.waiting, nextFree)
        }
    }

    /// Ends the connection. Called once.
    /// - Parameter insideCallback: whether the calling thread is in a callback, and so must not wait.
    package func release(insideCallback: Bool) {
        if options.isApplicationDriven { return releaseApplicationDriven(insideCallback: insideCallback) }
        let now = Clock.now()
        state.with { state in
            state.thread.isDetached = insideCallback
            state.tell { $0.release(now, &$1) }
            wakeForRelease(&state)
            self.state.tellChanged()
        }
        if !insideCallback { join() }
    }

    /// Wakes the driving thread. Descriptors that do not belong to the library any more are not written to.
    func wakeForRelease(_ state: inout SharedState) {
        if poller.isIntact { poller.wake() } else { state.loseDescriptors() }
    }

    // MARK: - For the thread that drives

    /// Tells the machine of an event.
    @inline(__always)
    func tell<R>(_ event: (inout Machine, Instant, inout QuotaGroup) -> R) -> R {
        let now = Clock.now()
        return state.with { state in state.tell { event(&$0, now, &$1) } }
    }

    func attemptFailed(_ cause: Cause) { tell { $0.attemptFailed(cause, $1, &$2) } }

    func streamLost(_ cause: Cause) { tell { $0.streamLost(cause, $1, &$2) } }

    /// Frees everything, and calls `onClosed`.
    /// - Returns: false if it has ended before.
    @discardableResult
    func end() -> Bool {
        guard driving.end() else { return false }
        driving.connector.abandonHelpers()
        QuotaRegistry.shared.leave(membership)
        poller.close()
        forget()
        if let onClosed = options.callbacks.onClosed {
            insideCallback { onClosed(options.callbacks.userData) }
        }
        return true
    }

    /// Makes waiting threads check again. With the lock held: otherwise a thread could check just before, and go to
    /// sleep just after.
    package func wakeWaiters() { state.with { _ in state.tellChanged() } }

    /// Runs a callback of the application. The thread is marked meanwhile, so that calls that would wait for it are
    /// refused.
    @inline(__always)
    package func insideCallback(_ callback: () -> Void) {
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

    /// The application forked inside a callback, and the callback returned in the child. The stream is the parent's,
    /// and the child would take its answers. This is the child's only thread, so the child ends, with a status that
    /// shows it. `_exit`, because the atexit handlers belong to the parent.
    private func endInForkedChild() -> Never {
        _exit(1)
    }
}
