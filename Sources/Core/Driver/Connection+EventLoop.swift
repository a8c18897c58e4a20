import CSystem
import Codec
import Glibc

/// The connection's thread at work.
extension Connection {
    /// How often in a row a full buffer is received before timers and other threads' wishes get their turn.
    static let maxReceives = 16

    /// Does what the poller reported, and all that follows from it.
    func process(_ ready: Poller.Ready) {
        dispatch(ready)
        runUntilIdle(isWritable: ready.isSocketWritable)
    }

    func runUntilIdle(isWritable: Bool = false) {
        if runUntilIdleThenLock(isWritable: isWritable) { stateLock.unlock() }
    }

    /// Takes in what the poller reported. Frames are handled before timers, so that a late look is taken for no silence.
    func dispatch(_ ready: Poller.Ready) {
        if ready.isBroken || poller.isGone || ready.isIdle && !poller.isIntact { return loseDescriptors() }
        if ready.isIdle || ready.isTimerDue || poller.isSocketTaken, !poller.hasItsSocket {
            streamLost(Self.closedByApplication(isFinal: false))
        }
        if ready.isSocketReadable || ready.isSocketWritable {
            if input.pointee.isConnecting {
                connectProgressed()
            } else if let stream = input.pointee.stream {
                if ready.isSocketReadable { receiveWebSocket(stream) }
            } else if ready.isSocketReadable {
                receive()
            }
        }
        if ready.isWoken {
            if let result = takeTrust() { trustMade(result) }
            if let result = takeLookUp() { lookedUp(result) }
        }
        if ready.isTimerDue, !input.pointee.isFinished { tick() }
    }

    /// Performs actions and sends until neither is left, then sets the timer.
    /// - Returns: true with `stateLock` held for the caller to unlock, so that nothing has come since; false when the
    ///   connection is finished.
    func runUntilIdleThenLock(isWritable: Bool = false) -> Bool {
        var mustSend = isWritable
        var hasSent = false
        while !input.pointee.isFinished {
            stateLock.lock()
            if let action = state.pointee.machine.popAction() {
                stateLock.unlock()
                perform(action)
                hasSent = false
                continue
            }
            guard !hasSent, mustSend || state.pointee.machine.mayHaveToSend else {
                rearmTimer(wakes: false)
                if input.pointee.addressDeadline < state.pointee.timerAt {
                    state.pointee.timerAt = input.pointee.addressDeadline
                    poller.setTimer(state.pointee.timerAt)
                }
                return true
            }
            // Threads that ask are not to be held up when there is nothing to send: only here is `sendLock` taken.
            stateLock.unlock()
            sendWaiting(isWritable: mustSend)
            (mustSend, hasSent) = (false, true)
        }
        return false
    }

    private func tick() {
        let now = Clock.now()
        if now >= input.pointee.addressDeadline { connectFailed(ETIMEDOUT) }
        stateLock.withLock {
            state.pointee.timerAt = .max
            membership.quota.with { state.pointee.machine.tick(now, &$0) }
        }
    }

    func performActions() {
        while !input.pointee.isFinished, let action = stateLock.withLock({ state.pointee.machine.popAction() }) {
            perform(action)
        }
    }

    private func perform(_ action: Machine.Action) {
        switch action {
        case .connect: beginConnect()
        case .closeStream: closeStream()
        case .initConnect(let cause):
            wakeWaiters()
            guard let callback = options.callbacks.onInitConnect else { break }
            insideCallback {
                (cause?.text ?? "").withCString {
                    callback(handle, cause?.errCode ?? 0, $0, options.callbacks.userData)
                }
            }
        case .disconnect(let cause):
            wakeWaiters()
            guard let callback = options.callbacks.onDisconnect else { break }
            insideCallback {
                cause.text.withCString { callback(handle, cause.errCode, $0, options.callbacks.userData) }
            }
        case .attemptFailed(let cause):
            guard let callback = options.callbacks.onAttemptFailed else { break }
            insideCallback {
                cause.text.withCString { callback(handle, cause.errCode, $0, options.callbacks.userData) }
            }
        case .complete(let completion): deliver(completion)
        case .log(let level, let text):
            guard let callback = options.callbacks.onLog else { break }
            insideCallback {
                onOneLine(text).withCString { callback(handle, level.rawValue, $0, options.callbacks.userData) }
            }
        case .closed: input.pointee.isFinished = true
        }
    }

    // MARK: - Connecting

    private func beginConnect() {
        input.pointee.attemptDeadline = Clock.now() + options.behaviour.connectTimeout
        if isTrustMade() { resolve() }
    }

