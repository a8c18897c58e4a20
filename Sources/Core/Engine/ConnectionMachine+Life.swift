import Codec

/// Attempts to connect, and the beginning and end of streams.
extension ConnectionMachine {
    /// The socket is connected.
    package mutating func connected(_ now: Instant) {
        guard case .connecting(let attempt) = phase else { return }
        _ = advance(now)
        phase = endpoint.transport == .tcp ? .handshaking(attempt, isFirstMessageSent: false) : .upgrading(attempt)
        if configuration.acceptsAnyCertificate { log(.warning, Texts.certificateUnverified) }
    }

    /// TLS (if it is used) and the upgrade to WebSocket are done.
    package mutating func upgraded(_ now: Instant) {
        guard case .upgrading(let attempt) = phase else { return }
        _ = advance(now)
        phase = .handshaking(attempt, isFirstMessageSent: false)
    }

    /// The gateway accepted InitConnect, or the bridge InitWebSocket.
    /// - Parameters:
    ///   - keepAliveInterval: the gateway's interval in seconds; it is limited to 1 to 30.
    ///   - gateway: what tells it, and the account that it is logged in with, from others of the quota group.
    package mutating func handshakeSucceeded(
        keepAliveInterval: Int32, gateway: [UInt8] = [], _ now: Instant, _ quota: inout QuotaGroup
    ) {
        guard case .handshaking = phase else { return }
        let now = advance(now)
        let ready = ConnectionPhase.ReadyStream(
            firstSerialNo: configuration.firstWireSerialNo, keepAliveInterval: keepAliveInterval,
            silenceLimit: Self.silenceLimit, now)
        phase = .ready(ready)
        endpoint.hasStood = true
        wake(ready.keepAliveAt)
        let peer = endpoint.peer
        log(.info, "connected to \(peer)")
        actions.append(.initConnect(nil))
        setGateway([1] + gateway, now, &quota)
        tellWaiting(&quota)
    }

    /// The attempt in progress failed.
    package mutating func attemptFailed(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        switch phase {
        case .connecting, .upgrading, .handshaking: break
        case .idle, .ready, .pausing, .failed, .released: return
        }
        let now = advance(now)
        guard configuration.reconnects, !cause.isFinal else { return failPermanently(cause, now, &quota) }
        actions.append(.closeStream)
        let length = pause(now, after: ConnectionPhase.Setback(cause: cause, isOutage: true))
        log(.warning, Texts.connectingFailed(cause.text, nextIn: length.milliseconds))
        if configuration.tellsAttempts { actions.append(.attemptFailed(cause)) }
        endImpatient(cause, now, &quota)
    }

    private mutating func failPermanently(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        let cause = final(cause)
        actions.append(.closeStream)
        log(.error, "connecting failed permanently: \(cause.text)")
        phase = .failed(cause)
        actions.append(.initConnect(cause))
        for request in requests.takeAll(where: { _ in true }) {
            giveUp(request, now, &quota)
            complete(request, cause.status, cause.text, isFinal: cause.isFinal)
        }
        tellWaiting(&quota)
    }

    /// Completes the requests that do not wait during an outage.
    private mutating func endImpatient(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        for request in requests.takeAll(where: { $0.terms.failsInOutage && !$0.wasSent }) {
            giveUp(request, now, &quota)
            complete(request, cause.status, Texts.outage(cause.text))
        }
    }

    private func final(_ cause: Cause) -> Cause {
        var cause = cause
        cause.text = Texts.final(cause.text, reconnects: configuration.reconnects)
        return cause
    }

