import CSystem
import Codec
import Glibc

/// The work of the thread that drives: it handles what the poller reports, performs actions and sends.
extension Connection {
    /// Handles what the poller reported, and does all work that follows.
    func process(_ ready: Poller.Ready) {
        dispatch(ready)
        runUntilIdle(isWritable: ready.isSocketWritable)
    }

    /// Handles what the poller reported. Messages come before timers, so that a late call does not look like silence.
    func dispatch(_ ready: Poller.Ready) {
        if ready.isBroken || poller.isGone || ready.isIdle && !poller.isIntact {
            return state.with { $0.loseDescriptors() }
        }
        if ready.isIdle || ready.isTimerDue || poller.isSocketTaken, !poller.hasItsSocket {
            streamLost(Self.closedByApplication(isFinal: false))
        }
        if driving.connector.isConnecting {
            if ready.isSocketReadable || ready.isSocketWritable { take(driving.connector.progressed()) }
        } else if ready.isSocketReadable {
            receive()
        }
        if ready.isWoken {
            take(driving.connector.goOnWithTrust())
            take(driving.connector.goOnWithLookUp(state.with { $0.addressQuestion.takeAnswer() }))
        }
        if ready.isTimerDue, !driving.isFinished {
            let now = Clock.now()
            take(driving.connector.tick(now))
            state.with { $0.timerFired(now) }
        }
    }

    /// Performs actions and sends until neither is left, then sets the timer.
    /// - Parameter pause: entered before the lock is released, so that nothing new has come since.
    /// - Returns: nil when the connection is finished; else what `SharedState.begin` returns.
    @discardableResult
    func runUntilIdle(isWritable: Bool = false, _ pause: SharedState.Pause = .none) -> Instant? {
        enum Next {
            case perform(Machine.Action)
            case send
            case idle(Instant)
        }
        var mustSend = isWritable
        var hasSent = false
        while !driving.isFinished {
            let next = state.with { state -> Next in
                state.settle()
                if let action = state.popAction() { return .perform(action) }
                if !hasSent, mustSend || state.machine.mayHaveToSend { return .send }
                state.rearm(driving.connector.addressDeadline)
                return .idle(state.begin(pause))
            }
            switch next {
            case .perform(let action):
                perform(action)
                hasSent = false
            case .send:
                // The sender's lock is only taken here, so that threads that make requests do not wait for it without
                // need.
                sendWaiting(isWritable: mustSend)
                (mustSend, hasSent) = (false, true)
            case .idle(let longUntil): return longUntil
            }
        }
        return nil
    }

    func sendWaiting(isWritable: Bool) { sender.with { $0.sendWaiting(of: state, isWritable: isWritable) } }

    func performActions() {
        while !driving.isFinished, let action = state.with({ $0.popAction() }) { perform(action) }
    }

    private func perform(_ action: Machine.Action) {
        switch action {
        case .connect: take(driving.connector.begin())
        case .closeStream: closeStream()
        case .complete(let completion):
            completion.withSharedAnswer(driving.arena) { options.callbacks.onCompletion(self, completion, $0) }
        case .closed: driving.finish()
        case .initConnect, .disconnect, .attemptFailed, .log: tellApplication(action)
        }
    }

    private func tellApplication(_ action: Machine.Action) {
        let callbacks = options.callbacks
        switch action {
        case .initConnect(let cause):
            wakeWaiters()
            guard let callback = callbacks.onInitConnect else { break }
            insideCallback {
                (cause?.text ?? "").withCString { callback(handle, cause?.errCode ?? 0, $0, callbacks.userData) }
            }
        case .disconnect(let cause):
            wakeWaiters()
            guard let callback = callbacks.onDisconnect else { break }
            insideCallback { cause.text.withCString { callback(handle, cause.errCode, $0, callbacks.userData) } }
        case .attemptFailed(let cause):
            guard let callback = callbacks.onAttemptFailed else { break }
            insideCallback { cause.text.withCString { callback(handle, cause.errCode, $0, callbacks.userData) } }
        case .log(let level, let text):
            guard let callback = callbacks.onLog else { break }
            insideCallback {
                onOneLine(text).withCString { callback(handle, level.rawValue, $0, callbacks.userData) }
            }
        case .connect, .closeStream, .complete, .closed: break
        }
    }

    // MARK: - A stream's beginning and end

    /// Handles the result of a step of the connector.
    private func take(_ step: Connector.Step) {
        switch step {
        case .waiting: break
        case .askingApplication: askForAddresses()
        case .failed(let cause): attemptFailed(cause)
        case .connected(let socket): connected(socket)
        }
    }

    func connected(_ socket: Int32) {
        sender.with { $0.open(socket) }
        do throws(Cause) {
            driving.opened(
                try Stream.open(options, socket: socket, trusted: driving.connector.trusted, sender) { [state] in
                    state.with { $0.isReleased }
                })
        } catch {
            return attemptFailed(error)
        }
        state.with { $0.tell { machine, _ in machine.connected(Clock.now()) } }
    }

    /// Ends an attempt or a stream.
    private func closeStream() {
        driving.connector.stop()
        let stream = driving.takeStream()
        sender.with { $0.close(stream) }
        tell { $0.streamClosed($1, &$2) }
    }

    // MARK: - Descriptors that the application closed

    static func closedByApplication(isFinal: Bool) -> Cause {
        Cause(.disconnected, .select, EBADF, Texts.descriptorClosed, isFinal: isFinal)
    }

    /// After that the connection's thread only waits for the release.
    func waitForRelease() {
        _ = state.wait(until: .max) { state -> Void? in state.machine.hasActions ? () : nil }
    }
}
