import Codec
import Glibc

/// OpenD's WebSocket bridge over TLS. The session belongs to the sender, because any thread may send.
final class TLSStream: TransportStream {
    private let webSocket: WebSocketStream
    private let socket: Int32
    private let sender: Guarded<Sender>
    /// The buffers for the bytes received, and for the decrypted bytes.
    private let space: UnsafeMutableRawBufferPointer
    private let plain: UnsafeMutableRawBufferPointer
    private var isEstablished = false

    static func open(
        _ options: ConnectionOptions, _ socket: Int32, _ trusted: TLSContext?, _ sender: Guarded<Sender>
    ) throws(Cause) -> TLSStream {
        let webSocket = try WebSocketStream(options, socket, sender, defaultPort: 443)
        let session = trusted.flatMap { TLSSession($0, host: options.serverName ?? options.host) }
        guard let session else { throw notOpened(.tlsFailed, Texts.noTLSSession) }
        sender.with { $0.encrypt(with: session) }
        let stream = TLSStream(webSocket, socket, sender)
        try stream.decrypt(UnsafeRawBufferPointer(start: nil, count: 0))
        return stream
    }

    private init(_ webSocket: WebSocketStream, _ socket: Int32, _ sender: Guarded<Sender>) {
        self.webSocket = webSocket
        self.socket = socket
        self.sender = sender
        space = .allocate(byteCount: FrameReader.baseCapacity, alignment: 16)
        plain = .allocate(byteCount: FrameReader.baseCapacity, alignment: 16)
    }

    deinit {
        space.deallocate()
        plain.deallocate()
    }

    func receive() throws(Cause) -> Received {
        guard let count = try Self.receive(socket, space) else { return .nothing }
        try decrypt(UnsafeRawBufferPointer(rebasing: space[..<count]))
        return count < space.count ? .all : .some
    }

    /// Decrypts until the session is empty: the poller does not report bytes that are in the session.
    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound? {
        while true {
            if let inbound = try webSocket.next(arena) { return inbound }
            guard isEstablished, case let count = try decryptMore(), count > 0 else { return nil }
            try webSocket.received(UnsafeRawBufferPointer(rebasing: plain[..<count]))
        }
    }

    var hasNext: Bool { webSocket.hasNext }

    /// Passes bytes to TLS, continues its handshake, and sends what TLS has to send.
    private func decrypt(_ bytes: UnsafeRawBufferPointer) throws(Cause) {
        do {
            try sender.with { (sender) throws(TLSSession.Failure) in
                guard let session = sender.session else { return }
                // An alert is sent even if the handshake fails.
                defer { sender.flush() }
                try session.received(bytes)
                try Self.checkOutgoing(session)
                guard session.isEstablished, !isEstablished else { return }
                isEstablished = true
                webSocket.requestUpgrade(&sender)
            }
        } catch {
            throw cause(error)
        }
    }

    /// - Returns: how many bytes of `plain` were filled.
    private func decryptMore() throws(Cause) -> Int {
        do {
            return try sender.with { (sender) throws(TLSSession.Failure) in
                guard let session = sender.session else { return 0 }
                defer { if !session.outgoing.isEmpty { sender.flush() } }
                let count = try session.read(into: plain)
                try Self.checkOutgoing(session)
                return count
            }
        } catch {
            throw cause(error)
        }
    }

    /// A gateway that makes TLS answer again and again, and reads nothing, must not fill the memory.
    private static func checkOutgoing(_ session: TLSSession) throws(TLSSession.Failure) {
        guard session.outgoing.count > 2 * Sender.maxPending else { return }
        throw TLSSession.Failure(text: Texts.tlsAsksTooMuch)
    }

    private func cause(_ failure: TLSSession.Failure) -> Cause {
        if failure.isEnd { return Cause(.disconnected, .receive, 0, failure.text) }
        if webSocket.isReady { return Cause(.tlsFailed, .receive, EPROTO, failure.text) }
        // Another attempt would get the same certificate.
        return Self.notOpened(.tlsFailed, failure.text, isFinal: failure.isCertificate)
    }

    // MARK: - The beginning and the end

    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake {
        try webSocket.handshake(answer, arena)
    }

    func sayGoodbye(_ sender: inout Sender) {
        webSocket.sayGoodbye(&sender)
        guard let session = sender.session else { return }
        session.shutDown()
        _ = Socket.send(socket, session.outgoing.pending)
    }
}

extension Sender {
    /// Like `flush`, over TLS. It encrypts only as much as the socket takes, so that the waiting bytes are limited.
    mutating func flush(through session: TLSSession) {
        var encrypted = 0
        while true {
            if session.outgoing.isEmpty {
                // The poller reports the socket at once, and the next step continues.
                if encrypted >= Self.maxInARow, pendingCount > 0 { return setBlocked(true) }
                guard let count = session.write(pending) else { return shutDown() }
                sent(count)
                encrypted += count
                if session.outgoing.isEmpty { return setBlocked(false) }
            }
            guard let count = send(session.outgoing.pending) else { return }
            session.sent(count)
            if !session.outgoing.isEmpty { return setBlocked(true) }
        }
    }
}