    func resolve() {
        if let addresses = Resolver.inPlace(options.host, options.port) {
            connect(to: addresses)
            return
        }
        input.pointee.awaitsLookUp = true
        if let onResolve = options.callbacks.onResolve { return askForAddresses(onResolve) }
        if input.pointee.lookUp != nil { return }
        let host = options.host
        input.pointee.lookUp = Helpers.names.ask(host.lowercased(), poller) { Resolver.lookUp(host, 0) }
        if input.pointee.lookUp == nil {
            let error = SystemError(code: errno)
            attemptFailed(
                Cause(.connectFailed, .nameNotFound, error.code, Texts.noLookUp(options.host, error.text)))
        }
    }

    private func lookedUp(_ result: Result<[Address], LookUpFailure>) {
        guard input.pointee.awaitsLookUp else { return }
        input.pointee.awaitsLookUp = false
        switch result {
        case .success(let addresses): connect(to: addresses.map { $0.at(options.port) })
        case .failure(let failure):
            let text = Texts.nameNotFound(options.host, failure.text)
            attemptFailed(Cause(.connectFailed, .nameNotFound, abs(failure.code), text))
        }
    }

    /// Begins with the one after that which took the last connection in vain: all have their turn.
    private func connect(to addresses: [Address]) {
        input.pointee.addresses = addresses
        if let last = input.pointee.passedOver, let place = addresses.firstIndex(where: { $0.isTheSame(as: last) }) {
            input.pointee.addresses = Array(addresses[(place + 1)...] + addresses[...place])
        }
        connectToNext()
    }

    /// Tries the host's addresses one after the other, each with its share of the time.
    private func connectToNext() {
        while !input.pointee.addresses.isEmpty {
            let address = input.pointee.addresses.removeFirst()
            input.pointee.address = address
            let socket: Int32
            switch poller.openSocket(address.family) {
            case .success(let made): socket = made
            case .failure(let error):
                // A machine without IPv6 has none of its sockets; that is no reason while there are other addresses.
                if !input.pointee.addresses.isEmpty { continue }
                return attemptFailed(
                    Cause(.connectFailed, .create, error.code, Texts.noSocket(error.text)))
            }
            let progress = Socket.connect(socket, to: address)
            if case .failed(let code) = progress {
                poller.closeSocket()
                if input.pointee.addresses.isEmpty { return attemptFailed(connectCause(code)) }
                continue
            }
            guard poller.add(socket, forWriting: true) else {
                let error = SystemError(code: errno)
                poller.closeSocket()
                return attemptFailed(
                    Cause(.connectFailed, .select, error.code, Texts.notPolled(error.text)))
            }
            sendLock.withLock {
                output.pointee.socket = socket
                output.pointee.isBlocked = true
            }
            input.pointee.isConnecting = true
            let now = Clock.now()
            let remaining = Instant(input.pointee.addresses.count)
            input.pointee.addressDeadline =
                remaining == 0 ? .max : now + max(input.pointee.attemptDeadline - now, 0) / (remaining + 1)
            // One that is done already is noticed as writable at the next look, like any other.
            return
        }
    }

    private func connectProgressed() {
        switch Socket.finishConnect(output.pointee.socket) {
        case .pending: break
        case .failed(let code): connectFailed(code)
        case .done:
            input.pointee.isConnecting = false
            input.pointee.addressDeadline = .max
            input.pointee.addresses = []
            // Until it stands.
            input.pointee.passedOver = input.pointee.address
            sendLock.withLock {
                output.pointee.isBlocked = false
                poller.change(output.pointee.socket, forWriting: false)
            }
            guard encryptFirstMessage() else {
                return attemptFailed(
                    Cause(
                        .encryptionFailed, .initConnect, Cause.InitConnectCode.notSent, Texts.firstMessageNotEncrypted))
            }
            stateLock.withLock { state.pointee.machine.connected(Clock.now()) }
            if options.behaviour.transport != .tcp { openWebSocket() }
        }
    }

    private func connectFailed(_ code: Int32) {
        closeSocket()
        if input.pointee.addresses.isEmpty { return attemptFailed(connectCause(code)) }
        connectToNext()
    }

    private func connectCause(_ code: Int32) -> Cause {
        let text =
            switch code {
            case ECONNREFUSED: Texts.portRefused(options.behaviour.endpoint)
            case ETIMEDOUT: Texts.portSilent(options.behaviour.endpoint)
            default: "\(options.host): port \(options.port): \(SystemError(code: code).text)"
            }
        return Cause(.connectFailed, .connect, code, text)
    }

    func attemptFailed(_ cause: Cause) {
        let now = Clock.now()
        stateLock.withLock { membership.quota.with { state.pointee.machine.attemptFailed(cause, now, &$0) } }
    }

    func streamLost(_ cause: Cause) {
        let now = Clock.now()
        stateLock.withLock { membership.quota.with { state.pointee.machine.streamLost(cause, now, &$0) } }
    }

    /// Ends an attempt or a stream.
    private func closeStream() {
        input.pointee.awaitsTrust = false
        input.pointee.awaitsLookUp = false
        input.pointee.addresses = []
        closeSocket()
        input.pointee.reader.reset()
        input.pointee.decryption.reset()
        stateLock.withLock { membership.quota.with { state.pointee.machine.streamClosed(Clock.now(), &$0) } }
    }

