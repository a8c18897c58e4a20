import Codec
import Glibc

/// OpenD's own protocol: frames, each with the SHA-1 of its body, which may be encrypted (docs/protocol.md).
final class TCPStream: TransportStream {
    private let options: ConnectionOptions
    private let socket: Int32
    private let sender: Guarded<Sender>
    /// Whether decryption should go on; called during long work.
    private let isReleased: () -> Bool
    // Only the driving thread uses them (`DriverState`).
    @exclusivity(unchecked) private var reader: FrameReader
    @exclusivity(unchecked) private var decryption: Decryption
    private var isReady = false

    init(
        _ options: ConnectionOptions, _ socket: Int32, _ sender: Guarded<Sender>, isReleased: @escaping () -> Bool
    ) throws(Cause) {
        self.options = options
        self.socket = socket
        self.sender = sender
        self.isReleased = isReleased
        reader = FrameReader(maxBodyLength: options.maxBodyLength)
        decryption = Decryption(options.rsaKey, options.cipher)
        guard let key = options.rsaKey else { return }
        // RSA takes long. So it is done here, and not when the message is sent, with the lock held.
        let encrypted = Sender.firstMessage(options).withUnsafeBytes { key.encrypt($0) }
        guard let encrypted else {
            throw Cause(.encryptionFailed, .initConnect, Cause.InitConnectCode.notSent, Texts.firstMessageNotEncrypted)
        }
        sender.with { $0.encryptedFirstMessage = encrypted }
    }

    func receive() throws(Cause) -> Received {
        let space = reader.space()
        guard let count = try Self.receive(socket, space) else { return .nothing }
        reader.received(count)
        return count < space.count ? .all : .some
    }

    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound? {
        let frame: Frame
        do throws(FrameError) {
            guard let next = try reader.next() else { return nil }
            frame = next
        } catch {
            throw cause(error)
        }
        let (body, isIntact) = try decryption.open(frame, arena) { !isReleased() }
        let header = frame.header
        return .message(Message(protoID: header.protoID, serialNo: header.serialNo, body: body, isIntact: isIntact))
    }

    var hasNext: Bool { reader.hasFrame }

    private func cause(_ error: FrameError) -> Cause {
        let text =
            switch error {
            case .badMagic:
                Texts.notOpenD(options.behaviour.endpoint, first: reader.firstByte, isReady: isReady)
            case .bodyTooLong(let length): Texts.bodyTooLong(length, most: options.maxBodyLength)
            case .unsupportedFormat(let format): Texts.unsupportedFormat(format)
            }
        return Cause(.protocolError, .receive, EPROTO, text)
    }

    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake {
        guard answer.isIntact else { throw Self.invalid(Texts.firstMessageSHA1) }
        var response: InitConnectResponse
        do {
            response = try InitConnectResponse(answer.body, arena)
        } catch {
            throw Self.invalid(Texts.firstMessageInvalid(options.behaviour.endpoint))
        }
        // All three contain the session's key.
        defer {
            response.wipe()
            arena.wipe()
            decryption.wipe()
        }
        guard response.head.retType == RetType.succeed else {
            throw Self.refused(options.behaviour.endpoint, response.head)
        }
        guard let content = response.content else { throw Self.invalid(Texts.firstMessageSuccessWithoutContent) }
        let cipher = try decryption.agree(content)
        sender.with { $0.cipher = cipher }
        isReady = true
        return Handshake(
            connID: content.connID, loginUserID: content.loginUserID, serverVersion: content.serverVersion,
            keepAliveInterval: content.keepAliveInterval)
    }

    func sayGoodbye(_ sender: inout Sender) {}
}
