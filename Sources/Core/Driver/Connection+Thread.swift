import CSystem
import Codec
import Glibc

/// The connection's thread, and its end.
extension Connection {
    func run() {
        // Wait until this thread's id is stored.
        state.with { _ in }
        beginThread(tells: true)
        state.with { $0.tell { machine, _ in machine.start(Clock.now()) } }
        drive()
    }

    private func beginThread(tells: Bool) {
        csystem_this_thread()?.pointee.driving = Unmanaged.passUnretained(self).toOpaque()
        guard tells, let onThreadStart = options.callbacks.onThreadStart else { return }
        driving.isBeginning = true
        insideCallback { onThreadStart(handle, options.callbacks.userData) }
        driving.isBeginning = false
    }

    private func drive() {
        var longUntil = runUntilIdle(.wait(isIdle: false)) ?? .min
        var signalsAt = Clock.now()
        while !driving.isFinished {
            let ready = wait(longUntil: longUntil)
            let now = Clock.now()
            if now >= signalsAt {
                csystem_take_signals_if_alone()
                signalsAt = now + .milliseconds(500)
            }
            dispatch(ready)
            longUntil = runUntilIdle(isWritable: ready.isSocketWritable, .wait(isIdle: ready.isIdle)) ?? .min
            if poller.isGone, !driving.isFinished { waitForRelease() }
        }
        if usesTLS { Crypto.leaveThread() }
        let isDetached = state.with { $0.thread.isDetached }
        if isDetached { pthread_detach(pthread_self()) }
        let isLast = end()
        csystem_this_thread()?.pointee.driving = nil
        // Otherwise the thread that joins this one does it. That thread may hold the loader's lock, and this one would
        // wait for it.
        if isLast, isDetached { csystem_remove_connection() }
    }

    /// - Parameter longUntil: see `SharedState.begin`.
    private func wait(longUntil: Instant) -> Poller.Ready {
        // Even if another thread has found it out meanwhile: this one must not be ended then.
        defer { if longUntil != .min { state.with { $0.thread.endLongWait() } } }
        if longUntil == .min { return poller.wait() }
        // The wait stays short then, because pending signals must be looked for.
        if csystem_main_has_ended() != 0 { return poller.wait(canBeCancelled: true) }
        // At most a second longer than until the timer is due, in case the application has closed the timer.
        let left = longUntil == .max ? -1 : Int32(clamping: max(longUntil - Clock.now(), .zero).milliseconds + 1000)
        return poller.wait(left, canBeCancelled: true)
    }

    private var usesTLS: Bool { options.tls != nil }

    /// Waits for the end of the connection's thread. It joins it, because a runtime may end the thread inside a
    /// callback, without any other sign. Then another thread has taken its place, or the remaining work is done here.
    func join() {
        while let thread = state.with({ $0.thread.takeToJoin() }) {
            pthread_join(thread, nil)
        }
        defer { csystem_remove_connection() }
        guard !driving.hasEnded else { return }
        performActions()
        end()
    }

    /// The connection's thread is ending inside a callback (pthread_exit). Another thread takes its place: the
    /// connection fails, and all accepted requests complete.
    func replaceThread() {
        guard !driving.hasEnded else { return }
        let ended = pthread_self()
        // If `onThreadStart` ended this thread, it would end the next one, too.
        let begins = !driving.isBeginning
        let goesOnHere = state.with { state in
            // A runtime that is exiting accepts no new thread: the release that waits does the remaining work.
            if state.isReleased, !state.thread.isDetached { return false }
            let joins = !state.thread.isJoined
            let next = Thread.start(detached: false, stackBytes: options.threadStackBytes) {
                // Wait until this thread's id is stored.
                self.state.with { _ in }
                if joins { pthread_join(ended, nil) }
                self.beginThread(tells: begins)
                self.drive()
            }
            if let next { state.thread.wasReplaced(by: next) }
            state.tell { $0.fail(Self.callbackLeft, Clock.now(), &$1) }
            self.state.tellChanged()
            return next == nil
        }
        // If the system has no other thread, this one continues until the connection ends.
        if goesOnHere { drive() }
    }
}
