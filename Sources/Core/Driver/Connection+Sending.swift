import CSystem
import Codec
import Glibc

/// From what waits to the socket, from whichever thread has something to send.
extension Connection {
    /// Whether this thread is in a callback for an answer that another one follows at once: what is asked there goes out
    /// in one piece with what the next callbacks ask.
    var isBatching: Bool {
        csystem_this_thread()?.pointee.batching == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// Before a callback. Where one was slow not long ago, nothing is kept for the next.
    func setBatching(_ isWanted: Bool, since: Instant) {
        csystem_this_thread()?.pointee.batching =
            isWanted && since >= input.pointee.batchesFrom
            ? UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) : nil
    }

    /// After it: sends what was kept for longer than it takes to send it.
    /// - Parameter since: when nothing was kept last.
    func sendBatch(_ since: inout Instant) {
        // In a child that the callback forked the stream is not ours.
        guard isBatching, !input.pointee.isFinished else { return }
        let now = Clock.now()
        guard now - since >= Self.longestBatch else { return }
        if now - since >= Self.slowCallback { input.pointee.batchesFrom = now + Self.pauseOfBatching }
        setBatching(false, since: now)
        sendWaiting(isWritable: false)
        since = Clock.now()
    }

    private static var longestBatch: Instant { 100_000 }
    private static var slowCallback: Instant { 1_000_000 }
    private static var pauseOfBatching: Instant { 1_000_000_000 }

    /// Sends what may be sent now.
    /// - Parameter isWritable: whether the poller tells that the socket takes more.
    func sendWaiting(isWritable: Bool) {
        sendLock.lock()
        // First what waits: while it is much, no more frames are made.
        if isWritable { flush(isWritable: true) }
        var isFull = true
        var made = 0
        while isFull, made < Self.maxInARow, output.pointee.writer.pendingCount < Self.maxPending {
            stateLock.lock()
            isFull = fill(Clock.now())
            stateLock.unlock()
            made += output.pointee.writer.pendingCount
            flush()
        }
        // A socket that takes no more would tell by itself.
        if isFull, made >= Self.maxInARow, !output.pointee.isBlocked { poller.wake() }
        sendLock.unlock()
    }

    /// Whether frames are made at all. With `sendLock` held.
    var canFill: Bool {
        output.pointee.socket >= 0 && output.pointee.writer.pendingCount < Self.maxPending
    }

    /// Makes frames of what may be sent now. With both locks held.
    /// - Returns: whether there may be more, once these are sent.
    func fill(_ now: Instant) -> Bool {
        guard output.pointee.socket >= 0 else { return false }
        while canFill {
            guard state.pointee.machine.mayHaveToSend,
                let next = membership.quota.with({ state.pointee.machine.nextToSend(now, &$0) }), makeFrame(next, now)
            else { return false }
        }
        return true
    }

    /// - Returns: false if it could not be made, and the stream is lost.
    func makeFrame(_ next: Machine.Outgoing, _ now: Instant) -> Bool {
        if encode(next) { return true }
        let cause = Cause(.disconnected, .send, EIO, output.pointee.writer.failure.text)
        membership.quota.with { state.pointee.machine.streamLost(cause, now, &$0) }
        return false
    }

    private func encode(_ next: Machine.Outgoing) -> Bool {
        switch next {
        case .initConnect(let serialNo):
            return (options.firstMessage ?? Self.noFirstMessage).withUnsafeBytes { firstMessage in
                if let encrypted = output.pointee.encryptedFirstMessage {
                    return output.pointee.writer.append(
                        protoID: ProtoID.initConnect, serialNo: serialNo, body: firstMessage, encrypted: encrypted)
                }
                return output.pointee.writer.append(
                    protoID: options.behaviour.transport.firstMessageID, serialNo: serialNo, body: firstMessage)
            }
        case .probe(let serialNo):
            return GlobalState.encodedRequest(userID: 0).withUnsafeBytes { body in
                output.pointee.writer.append(protoID: ProtoID.getGlobalState, serialNo: serialNo, body: body)
            }
        case .ping: return output.pointee.writer.append(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        case .keepAlive(let serialNo):
            return KeepAlive.encodedRequest(time: Clock.unixSeconds()).withUnsafeBytes { body in
                output.pointee.writer.append(
                    protoID: ProtoID.keepAlive, serialNo: serialNo, body: body, cipher: output.pointee.cipher)
            }
        case .request(let request):
            if case .proto = request.payload.callback {
                return output.pointee.writer.append(
                    protoID: request.protoID, serialNo: request.wireSerialNo, body: request.payload.body,
                    cipher: output.pointee.cipher)
            }
            let security = request.payload.security
            return withUnsafeBytes(of: security.code) { code in
                let firm = request.payload.securityFirm
                let capacity = CapitalDistributionRequest.maxEncodedSize(codeLength: code.count)
                return output.pointee.writer.append(
                    protoID: request.protoID, serialNo: request.wireSerialNo, capacity: capacity,
                    cipher: output.pointee.cipher
                ) { room in
                    guard let code = code.baseAddress?.assumingMemoryBound(to: CChar.self) else { return 0 }
                    return CapitalDistributionRequest.encode(
                        market: security.market, code: code, securityFirm: firm != 0 ? firm : nil,
                        into: room)
                }
            }
        }
    }

    /// Hands the socket what it takes. With `sendLock` held.
    /// - Parameter isWritable: see `sendWaiting`; a socket that took less than there was is left alone until then.
    func flush(isWritable: Bool = false) {
        let socket = output.pointee.socket
        guard socket >= 0, isWritable || !output.pointee.isBlocked else { return }
        // Closed by the application, the number may be another connection's: nothing of ours goes there.
        guard !poller.isGone, !poller.isSocketTaken else { return }
        // Over TCP there is no session to retain.
        if output.pointee.tls != nil { return flushTLS(socket) }
        guard output.pointee.writer.pendingCount > 0 else { return }
        switch Socket.send(socket, output.pointee.writer.pending) {
        case .success(let count):
            output.pointee.writer.sent(count)
            setBlocked(output.pointee.writer.pendingCount > 0)
        case .failure:
            // The connection's thread finds the reason when it receives; until then nothing more is sent.
            shutdown(socket, Int32(SHUT_RDWR))
        }
    }

    /// With `sendLock` held.
    func setBlocked(_ isBlocked: Bool) {
        guard isBlocked != output.pointee.isBlocked else { return }
        output.pointee.isBlocked = isBlocked
        stateLock.withLock { state.pointee.isBlocked = isBlocked }
        poller.change(output.pointee.socket, forWriting: isBlocked)
    }

    /// Sets the timer no later than the state machine needs it and, if `wakes`, hands actions to the connection's thread.
    /// With `stateLock` held, from any thread, while the connection is not released.
    func rearmTimer(wakes: Bool) {
        if state.pointee.machine.wakeAt < state.pointee.timerAt {
            state.pointee.timerAt = state.pointee.machine.wakeAt
            poller.setTimer(state.pointee.timerAt)
        }
        if wakes, state.pointee.machine.hasActions { poller.wake() }
    }
}
