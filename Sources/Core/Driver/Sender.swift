import Codec
import Glibc

/// What goes out on a connection, from whichever thread has something to send: frames that wait, what encrypts them,
/// and the sending side of the socket. Wire serial numbers increase on a stream, so they are given under the same lock.
struct Sender: ~Copyable {
    /// Frames that wait for the socket to take them, beyond which no more are made.
    static let maxPending = 64 * 1024
    /// Bytes that are made or encrypted in a row before answers, timers and other threads' wishes get their turn.
    static let maxInARow = 1024 * 1024

    private let options: ConnectionOptions
    private let poller: Poller
    private var writer: FrameWriter
    /// -1: none.
    private var socket: Int32 = -1
    /// Whether the socket took less than there was, so that the poller must tell when it takes more.
    private(set) var isBlocked = false
    /// Of this stream, over TLS.
    private(set) var session: TLSSession?
    /// Of this stream, once InitConnect has agreed on it.
    var cipher: BodyCipher?
    /// InitConnect under RSA.
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

    /// Closes the socket and forgets what was not sent.
    mutating func close(_ stream: Stream?) {
        guard socket >= 0 else { return }
        stream?.sayGoodbye(&self)
        socket = -1
        isBlocked = false
        writer.reset()
        // A key may have been in it.
        writer.wipeSent()
        cipher = nil
        session = nil
        encryptedFirstMessage = nil
        poller.closeSocket()
    }

    // MARK: - Frames

    /// Whether frames are made at all.
    var canFill: Bool { socket >= 0 && writer.pendingCount < Self.maxPending }

    /// Makes frames of what may be sent now.
    /// - Returns: whether there may be more, once these are sent.
    mutating func fill(from state: inout SharedState, _ now: Instant) -> Bool {
        guard socket >= 0 else { return false }
        while canFill {
            guard let next = state.nextToSend(now) else { return false }
            guard encode(next) else {
                let cause = Cause(.disconnected, .send, EIO, writer.failure.text)
                state.tell { $0.streamLost(cause, now, &$1) }
                return false
            }
        }
        return true
    }

    /// Sends what may be sent now.
    /// - Parameter isWritable: whether the poller tells that the socket takes more.
    mutating func sendWaiting(of state: Guarded<SharedState>, isWritable: Bool) {
        // First what waits: while it is much, no more frames are made.
        if isWritable { flush(isWritable: true) }
        var isFull = true
        var made = 0
        while isFull, made < Self.maxInARow, writer.pendingCount < Self.maxPending {
            isFull = state.with { fill(from: &$0, Clock.now()) }
            made += writer.pendingCount
            flush()
        }
        // A socket that takes no more would tell by itself.
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

    // MARK: - What a transport sends of its own

    /// Appends bytes that are no message.
    mutating func append(_ bytes: UnsafeRawBufferPointer) { writer.append(bytes) }

    /// Appends a WebSocket frame that is no message.
    /// - Returns: false if it could not be made.
    mutating func append(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) -> Bool {
        writer.append(opcode, payload)
    }

    /// Appends a frame that answers one. Who sends pings and reads nothing is not answered for ever.
    mutating func answer(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) {
        guard writer.pendingCount < Self.maxPending else { return }
        _ = writer.append(opcode, payload)
    }

    mutating func wipeSent() { writer.wipeSent() }

    // MARK: - The socket

    /// Hands the socket what it takes.
    /// - Parameter isWritable: see `sendWaiting`; a socket that took less than there was is left alone until then.
    mutating func flush(isWritable: Bool = false) {
        guard socket >= 0, isWritable || !isBlocked else { return }
        // Closed by the application, the number may be another connection's: nothing of ours goes there.
        guard !poller.isGone, !poller.isSocketTaken else { return }
        if let session { return flush(through: session) }
        guard writer.pendingCount > 0, let count = send(writer.pending) else { return }
        writer.sent(count)
        setBlocked(writer.pendingCount > 0)
    }

    var pending: UnsafeRawBufferPointer { writer.pending }
    var pendingCount: Int { writer.pendingCount }
    mutating func sent(_ count: Int) { writer.sent(count) }

    /// - Returns: how much the socket took; nil if it failed.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        if case .success(let count) = Socket.send(socket, bytes) { return count }
        shutDown()
        return nil
    }

    /// The thread that drives finds the reason when it receives; until then nothing more is sent.
    func shutDown() { shutdown(socket, Int32(SHUT_RDWR)) }

    mutating func setBlocked(_ isBlocked: Bool) {
        guard isBlocked != self.isBlocked else { return }
        self.isBlocked = isBlocked
        poller.change(socket, forWriting: isBlocked)
    }
}