    /// The socket failed or must be closed. Before the handshake is done, this means that the attempt failed.
    package mutating func streamLost(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        guard case .ready(let ready) = phase else { return attemptFailed(duringHandshake(cause), now, &quota) }
        let now = advance(now)
        let reconnects = configuration.reconnects && !cause.isFinal
        let cause = reconnects ? underEncryption(cause, ready) : final(underEncryption(cause, ready))
        actions.append(.closeStream)
        backoff.streamEnded(after: now - ready.since)
        let isOutage = reconnects && backoff.pauses > 0
        let lost = requests.takeAll { $0.wasSent || !reconnects || (isOutage && $0.terms.failsInOutage) }
        log(.warning, Texts.lost(cause.text, requests: lost.count { $0.wasSent }))
        actions.append(.disconnect(cause))
        // Before the phase changes, because it has what the gateway has answered.
        for request in lost { giveUp(request, now, &quota) }
        if reconnects {
            _ = pause(now, after: ConnectionPhase.Setback(cause: cause, isOutage: isOutage))
        } else {
            phase = .failed(cause)
        }
        for request in lost { complete(request, .disconnected, cause.text, isFinal: cause.isFinal) }
        tellWaiting(&quota)
    }

    /// The connection fails permanently, for a reason in the application.
    package mutating func fail(_ cause: Cause, _ now: Instant, _ quota: inout QuotaGroup) {
        var cause = cause
        cause.isFinal = true
        switch phase {
        case .ready: streamLost(cause, now, &quota)
        case .idle, .pausing, .connecting, .upgrading, .handshaking: failPermanently(cause, advance(now), &quota)
        case .failed, .released: break
        }
    }

    /// The cause of a failed attempt whose stream was lost before the handshake was done.
    private func duringHandshake(_ cause: Cause) -> Cause {
        guard cause.status == .disconnected else { return cause }
        let code = cause.kind == .send ? Cause.InitConnectCode.notSent : Cause.InitConnectCode.disconnected
        if case .upgrading = phase {
            return Cause(
                .connectFailed, .initConnect, code, Texts.openingLost(endpoint, cause.text), isFinal: cause.isFinal)
        }
        let isEncrypted = if case .handshaking = phase { endpoint.isEncrypted } else { false }
        return Cause(
            isEncrypted ? .encryptionFailed : .connectFailed, .initConnect, code,
            Texts.firstMessageLost(endpoint, cause.text), isFinal: cause.isFinal)
    }

    private func underEncryption(_ cause: Cause, _ stream: ConnectionPhase.ReadyStream) -> Cause {
        guard endpoint.isEncrypted, cause.status == .disconnected, stream.highestAnswered == 0 else { return cause }
        var cause = cause
        cause.text = Texts.lostUnderEncryption(cause.text)
        return cause
    }

    /// The stream that was lost or released is closed now. A callback or a loop of the application may have delayed
    /// that, and the gateway may have read requests until now.
    package mutating func streamClosed(_ now: Instant, _ quota: inout QuotaGroup) {
        unconfirmed.streamEnded(advance(now), &quota)
    }

    /// Ends everything. After this only `streamClosed` has an effect.
    package mutating func release(_ now: Instant, _ quota: inout QuotaGroup) {
        if case .released = phase { return }
        let now = advance(now)
        // Of the actions that were not performed yet, only completions still matter.
        let told = actions[firstAction...].filter { action in
            if case .complete = action { true } else { false }
        }
        actions = [.closeStream] + told
        firstAction = 0
        for request in requests.takeAll(where: { _ in true }) {
            giveUp(request, now, &quota)
            complete(request, .released, Texts.released)
        }
        phase = .released
        tellWaiting(&quota)
        actions.append(.closed)
        wakeAt = .max
    }

    mutating func beginAttempt(_ now: Instant, after setback: ConnectionPhase.Setback?) {
        let peer = endpoint.peer
        log(.info, "connecting to \(peer)")
        let deadline = now + configuration.connectTimeout
        phase = .connecting(ConnectionPhase.Attempt(deadline: deadline, setback: setback))
        wake(deadline)
        actions.append(.connect)
    }

    /// - Returns: the length of the pause.
    private mutating func pause(_ now: Instant, after setback: ConnectionPhase.Setback) -> TimeAmount {
        let length = backoff.next()
        phase = .pausing(ConnectionPhase.Attempt(deadline: now + length, setback: setback))
        wake(now + length)
        return length
    }
}
