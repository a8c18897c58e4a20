import CSystem
import Codec
import Glibc

/// The stream to OpenD's WebSocket bridge: TLS, the upgrade, and sections in WebSocket frames (docs/protocol.md, WebSocket).
extension Connection {
    private var transport: Transport { options.behaviour.transport }

    // MARK: - Opening

    /// The socket is connected: begins with TLS, or with the upgrade.
    func openWebSocket() {
        let defaultPort: UInt16 = transport == .webSocketTLS ? 443 : 80
        let name = options.serverName ?? options.host
        guard let upgrade = WebSocketUpgrade(host: name, port: options.port, defaultPort: defaultPort) else {
            return attemptFailed(Self.refused(.connectFailed, Texts.noRandomBytes))
        }
        let stream = WebSocketStream(upgrade, maxBodyLength: options.maxBodyLength)
        input.pointee.stream = stream
        if let context = input.pointee.trusted {
            guard let session = TLSSession(context, host: name) else {
                return attemptFailed(Self.refused(.tlsFailed, Texts.noTLSSession))
            }
            sendLock.withLock { output.pointee.tls = session }
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            take(nothing, stream)
        } else {
            requestUpgrade(upgrade)
        }
    }

    private func requestUpgrade(_ upgrade: WebSocketUpgrade) {
        sendLock.withLock {
            upgrade.request.withUnsafeBytes { output.pointee.writer.append($0) }
            flush()
        }
    }

    private static func refused(_ status: Status, _ text: String, isFinal: Bool = false) -> Cause {
        Cause(status, .initConnect, Cause.InitConnectCode.unknown, text, isFinal: isFinal)
    }

    // MARK: - Receiving

    func receiveWebSocket(_ stream: WebSocketStream) {
        for _ in 0..<Self.maxReceives {
            let socket = output.pointee.socket
            guard socket >= 0, input.pointee.stream === stream, !input.pointee.isFinished else { return }
            switch Socket.receive(socket, stream.space) {
            case .success(.none): return
            case .success(.some(0)):
                return streamLost(Cause(.disconnected, .receive, 0, Texts.closed))
            case .success(.some(let count)):
                take(UnsafeRawBufferPointer(rebasing: stream.space[..<count]), stream)
                if count < stream.space.count { return }
            case .failure(let error):
                return streamLost(Cause(.disconnected, .receive, error.code, Texts.broke(error.text)))
            }
        }
    }

    /// Takes in what the socket gave.
    private func take(_ bytes: UnsafeRawBufferPointer, _ stream: WebSocketStream) {
        guard options.tls != nil else { return takePlain(bytes, stream) }
        do throws(TLSSession.Failure) {
            guard try decrypt(bytes, stream) else { return }
            // Until nothing is left in there: the socket would not tell of it again.
            while input.pointee.stream === stream, !input.pointee.isFinished {
                let count = try decryptMore(stream)
                if count == 0 { return }
                takePlain(UnsafeRawBufferPointer(rebasing: stream.plain[..<count]), stream)
            }
        } catch {
            tlsFailed(error)
        }
    }

    /// Hands bytes to TLS, goes on with its handshake, and sends what that makes.
    /// - Returns: whether the handshake is done.
    private func decrypt(_ bytes: UnsafeRawBufferPointer, _ stream: WebSocketStream) throws(TLSSession.Failure) -> Bool
    {
        sendLock.lock()
        defer { sendLock.unlock() }
        guard let session = output.pointee.tls else { return false }
        let wasEstablished = session.isEstablished
        // An alert goes out even so.
        defer { flush() }
        try session.received(bytes)
        try checkOutgoing(session)
        guard session.isEstablished else { return false }
        if !wasEstablished, let upgrade = stream.upgrade {
            upgrade.request.withUnsafeBytes { output.pointee.writer.append($0) }
        }
        return true
    }

    private func decryptMore(_ stream: WebSocketStream) throws(TLSSession.Failure) -> Int {
        sendLock.lock()
        defer { sendLock.unlock() }
        guard let session = output.pointee.tls else { return 0 }
        defer { if !session.outgoing.isEmpty { flush() } }
        let count = try session.read(into: stream.plain)
        try checkOutgoing(session)
        return count
    }

    /// One who asks TLS for answers again and again, and reads none, must not fill the memory.
    private func checkOutgoing(_ session: TLSSession) throws(TLSSession.Failure) {
        guard session.outgoing.pending.count > 2 * Self.maxPending else { return }
        throw TLSSession.Failure(text: Texts.tlsAsksTooMuch)
    }

    var isReady: Bool {
        stateLock.withLock { if case .ready = state.pointee.machine.state { true } else { false } }
    }

    private func tlsFailed(_ failure: TLSSession.Failure) {
        if failure.isEnd { return streamLost(Cause(.disconnected, .receive, 0, failure.text)) }
        if isReady { return streamLost(Cause(.tlsFailed, .receive, EPROTO, failure.text)) }
        // Trying again makes no other certificate.
        attemptFailed(Self.refused(.tlsFailed, failure.text, isFinal: failure.isCertificate))
    }

    /// Takes in what the bridge sent.
    private func takePlain(_ bytes: UnsafeRawBufferPointer, _ stream: WebSocketStream) {
        var bytes = bytes
        if stream.upgrade != nil {
            do throws(WebSocketUpgrade.Failure) {
                guard let count = try stream.upgrade?.received(bytes) else { return }
                bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            } catch {
                return attemptFailed(
                    Self.refused(.protocolError, Texts.upgradeRefused(options.behaviour.endpoint, error)))
            }
            stream.upgrade = nil
            stateLock.withLock { state.pointee.machine.upgraded(Clock.now()) }
        }
        guard !bytes.isEmpty else { return }
        stream.reader.received(bytes)
        answerControls(stream)
        // Taken after receiving, as over TCP.
        handleSections(stream, Clock.now())
    }

