import CSystem
import Codec
import Glibc

/// The connection's thread, and its end.
extension Connection {
    func run() {
        // Until this thread's id is stored.
        stateLock.withLock {}
        beginThread(tells: true)
        stateLock.withLock { state.pointee.machine.start(Clock.now()) }
        drive()
    }

    private func beginThread(tells: Bool) {
        csystem_this_thread()?.pointee.driving = Unmanaged.passUnretained(self).toOpaque()
        guard tells, let onThreadStart = options.callbacks.onThreadStart else { return }
        input.pointee.isBeginning = true
        insideCallback { onThreadStart(handle, options.callbacks.userData) }
        input.pointee.isBeginning = false
    }

    private func drive() {
        runUntilIdle()
        var signalsAt = Clock.now()
        while !input.pointee.isFinished {
            let ready = poller.wait()
            let now = Clock.now()
            if now >= signalsAt {
                csystem_take_signals_if_alone()
                signalsAt = now + 500_000_000
            }
            process(ready)
            if poller.isGone, !input.pointee.isFinished { waitForRelease() }
        }
        let mayEnd = options.tls == nil || Crypto.leaveThread()
        if stateLock.withLock({ state.pointee.isDetached }) { pthread_detach(pthread_self()) }
        end()
        csystem_this_thread()?.pointee.driving = nil
        if mayEnd { return }
        stateLock.withLock { state.pointee.isParked = true }
        while true { Glibc.pause() }
    }

    /// A runtime may end the thread inside a callback, so that nothing but its end is sure to tell of its end; then another
    /// one has taken its place, or what is left is done here.
    func join() {
        while let thread = threadToJoin() {
            if options.tls == nil {
                pthread_join(thread, nil)
            } else {
                while csystem_join(thread, 20) == ETIMEDOUT {
                    if stateLock.withLock({ state.pointee.isParked }) { return }
                }
            }
        }
        guard !input.pointee.hasEnded else { return }
        performActions()
        end()
    }

    /// nil: none is left.
    private func threadToJoin() -> pthread_t? {
        stateLock.withLock {
            guard state.pointee.joinedNumber != state.pointee.threadNumber else { return nil }
            state.pointee.joinedNumber = state.pointee.threadNumber
            return state.pointee.thread
        }
    }

    /// The connection's thread ends inside a callback, as a runtime may end it (pthread_exit). Another one goes on in its
    /// place: the connection fails, and all that was accepted completes.
    func replaceThread() {
        guard !input.pointee.hasEnded else { return }
        let ended = pthread_self()
        stateLock.lock()
        // A runtime that ends its threads while it exits takes no new one in: the release that waits does what is left.
        if case .released = state.pointee.machine.state, !state.pointee.isDetached { return stateLock.unlock() }
        let joins = state.pointee.joinedNumber != state.pointee.threadNumber
        // What ended this one at its very start would end the next as well.
        let begins = !input.pointee.isBeginning
        let next = Thread.start(detached: false, stackBytes: options.threadStackBytes) {
            // Until this thread's id is stored.
            self.stateLock.withLock {}
            if joins { pthread_join(ended, nil) }
            self.beginThread(tells: begins)
            self.drive()
        }
        if let next {
            state.pointee.thread = next
            state.pointee.threadNumber += 1
        }
        membership.quota.with { state.pointee.machine.fail(Self.callbackLeft, Clock.now(), &$0) }
        stateChanged.broadcast()
        stateLock.unlock()
        // Where the system gives no other one, this one goes on to the connection's end.
        if next == nil { drive() }
    }
}
