import Codec
import Glibc

/// OpenD's WebSocket bridge: an upgrade from HTTP, and sections in WebSocket frames (docs/protocol.md, WebSocket).
final class WebSocketStream: TransportStream {
    private let options: ConnectionOptions
    private let socket: Int32
    private let sender: Guarded<Sender>
    /// The buffer for the bytes received, which need no zeroing before.
    private let space: UnsafeMutableRawBufferPointer
    // Only the driving thread uses these two (`DriverState`).
    /// nil when the upgrade is done.
    @exclusivity(unchecked) private var upgrade: WebSocketUpgrade?
    @exclusivity(unchecked) private var reader: WebSocketReader
    private var hasOpened = false
    /// How many frames the state machine knows of, and how many messages it got since then.
    private var framesTold = 0
    private var messages = 0
    private(set) var isReady = false
    /// Whether a close frame was sent.
    private var isClosing = false

    /// Requests the upgrade.
    convenience init(_ options: ConnectionOptions, _ socket: Int32, _ sender: Guarded<Sender>) throws(Cause) {
        try self.init(options, socket, sender, defaultPort: 80)
        sender.with {
            requestUpgrade(&$0)
            $0.flush()
        }
    }

    /// - Parameter defaultPort: the default port of the scheme (ws or wss).
    init(
        _ options: ConnectionOptions, _ socket: Int32, _ sender: Guarded<Sender>, defaultPort: UInt16
    ) throws(Cause) {
        self.options = options
        self.socket = socket
        self.sender = sender
        space = .allocate(byteCount: FrameReader.baseCapacity, alignment: 16)
        reader = WebSocketReader(.client, maxMessageLength: SectionHeader.replySize + options.maxBodyLength)
        upgrade = WebSocketUpgrade(
            host: options.serverName ?? options.host, port: options.port, defaultPort: defaultPort)
        guard upgrade != nil else { throw Self.notOpened(.connectFailed, Texts.noRandomBytes) }
    }

    deinit { space.deallocate() }

    func requestUpgrade(_ sender: inout Sender) {
        upgrade?.request.withUnsafeBytes { sender.append($0) }
    }

    // MARK: - Receiving

    func receive() throws(Cause) -> Received {
        guard let count = try Self.receive(socket, space) else { return .nothing }
        try received(UnsafeRawBufferPointer(rebasing: space[..<count]))
        return count < space.count ? .all : .some
    }

    /// Takes bytes of the bridge.
    func received(_ bytes: UnsafeRawBufferPointer) throws(Cause) {
        var bytes = bytes
        if upgrade != nil {
            do throws(WebSocketUpgrade.Failure) {
                guard let count = try upgrade?.received(bytes) else { return }
                bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            } catch {
                throw Self.notOpened(.protocolError, Texts.upgradeRefused(options.behaviour.endpoint, error))
            }
            upgrade = nil
            hasOpened = true
        }
        guard !bytes.isEmpty else { return }
        reader.received(bytes)
        // Answers to pings and closes.
        guard reader.hasControls else { return }
        sender.with { sender in
            reader.takeControls { sender.answer($0, $1) }
            sender.flush()
        }
    }

    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound? {
        if hasOpened {
            hasOpened = false
            return .opened
        }
        let message: UnsafeRawBufferPointer?
        do throws(WebSocketFailure) {
            message = try reader.next()
        } catch {
            isClosing = true
            throw cause(error)
        }
        if let message {
            messages += 1
            return try inbound(message)
        }
        // A message counts as a sign of life by itself.
        let frames = reader.frameCount - framesTold
        defer { (framesTold, messages) = (reader.frameCount, 0) }
        return frames > messages ? .heard : nil
    }

    var hasNext: Bool { reader.hasMessage }

    func inbound(_ message: UnsafeRawBufferPointer) throws(Cause) -> Inbound {
        let header: SectionHeader
        do throws(SectionError) {
            header = try SectionHeader(reply: message)
        } catch {
            throw Cause(.protocolError, .receive, EPROTO, Texts.sectionFailed(options.behaviour.endpoint, error))
        }
        if header.command == ProtoID.lostOpenD || header.error == BridgeError.lostOpenD {
            let text = Texts.bridgeFailed(BridgeError.lostOpenD, header.errorText)
            if isReady { throw Cause(.disconnected, .receive, 0, text) }
            throw Self.notOpened(.connectFailed, Texts.bridgeLostAtFirstMessage(text))
        }
        let serialNo = UInt32(exactly: header.section) ?? 0
        if header.error != 0 {
            return .message(
                Message(protoID: header.command, serialNo: serialNo, body: message, bridgeError: header.error))
        }
        let body = UnsafeRawBufferPointer(rebasing: message[SectionHeader.replySize...])
        return .message(Message(protoID: header.command, serialNo: serialNo, body: body))
    }

    func cause(_ failure: WebSocketFailure) -> Cause {
        let text = Texts.webSocketFailed(failure, most: options.maxBodyLength)
        return switch failure {
        case .closed: Cause(.disconnected, .receive, 0, text)
        case .broken, .notBinary, .tooLong: Cause(.protocolError, .receive, EPROTO, text)
        }
    }

    // MARK: - The beginning and the end

    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake {
        // A message contained the key.
        sender.with { $0.wipeSent() }
        let response: InitWebSocketResponse
        do {
            response = try InitWebSocketResponse(answer.body, arena)
        } catch {
            throw Self.invalid(Texts.firstMessageInvalid(options.behaviour.endpoint))
        }
        guard response.head.retType == RetType.succeed else {
            throw Self.refused(options.behaviour.endpoint, response.head)
        }
        isReady = true
        return Handshake(connID: response.connID ?? 0, keepAliveInterval: Self.pingInterval)
    }

    /// The keep-alive interval in seconds, because the bridge has none. Pings are sent at 4/5 of it, like KeepAlive.
    private static var pingInterval: Int32 { 10 }

    func sayGoodbye(_ sender: inout Sender) {
        if upgrade == nil, !isClosing {
            _ = WebSocketFrame.closePayload(1000).withUnsafeBytes { sender.append(.close, $0) }
        }
        sender.flush(isWritable: true)
    }
}
