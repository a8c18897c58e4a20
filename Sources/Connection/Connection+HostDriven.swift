import CSystem
import Glibc
import Limiter

/// Host-driven mode: a thread of the host's does what the connection's own does in thread mode, whenever it calls, one at a
/// time.
extension Connection {
    /// Readable when there is something to do, for the connection's whole life.
    package var descriptor: Int32 { poller.epoll }

    func startHostDriven() {
        stateLock.withLock { state.pointee.machine.start(Clock.now()) }
        // No callback may run in the call that makes the connection: the first step is `process`'s.
        poller.wake()
    }

    /// Does what there is to do, and waits for nothing.
    package func process() -> Status {
        stateLock.lock()
        let status: Status = state.pointee.isOver ? .released : state.pointee.driver == 0 ? .ok : .busy
        if case .ok = status { state.pointee.driver = pthread_self() }
        let (timerAt, isBlocked) = (state.pointee.timerAt, state.pointee.isBlocked)
        stateLock.unlock()
        guard case .ok = status else { return status }
        var ready = Poller.Ready()
        if isBlocked || !receiveAnswers(before: timerAt) {
            ready = poller.wait(0)
            look(ready)
        }
        return endTurn(isWritable: ready.isSocketWritable) ? .ok : .forked
    }

    /// Nearly always it is answers that made the descriptor readable, and then the poller need not be asked: other threads'
    /// wishes are looked for in any case, a timer shows in the time, and whatever else there is keeps it readable.
    /// - Returns: whether that is all for this call.
    private func receiveAnswers(before timerAt: Instant) -> Bool {
        guard input.pointee.line == nil, receive() else { return false }
        return input.pointee.isFinished || Clock.now() < timerAt
    }

    /// One step of a call that waits: this thread drives, unless another one does. With `stateLock` held.
    /// - Returns: false in a child that a callback forked.
    func takeTurn(until deadline: Instant) -> Bool {
        guard state.pointee.driver == 0, !state.pointee.isOver else {
            stateChanged.wait(stateLock, until: deadline)
            return true
        }
        state.pointee.driver = pthread_self()
        stateLock.unlock()
        // Rounded up, so as not to look again and again in the last millisecond.
        let left = (max(deadline - Clock.now(), 0) + 999_999) / 1_000_000
        let ready = poller.wait(Int32(clamping: left))
        look(ready)
        let isOurs = endTurn(isWritable: ready.isSocketWritable)
        stateLock.lock()
        return isOurs
    }

    /// Drives until `isDone`, which is asked with `stateLock` held, or the deadline.
    /// - Returns: false in a child that a callback forked.
    package func drive(until deadline: Instant, _ isDone: () -> Bool) -> Bool {
        stateLock.lock()
        defer { stateLock.unlock() }
        while !isDone(), Clock.now() < deadline {
            guard takeTurn(until: deadline) else { return false }
        }
        return true
    }

    /// Does what is left to do and lets another thread drive: under one hold of the lock, so that nothing is left behind that
    /// one who found a driver relies on.
    /// - Returns: false in a child that a callback forked.
    private func endTurn(isWritable: Bool = false) -> Bool {
        if !workUntilIdle(isWritable: isWritable) {
            if !input.pointee.isForked { end() }
            if input.pointee.isForked { return false }
            stateLock.lock()
            state.pointee.isOver = true
        }
        state.pointee.driver = 0
        stateLock.unlock()
        stateChanged.broadcast()
        return true
    }

    func releaseHostDriven(insideCallback: Bool) {
        stateLock.lock()
        membership.quota.with { state.pointee.machine.release(Clock.now(), &$0) }
        if state.pointee.driver == 0 {
            state.pointee.driver = pthread_self()
            stateLock.unlock()
            if insideCallback {
                endAfterCallback()
            } else {
                _ = endTurn()
            }
            return
        }
        // Whoever is at it comes to the end of it: this very thread after its callback, or another one.
        poller.wake()
        if !insideCallback {
            while !state.pointee.isOver { stateChanged.wait(stateLock, until: .max) }
        }
        stateLock.unlock()
    }

    /// No callback runs inside another one: this connection's last ones come once the thread is out of the one it is in.
    private func endAfterCallback() {
        guard let thread = csystem_this_thread() else { return }
        releasedBefore = thread.pointee.released.map { Unmanaged<Connection>.fromOpaque($0).takeRetainedValue() }
        thread.pointee.released = Unmanaged.passRetained(self).toOpaque()
    }

    /// Ends what was released in the callback that has just returned, in the order of the releases.
    static func endReleased() {
        guard let thread = csystem_this_thread() else { return }
        let released = takeChain(&thread.pointee.released)
        for connection in released.reversed() { _ = connection.endTurn() }
    }

    /// Connections that were released inside a callback, the last one first.
    private static func takeChain(_ first: inout UnsafeMutableRawPointer?) -> [Connection] {
        var last = first.map { Unmanaged<Connection>.fromOpaque($0).takeRetainedValue() }
        first = nil
        var chain: [Connection] = []
        while let connection = last {
            chain.append(connection)
            last = connection.releasedBefore
            connection.releasedBefore = nil
        }
        return chain
    }

    /// The host forked inside a callback, and this is the child, on the thread that drives. The line is the parent's: nothing
    /// more is done here. No other thread is left to hold a lock.
    func leaveInForkedChild() {
        if let thread = csystem_this_thread() {
            for connection in Self.takeChain(&thread.pointee.inherited) { connection.closeInherited() }
        }
        closeInherited()
        sendLock.remakeAfterFork()
        stateLock.remakeAfterFork()
        input.pointee.isForked = true
        input.pointee.isFinished = true
    }
}
