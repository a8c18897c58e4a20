import CSystem
import Glibc

/// Application-driven mode: a thread of the application's does what the connection's own does in thread mode, whenever it
/// calls, one at a time.
extension Connection {
    /// Readable when there is something to do, for the connection's whole life.
    package var descriptor: Int32 { poller.epoll }

    func startApplicationDriven() {
        state.with { $0.tell { machine, _ in machine.start(Clock.now()) } }
        // No callback may run in the call that makes the connection: the first step is `process`'s.
        poller.wake()
    }

    /// Does what there is to do, and waits for nothing.
    package func process() -> Status {
        let (status, timerAt) = state.with { ($0.takeTurn(), $0.timerAt) }
        guard case .ok = status else { return status }
        guard runTurn(wait: 0, answersBefore: poller.waitsForWriting ? nil : timerAt) else { return .forked }
        return poller.isGivenUp ? .systemError : .ok
    }

    // MARK: - Turns

    /// One turn of a thread at driving, which is marked as the driver.
    private struct Turn {
        let connection: Unmanaged<Connection>
        /// Longest wait for something to do, in milliseconds; nil: there is nothing to look for.
        let wait: Int32?
        /// Answers are looked for first, and suffice if a timer is not due before.
        let answersBefore: Instant?
        /// false in a child that a callback forked.
        var isOurs = true
    }

    /// - Returns: false in a child that a callback forked.
    private func runTurn(wait: Int32?, answersBefore: Instant? = nil) -> Bool {
        guard let thread = csystem_this_thread() else { return true }
        let before = thread.pointee.driving
        drivenBefore = before
        let connection = Unmanaged.passUnretained(self)
        thread.pointee.driving = connection.toOpaque()
        var turn = Turn(connection: connection, wait: wait, answersBefore: answersBefore)
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
        if let wait = turn.wait, !(turn.answersBefore.map { receiveAnswers(before: $0) } ?? false) {
            ready = poller.wait(wait)
            dispatch(ready)
        }
        return endTurn(isWritable: ready.isSocketWritable)
    }

    /// The calling thread has left the turn it was in: a callback jumped or threw out of it, or the thread ends. What it
    /// drove fails for good, and goes on with whoever drives it next; so do the thread's other connections.
    package static func abandonTurns() {
        guard let thread = csystem_this_thread() else { return }
        var next = thread.pointee.driving
        thread.pointee.driving = nil
        thread.pointee.turn = 0
        thread.pointee.callback_depth = 0
        thread.pointee.batching = nil
        while let pointer = next {
            // The frames that are gone have left their references to it behind.
            let connection = Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
            next = connection.drivenBefore
            connection.abandonTurn()
        }
        endReleased()
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

    /// Nearly always it is answers that made the descriptor readable, and then the poller need not be asked, which saves one
    /// system call in four and a seventh of the processor's time: other threads' wishes are looked for in any case, a timer
    /// shows in the time, and whatever else there is keeps the descriptor readable.
    /// - Returns: whether that is all for this call.
    private func receiveAnswers(before timerAt: Instant) -> Bool {
        receive() && (driving.isFinished || Clock.now() < timerAt)
    }

    /// One step of a call that waits, for the thread that has taken its turn.
    /// - Returns: false in a child that a callback forked.
    func driveOnce(until deadline: Instant) -> Bool {
        // Rounded up, so as not to look again and again in the last millisecond.
        let left = (max(deadline - Clock.now(), 0) + 999_999) / 1_000_000
        return runTurn(wait: min(Int32(clamping: left), Poller.longestWait))
    }

    /// Drives until `isDone`, or the deadline.
    /// - Returns: false in a child that a callback forked.
    package func drive(until deadline: Instant, _ isDone: () -> Bool) -> Bool {
        if case .forked = wait(until: deadline, { _ in isDone() ? () : nil }) { return false }
        return true
    }

    /// Does what is left to do and lets another thread drive: under one hold of the lock, so that nothing is left behind that
    /// one who found a driver relies on.
    /// - Returns: false in a child that a callback forked.
    private func endTurn(isWritable: Bool = false) -> Bool {
        if !runUntilIdle(isWritable: isWritable, atIdle: { $0.endTurn() }) {
            if !driving.isForked { end() }
            if driving.isForked { return false }
            state.with { $0.endTurn() }
        }
        state.tellChanged()
        return true
    }

    func releaseApplicationDriven(insideCallback: Bool) {
        let isMyTurn = state.with { state in
            state.tell { $0.release(Clock.now(), &$1) }
            if case .ok = state.takeTurn() { return true }
            // Whoever is at it comes to the end of it: this very thread after its callback, or another one.
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

    /// No callback runs inside another one: this connection's last ones come once the thread is out of the one it is in.
    private func endAfterCallback() {
        guard let thread = csystem_this_thread() else { return }
        releasedBefore = thread.pointee.released.map { Unmanaged<Connection>.fromOpaque($0).takeRetainedValue() }
        thread.pointee.released = Unmanaged.passRetained(self).toOpaque()
    }

    /// Ends what was released in the callback that has just returned, in the order of the releases.
    static func endReleased() {
        while let connection = takeReleased() { _ = connection.runTurn(wait: nil) }
    }

    /// The one released first.
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
    /// parent's: nothing more is done here. No other thread is left to hold a lock.
    func leaveInForkedChild() {
        sender.remakeAfterFork()
        state.remakeAfterFork()
        driving.leave()
    }
}