    private func closeSocket() {
        input.pointee.isConnecting = false
        input.pointee.addressDeadline = .max
        let stream = input.pointee.stream
        input.pointee.stream = nil
        sendLock.withLock {
            let socket = output.pointee.socket
            guard socket >= 0 else { return }
            if let stream { closeWebSocket(stream) }
            output.pointee.socket = -1
            output.pointee.isBlocked = false
            stateLock.withLock { state.pointee.isBlocked = false }
            output.pointee.writer.reset()
            if stream != nil { output.pointee.writer.wipeSent() }
            output.pointee.cipher = nil
            output.pointee.tls = nil
            poller.closeSocket()
        }
    }

    // MARK: - Receiving

    /// - Returns: whether anything came, if only the end of the stream.
    @discardableResult
    func receive() -> Bool {
        for turn in 0..<Self.maxReceives {
            let socket = output.pointee.socket
            guard socket >= 0, !input.pointee.isConnecting, !input.pointee.isFinished, !poller.isGone,
                !poller.isSocketTaken
            else { return turn > 0 }
            let space = input.pointee.reader.space()
            switch Socket.receive(socket, space) {
            case .success(.none): return turn > 0
            case .success(.some(0)):
                streamLost(Cause(.disconnected, .receive, 0, Texts.closed))
                return true
            case .success(.some(let count)):
                input.pointee.reader.received(count)
                // Taken after receiving: every answer in here was sent before now, so its slot is not free too early.
                handleFrames(Clock.now())
                if count < space.count { return true }
            case .failure(let error):
                streamLost(Cause(.disconnected, .receive, error.code, Texts.broke(error.text)))
                return true
            }
        }
        return true
    }

    private func handleFrames(_ now: Instant) {
        var since = now
        defer { setBatching(false, since: now) }
        while !input.pointee.isFinished {
            do {
                guard let frame = try input.pointee.reader.next() else { return }
                let isLast = !input.pointee.reader.hasFrame
                setBatching(!isLast, since: since)
                if handle(frame, now) { performActions() }
                if isLast { return }
                sendBatch(&since)
            } catch {
                return streamLost(protocolCause(error))
            }
        }
    }

    private func protocolCause(_ error: FrameError) -> Cause {
        let text =
            switch error {
            case .badMagic:
                Texts.notOpenD(options.behaviour.endpoint, first: input.pointee.reader.firstByte, isReady: isReady)
            case .bodyTooLong(let length): Texts.bodyTooLong(length, most: options.maxBodyLength)
            case .unsupportedFormat(let format): Texts.unsupportedFormat(format)
            }
        return Cause(.protocolError, .receive, EPROTO, text)
    }

    private var isReleased: Bool {
        stateLock.withLock { if case .released = state.pointee.machine.state { true } else { false } }
    }

    /// - Returns: whether there are actions to perform before the next frame.
    private func handle(_ frame: Frame, _ now: Instant) -> Bool {
        let body: UnsafeRawBufferPointer
        let isIntact: Bool
        do throws(Cause) {
            (body, isIntact) = try input.pointee.decryption.open(frame, input.pointee.arena) { !isReleased }
        } catch {
            streamLost(error)
            return true
        }
        return handle(
            protoID: frame.header.protoID, serialNo: frame.header.serialNo, body, isIntact: isIntact, now)
    }

    /// The same for a message of either dialect.
    @inline(__always)
    func handle(
        protoID: UInt32, serialNo: UInt32, _ body: UnsafeRawBufferPointer, isIntact: Bool, _ now: Instant
    ) -> Bool {
        // Before the machine gives the slot back: a refusal for frequency closes the quota's gate in the same step.
        let answer =
            isIntact && protoID == ProtoID.getCapitalDistribution ? DistributionAnswer(body, input.pointee.arena) : nil
        let refusal = answer?.frequencyRefusal
        stateLock.lock()
        let incoming = membership.quota.with { group in
            state.pointee.machine.received(protoID: protoID, serialNo: serialNo, refusal: refusal, now, &group)
        }
        let hasActions = state.pointee.machine.hasActions
        stateLock.unlock()
        switch incoming {
        case .answer(let request): deliver(request, body, answer, isIntact: isIntact, retryAfter: 0)
        case .rateLimited(let request, let retryAfter):
            deliver(request, body, answer, isIntact: isIntact, retryAfter: retryAfter)
        case .handshake:
            handshake(body, isIntact: isIntact)
            return true
        case .push:
            guard isIntact, let callback = options.callbacks.onPush else { break }
            insideCallback {
                let bytes = body.isEmpty ? nil : body.baseAddress?.assumingMemoryBound(to: UInt8.self)
                callback(handle, protoID, bytes, body.count, options.callbacks.userData)
            }
        case .late, .noAnswer, .nothing: break
        }
        return hasActions
    }
}
