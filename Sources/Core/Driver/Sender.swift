import Codec
import Glibc

/// The sending side of a connection, used by any thread that has something to send: waiting frames, their encryption,
/// and the socket. Wire serial numbers must increase on a stream, so they are given under the same lock.
struct Sender: ~Copyable {
    /// If this many bytes wait for the socket, no more frames are made.
    static let maxPending = 64 * 1024
    /// How many bytes are made or encrypted in a row before answers, timers and other threads' requests get their turn.
    static let maxInARow = 1024 * 1024

    private let options: ConnectionOptions
    private let poller: Poller
    private var writer: FrameWriter
    /// -1: none.
    private var socket: Int32 = -1
    /// Whether the socket did not take all bytes, so that the poller must report when it takes more.
    private(set) var isBlocked = false
    /// The TLS session of this stream, if it uses TLS.
    private(set) var session: TLSSession?
    /// The cipher of this stream, after InitConnect.
    var cipher: BodyCipher?
    /// InitConnect, encrypted with RSA.
    var encryptedFirstMessage: [UInt8]?

    init(_ options: ConnectionOptions, _ poller: Poller) {
        self.options = options
        self.poller = poller
        writer = Stream.makeWriter(options.behaviour.transport)
    }

    // MARK: - A stream

    /// The socket is connected.
    mutating func open(_ socket: Int32) { self.socket = socket }

    mutating func encrypt(with session: TLSSession) { self.session = session }

    /// Closes the socket, and drops what was not sent.
    mutating func close(_ stream: Stream?) {
        guard socket >= 0 else { return }
        stream?.sayGoodbye(&self)
        socket = -1
        isBlocked = false
        writer.reset()
        // A message may have contained a key.
        writer.wipeSent()
        cipher = nil
        session = nil
        encryptedFirstMessage = nil
        poller.closeSocket()
    }

    // MARK: - Frames

    /// Whether more frames may be made.
    var canFill: Bool { socket >= 0 && writer.pendingCount < Self.maxPending }

    /// Makes frames of the requests that may be sent now.
    /// - Parameter first: what counts as sent already, while `canFill` was true.
    /// - Returns: whether there may be more, after these are sent.
    mutating func fill(
        from state: inout SharedState, _ now: Instant, first: Connection.Machine.Outgoing? = nil
    ) -> Bool {
        guard socket >= 0 else { return false }
        var first = first
        while canFill {
            guard let next = first ?? state.nextToSend(now) else { return false }
            first = nil
            guard encode(next) else {
                let cause = Cause(.disconnected, .send, EIO, writer.failure.text)
                state.tell { $0.streamLost(cause, now, &$1) }
                return false
            }
        }
        return true
    }

    /// Sends all that may be sent now.
    /// - Parameter isWritable: whether the poller reported that the socket takes more.
    mutating func sendWaiting(of state: Guarded<SharedState>, isWritable: Bool) {
        // First the waiting bytes: while there are many, no more frames are made.
        if isWritable { flush(isWritable: true) }
        var isFull = true
        var made = 0
        while isFull, made < Self.maxInARow, writer.pendingCount < Self.maxPending {
            isFull = state.with { fill(from: &$0, Clock.now()) }
            made += writer.pendingCount
            flush()
        }
        // The rest is for the next step. A blocked socket is reported by the poller.
        if isFull, made >= Self.maxInARow, !isBlocked { poller.wake() }
    }

    private mutating func encode(_ next: Connection.Machine.Outgoing) -> Bool {
        switch next {
        case .initConnect(let serialNo):
            return Self.firstMessage(options).withUnsafeBytes { firstMessage in
                if let encryptedFirstMessage {
                    return writer.append(
                        protoID: ProtoID.initConnect, serialNo: serialNo, body: firstMessage,
                        encrypted: encryptedFirstMessage)
                }
                return writer.append(
                    protoID: options.behaviour.transport.firstMessageID, serialNo: serialNo, body: firstMessage)
            }
        case .probe(let serialNo):
            return GlobalState.encodedRequest(userID: 0).withUnsafeBytes { body in
                writer.append(protoID: ProtoID.getGlobalState, serialNo: serialNo, body: body)
            }
        case .ping: return append(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        case .keepAlive(let serialNo):
            return KeepAlive.encodedRequest(time: Clock.unixSeconds()).withUnsafeBytes { body in
                writer.append(protoID: ProtoID.keepAlive, serialNo: serialNo, body: body, cipher: cipher)
            }
        case .request(let request):
            return writer.append(
                protoID: request.protoID, serialNo: request.wireSerialNo, body: request.payload.body, cipher: cipher)
        }
    }

    /// The body of the first message.
    static func firstMessage(_ options: ConnectionOptions) -> SecretBytes { options.firstMessage ?? noFirstMessage }

    private static let noFirstMessage: SecretBytes = {
        var nothing: [UInt8] = []
        return SecretBytes(&nothing)
    }()

    // MARK: - Frames of the transport itself

    /// Appends bytes that are not a message.
    mutating func append(_ bytes: UnsafeRawBufferPointer) { writer.append(bytes) }

    /// Appends a WebSocket control frame.
    /// - Returns: false if it could not be made.
    mutating func append(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) -> Bool {
        writer.append(opcode, payload)
    }

    /// Appends a frame that answers a control frame. A gateway that sends pings and reads nothing is not answered
    /// without limit.
    mutating func answer(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) {
        guard writer.pendingCount < Self.maxPending else { return }
        _ = writer.append(opcode, payload)
    }

    mutating func wipeSent() { writer.wipeSent() }

    // MARK: - The socket

    /// Sends as many waiting bytes as the socket takes.
    /// - Parameter isWritable: see `sendWaiting`. A blocked socket is not tried again before the poller reports it.
    mutating func flush(isWritable: Bool = false) {
        guard socket >= 0, isWritable || !isBlocked else { return }
        // If the application closed the socket, its number may be another file's now: send nothing to it.
        guard !poller.isGone, !poller.isSocketTaken else { return }
        if let session { return flush(through: session) }
        guard writer.pendingCount > 0, let count = send(writer.pending) else { return }
        writer.sent(count)
        setBlocked(writer.pendingCount > 0)
    }

    var pending: UnsafeRawBufferPointer { writer.pending }
    var pendingCount: Int { writer.pendingCount }
    mutating func sent(_ count: Int) { writer.sent(count) }

    /// - Returns: how many bytes the socket took; nil if it failed.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        if case .success(let count) = Socket.send(socket, bytes) { return count }
        shutDown()
        return nil
    }

    /// The driving thread finds the reason when it receives. Until then nothing more is sent.
    func shutDown() { shutdown(socket, Int32(SHUT_RDWR)) }

    mutating func setBlocked(_ isBlocked: Bool) {
        guard isBlocked != self.isBlocked else { return }
        self.isBlocked = isBlocked
        poller.change(socket, forWriting: isBlocked)
    }
}