    /// Sends what pings and closes are answered with. One who sends pings and reads nothing is not answered for ever.
    private func answerControls(_ stream: WebSocketStream) {
        guard stream.reader.hasControls else { return }
        sendLock.withLock {
            stream.reader.takeControls { opcode, payload in
                guard output.pointee.writer.pendingCount < Self.maxPending else { return }
                _ = output.pointee.writer.append(opcode, payload)
            }
            flush()
        }
    }

    private func handleSections(_ stream: WebSocketStream, _ now: Instant) {
        var since = now
        defer { setBatching(false, since: now) }
        var messages = 0
        do throws(WebSocketFailure) {
            while !input.pointee.isFinished, input.pointee.stream === stream, let message = try stream.reader.next() {
                messages += 1
                setBatching(stream.reader.hasMessage, since: since)
                if handle(message, now) { performActions() }
                sendBatch(&since)
            }
        } catch {
            stream.isClosing = true
            return streamLost(cause(error))
        }
        // Messages have told the state machine themselves.
        let frames = stream.reader.frameCount - stream.framesTold
        stream.framesTold += frames
        if frames > messages { stateLock.withLock { state.pointee.machine.heard(now) } }
    }

    /// - Returns: whether there are actions to perform before the next message.
    func handle(_ message: UnsafeRawBufferPointer, _ now: Instant) -> Bool {
        let header: SectionHeader
        do throws(SectionError) {
            header = try SectionHeader(reply: message)
        } catch {
            let text = Texts.sectionFailed(options.behaviour.endpoint, error)
            streamLost(Cause(.protocolError, .receive, EPROTO, text))
            return true
        }
        if header.command == ProtoID.lostOpenD || header.error == BridgeError.lostOpenD {
            let text = Texts.bridgeFailed(BridgeError.lostOpenD, header.errorText)
            if isReady {
                streamLost(Cause(.disconnected, .receive, 0, text))
            } else {
                attemptFailed(Self.refused(.connectFailed, Texts.bridgeLostAtFirstMessage(text)))
            }
            return true
        }
        // 0 is nobody's number.
        let serialNo = UInt32(exactly: header.section) ?? 0
        let body = UnsafeRawBufferPointer(rebasing: message[SectionHeader.replySize...])
        if header.error == 0 {
            return handle(protoID: header.command, serialNo: serialNo, body, isIntact: true, now)
        }
        return handleError(header, serialNo, now)
    }

    private func handleError(_ header: SectionHeader, _ serialNo: UInt32, _ now: Instant) -> Bool {
        let isTimeout = header.error == BridgeError.timeout || header.error == BridgeError.openDTimeout
        let text = Texts.bridgeFailed(header.error, header.errorText)
        let incoming = stateLock.withLock {
            membership.quota.with { group in
                state.pointee.machine.bridgeFailed(
                    protoID: header.command, serialNo: serialNo, isTimeout ? .replyTimeout : .refused, text, now, &group
                )
            }
        }
        switch incoming {
        case .handshake:
            attemptFailed(Self.refused(isTimeout ? .connectTimeout : .connectFailed, "InitWebSocket: \(text)"))
        case .noAnswer(let completion): deliver(completion)
        default: break
        }
        return true
    }

    // MARK: - Sending

    /// As `flush`, over TLS: encrypts as the socket takes it, so that what waits stays bounded. With `sendLock` held.
    func flushTLS(_ socket: Int32) {
        guard let session = output.pointee.tls else { return }
        var encrypted = 0
        while true {
            if session.outgoing.isEmpty {
                // The poller tells at once that the socket takes more, and the next turn goes on.
                if encrypted >= Self.maxInARow, output.pointee.writer.pendingCount > 0 { return setBlocked(true) }
                guard let count = session.write(output.pointee.writer.pending) else {
                    shutdown(socket, Int32(SHUT_RDWR))
                    return
                }
                output.pointee.writer.sent(count)
                encrypted += count
                if session.outgoing.isEmpty { return setBlocked(false) }
            }
            switch Socket.send(socket, session.outgoing.pending) {
            case .success(let count):
                session.sent(count)
                if !session.outgoing.isEmpty { return setBlocked(true) }
            case .failure:
                // The connection's thread finds the reason when it receives; until then nothing more is sent.
                shutdown(socket, Int32(SHUT_RDWR))
                return
            }
        }
    }

    /// Says goodbye as far as the socket takes it at once. With `sendLock` held.
    func closeWebSocket(_ stream: WebSocketStream) {
        if stream.upgrade == nil, !stream.isClosing {
            _ = WebSocketFrame.closePayload(1000).withUnsafeBytes { output.pointee.writer.append(.close, $0) }
        }
        flush(isWritable: true)
        guard let session = output.pointee.tls else { return }
        session.shutDown()
        _ = Socket.send(output.pointee.socket, session.outgoing.pending)
    }

    // MARK: - Why

    func cause(_ failure: WebSocketFailure) -> Cause {
        let text = Texts.webSocketFailed(failure, most: options.maxBodyLength)
        return switch failure {
        case .closed: Cause(.disconnected, .receive, 0, text)
        case .broken, .notBinary, .tooLong: Cause(.protocolError, .receive, EPROTO, text)
        }
    }
}
