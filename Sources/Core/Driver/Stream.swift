import Codec
import Glibc

/// The transport of one stream from and to a gateway, as the thread that drives has it. Each has a type of its own that
/// does what `TransportStream` asks; there is no existential of it.
enum Stream {
    case tcp(TCPStream)
    case webSocket(WebSocketStream)
    case webSocketTLS(TLSStream)

    /// What makes the messages that go out.
    static func makeWriter(_ transport: Transport) -> FrameWriter {
        switch transport {
        case .tcp: FrameWriter()
        case .webSocket, .webSocketTLS: FrameWriter(MaskSource())
        }
    }

    /// Opens what there is to open above a socket that is connected.
    /// - Parameter trusted: over TLS: whom to trust.
    static func open(
        _ options: ConnectionOptions, socket: Int32, trusted: TLSContext?, _ sender: Guarded<Sender>,
        isReleased: @escaping () -> Bool
    ) throws(Cause) -> Stream {
        switch options.behaviour.transport {
        case .tcp: .tcp(try TCPStream(options, socket, sender, isReleased: isReleased))
        case .webSocket: .webSocket(try WebSocketStream(options, socket, sender))
        case .webSocketTLS: .webSocketTLS(try .open(options, socket, trusted, sender))
        }
    }

    /// See `TransportStream`, for all of these.
    @inline(__always)
    func receive() throws(Cause) -> Received {
        switch self {
        case .tcp(let stream): try stream.receive()
        case .webSocket(let stream): try stream.receive()
        case .webSocketTLS(let stream): try stream.receive()
        }
    }

    @inline(__always)
    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound? {
        switch self {
        case .tcp(let stream): try stream.next(arena)
        case .webSocket(let stream): try stream.next(arena)
        case .webSocketTLS(let stream): try stream.next(arena)
        }
    }

    @inline(__always)
    var hasNext: Bool {
        switch self {
        case .tcp(let stream): stream.hasNext
        case .webSocket(let stream): stream.hasNext
        case .webSocketTLS(let stream): stream.hasNext
        }
    }

    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake {
        switch self {
        case .tcp(let stream): try stream.handshake(answer, arena)
        case .webSocket(let stream): try stream.handshake(answer, arena)
        case .webSocketTLS(let stream): try stream.handshake(answer, arena)
        }
    }

    func sayGoodbye(_ sender: inout Sender) {
        switch self {
        case .tcp(let stream): stream.sayGoodbye(&sender)
        case .webSocket(let stream): stream.sayGoodbye(&sender)
        case .webSocketTLS(let stream): stream.sayGoodbye(&sender)
        }
    }
}

/// What every transport does. Of the thread that drives, but for what is handed `Sender`.
protocol TransportStream: AnyObject {
    /// Takes in what the socket has, one buffer at most.
    /// - Throws: why the stream is lost.
    func receive() throws(Cause) -> Received

    /// The next of what was received; nil: no more is whole.
    /// - Throws: why the stream is lost.
    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound?

    /// Whether a message follows at once.
    var hasNext: Bool { get }

    /// Takes the answer to the first message.
    /// - Throws: why there is no connection.
    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake

    /// Tells the gateway that nothing more comes, as far as the socket takes it at once.
    func sayGoodbye(_ sender: inout Sender)
}

/// What came of a receive.
enum Received {
    case nothing
    /// There is nothing behind it, so far.
    case all
    /// The buffer was filled: there may be more.
    case some
}

/// What a stream has for the state machine.
enum Inbound {
    /// TLS, if any, and the upgrade are done: the first message may go out.
    case opened
    case message(Message)
    /// A sign of life that is no message.
    case heard
}

/// A message of the gateway's.
struct Message {
    let protoID: UInt32
    /// 0 is no request's.
    let serialNo: UInt32
    /// In clear; valid until the next one is asked for.
    let body: UnsafeRawBufferPointer
    /// 0; else the bridge has no answer, for this reason, and the body is the whole section.
    var bridgeError: Int32 = 0
    /// Whether the body matches its SHA-1, where there is one.
    var isIntact = true
}

/// What the gateway told when it accepted the first message.
struct Handshake {
    var connID: UInt64 = 0
    var loginUserID: UInt64 = 0
    var serverVersion: Int32 = 0
    /// Seconds.
    var keepAliveInterval: Int32 = 0
}

extension TransportStream {
    /// One receive from the socket.
    /// - Returns: nil if there is nothing now.
    @inline(__always)
    static func receive(_ socket: Int32, _ space: UnsafeMutableRawBufferPointer) throws(Cause) -> Int? {
        switch Socket.receive(socket, space) {
        case .success(.some(0)): throw Cause(.disconnected, .receive, 0, Texts.closed)
        case .success(let count): return count
        case .failure(let error): throw Cause(.disconnected, .receive, error.code, Texts.broke(error.text))
        }
    }

    /// The answer to the first message cannot be used.
    static func invalid(_ text: String) -> Cause {
        Cause(.protocolError, .initConnect, Cause.InitConnectCode.unknown, text)
    }

    /// Not final: OpenD refuses while it waits for a code, say, and accepts minutes later.
    static func refused(_ endpoint: Endpoint, _ head: AnyResponse) -> Cause {
        let text = Texts.firstMessageRefused(endpoint, head.retMsg, head.retType ?? RetType.unknown)
        return Cause(.connectRefused, .initConnect, Cause.InitConnectCode.refused, text)
    }

    /// The stream did not open.
    static func notOpened(_ status: Status, _ text: String, isFinal: Bool = false) -> Cause {
        Cause(status, .initConnect, Cause.InitConnectCode.unknown, text, isFinal: isFinal)
    }
}
