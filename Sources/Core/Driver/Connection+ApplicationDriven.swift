import CSystem
import Glibc

/// Application-driven mode. Threads of the application do what the connection's own thread does in thread mode, when
/// they call, one at a time.
extension Connection {
    /// Readable when there is something to do. It stays the same for the connection's whole life.
    package var descriptor: Int32 { poller.epoll }

    func startApplicationDriven() {
        state.with { $0.tell { machine, _ in machine.start(Clock.now()) } }
        // The call that makes the connection must run no callback, so `process` does the first step.
        poller.wake()
    }

    /// Does the pending work, and waits for nothing.
    package func process() -> Status {
        let now = Clock.now()
        let (status, isTimerDue) = state.with { state in
            let status = state.takeTurn()
            if case .ok = status { state.checkDescriptors(now) }
            return (status, state.timerAt <= now)
        }
        guard case .ok = status else { return status }
        guard runTurn(wait: 0, answersFirst: !isTimerDue && !poller.waitsForWriting) else { return .forked }
        return poller.isGivenUp ? .systemError : .ok
    }

    // MARK: - Turns

    /// One turn of a thread at driving. The thread is marked as the driver meanwhile.
    private struct Turn {
        /// Whoever drives has a reference. One more would be lost if the callback leaves by a jump.
        let connection: Unmanaged<Connection>
        /// The longest wait for events, in milliseconds; nil: the poller is not asked.
        let wait: Int32?
        /// Receive answers first. If there are some, the poller is not asked.
        let answersFirst: Bool
        /// false in a child that a callback forked.
        var isOurs = true
    }

    /// - Returns: false in a child that a callback forked.
    private func runTurn(wait: Int32?, answersFirst: Bool = false) -> Bool {
        guard let thread = csystem_this_thread() else { return true }
        let before = thread.pointee.driving
        drivenBefore = before
        let connection = Unmanaged.passUnretained(self)
        thread.pointee.driving = connection.toOpaque()
        var turn = Turn(connection: connection, wait: wait, answersFirst: answersFirst)
        csystem_run_turn(
            thread,
            { context in
                guard let turn = context?.assumingMemoryBound(to: Turn.self) else { return }
                turn.pointee.isOurs = turn.pointee.connection._withUnsafeGuaranteedRef { $0.perform(turn.pointee) }
            }, &turn)
        thread.pointee.driving = before
        return turn.isOurs
    }

    private func perform(_ turn: Turn) -> Bool {
        var ready = Poller.Ready()
        // Nearly always answers have made the descriptor readable. Then the poller need not be asked, which saves one
        // system call in four. Nothing is missed: other threads' requests are handled in any case, and other events, a
        // timer that is due by now among them, keep the descriptor readable.
        if let wait = turn.wait, !(turn.answersFirst && receive()) {
            ready = poller.wait(wait)
            dispatch(ready)
        }
        return endTurn(isWritable: ready.isSocketWritable)
    }

    /// The calling thread has left its turn: a callback was left by a jump or an exception, or the thread ends. The
    /// connection that it drove fails permanently, and whoever drives it next completes its requests. So do connections
    /// in whose callbacks that turn ran.
    package static func abandonTurns() {
        guard let thread = csystem_this_thread() else { return }
        var next = thread.pointee.driving
        thread.pointee.driving = nil
        thread.pointee.turn = 0
        thread.pointee.callback_depth = 0
        thread.pointee.batching = nil
        while let pointer = next {
            // Not retained here: the stack frames that were left have leaked their references.
            let connection = Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
            next = connection.drivenBefore
            connection.abandonTurn()
        }
        endReleased()
    }

    /// The calling thread ends in a turn, or where it drives as the connection's own.
    package static func threadEnds() {
        abandonTurns()
        Thread.dropBody()
    }

    static var callbackLeft: Cause { Cause(.disconnected, .receive, ECANCELED, Texts.callbackLeft, isFinal: true) }

    private func abandonTurn() {
        if !options.isApplicationDriven { return replaceThread() }
        let now = Clock.now()
        let isReleased = state.with { state in
            state.tell { $0.fail(Self.callbackLeft, now, &$1) }
            if !state.isReleased { state.endTurn() }
            return state.isReleased
        }
        if isReleased { endAfterCallback() }
        poller.wake()
        state.tellChanged()
    }

    /// One step of a blocking call, on the thread that has its turn.
    /// - Returns: false in a child that a callback forked.
    func driveOnce(until deadline: Instant) -> Bool {
        // Rounded up, to avoid a busy loop in the last millisecond.
        let left = max(deadline - Clock.now(), .zero).millisecondsRoundedUp
        return runTurn(wait: min(left, Poller.longestWait))
    }

    /// Drives until `isDone` is true, or until the deadline.
    /// - Returns: false in a child that a callback forked.
    package func drive(until deadline: Instant, _ isDone: () -> Bool) -> Bool {
        if case .forked = wait(until: deadline, { _ in isDone() ? () : nil }) { return false }
        return true
    }

    /// Does the remaining work, and lets another thread drive. Both happen with the lock held once, because a thread
    /// that found a driver relies on that driver to do its work.
    /// - Returns: false in a child that a callback forked.
    private func endTurn(isWritable: Bool = false) -> Bool {
        if runUntilIdle(isWritable: isWritable, .endOfTurn) == nil {
            let isLast = !driving.isForked && end()
            if driving.isForked { return false }
            if isLast { csystem_remove_connection() }
            state.with { $0.endTurn() }
        }
        state.tellChanged()
        return true
    }

    func releaseApplicationDriven(insideCallback: Bool) {
        let isMyTurn = state.with { state in
            state.tell { $0.release(Clock.now(), &$1) }
            if case .ok = state.takeTurn() { return true }
            // The driving thread ends the connection: this thread after its callback, or another one.
            wakeForRelease(&state)
            return false
        }
        switch (isMyTurn, insideCallback) {
        case (true, true): endAfterCallback()
        case (true, false): _ = runTurn(wait: nil)
        case (false, true): break
        case (false, false): _ = state.wait(until: .max) { state -> Void? in state.isOver ? () : nil }
        }
    }

    /// No callback runs inside another one. So this connection's last callbacks run after the callback that this thread
    /// is in.
    private func endAfterCallback() {
        guard let thread = csystem_this_thread() else { return }
        releasedBefore = thread.pointee.released.map { Unmanaged<Connection>.fromOpaque($0).takeRetainedValue() }
        thread.pointee.released = Unmanaged.passRetained(self).toOpaque()
    }

    /// Ends the connections that were released in the callback that has just returned, in the order of the releases.
    static func endReleased() {
        while let connection = takeReleased() { _ = connection.runTurn(wait: nil) }
    }

    /// The connection that was released first.
    private static func takeReleased() -> Connection? {
        guard let thread = csystem_this_thread(), let last = thread.pointee.released else { return nil }
        let chain = Unmanaged<Connection>.fromOpaque(last)
        var first = chain.takeUnretainedValue()
        var second: Connection?
        while let before = first.releasedBefore {
            second = first
            first = before
        }
        if let second {
            second.releasedBefore = nil
        } else {
            thread.pointee.released = nil
            chain.release()
        }
        return first
    }

    /// The application forked inside a callback, and this is the child, on the thread that drives. The stream is the
    /// parent's, so nothing more is done here. The locks are made new, because no other thread exists that could hold
    /// one.
    func leaveInForkedChild() {
        sender.remakeAfterFork()
        state.remakeAfterFork()
        driving.leave()
    }
}
