import Codec
import Glibc

/// The transport of one stream, for the driving thread. Each transport has its own type, which implements
/// `TransportStream`. An enum and not an existential, because Embedded Swift has no existentials.
enum Stream {
    case tcp(TCPStream)
    case webSocket(WebSocketStream)
    case webSocketTLS(TLSStream)

    /// The writer of messages for this transport.
    static func makeWriter(_ transport: Transport) -> FrameWriter {
        switch transport {
        case .tcp: FrameWriter()
        case .webSocket, .webSocketTLS: FrameWriter(MaskSource())
        }
    }

    /// Begins TLS and the upgrade, if the transport has them, over a connected socket.
    /// - Parameter trusted: over TLS: which certificates to trust.
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

    /// `TransportStream` documents all of these.
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

/// The functions of every transport. For the driving thread; functions that get the `Sender` may run on any thread.
protocol TransportStream: AnyObject {
    /// Receives from the socket, at most one buffer.
    /// - Throws: why the stream is lost.
    func receive() throws(Cause) -> Received

    /// The next message or event that was received; nil if no more is complete.
    /// - Throws: why the stream is lost.
    func next(_ arena: borrowing MessageArena) throws(Cause) -> Inbound?

    /// Whether the next message is here already.
    var hasNext: Bool { get }

    /// Reads the answer to the first message.
    /// - Throws: why the connection is not established.
    func handshake(_ answer: Message, _ arena: borrowing MessageArena) throws(Cause) -> Handshake

    /// Tells the gateway that the stream ends, if the socket takes that without waiting.
    func sayGoodbye(_ sender: inout Sender)
}

/// The result of a receive.
enum Received {
    case nothing
    /// Bytes came, and there are no more for now.
    case all
    /// The buffer is full, so there may be more.
    case some
}

/// What was received, for the state machine.
enum Inbound {
    /// TLS (if it is used) and the upgrade are done, so the first message may be sent.
    case opened
    case message(Message)
    /// A sign of life that is not a message.
    case heard
}

/// A message of the gateway.
struct Message {
    let protoID: UInt32
    /// The wire serial number; 0 belongs to no request.
    let serialNo: UInt32
    /// The decrypted body, valid until the next message.
    let body: UnsafeRawBufferPointer
    /// 0, or the reason why the bridge has no answer. Then the body is the whole section.
    var bridgeError: Int32 = 0
    /// Whether the body matches its SHA-1. Always true over WebSocket, which has none.
    var isIntact = true
}

/// The gateway's answer to the first message.
struct Handshake {
    var connID: UInt64 = 0
    var loginUserID: UInt64 = 0
    var serverVersion: Int32 = 0
    /// In seconds.
    var keepAliveInterval: Int32 = 0
}

extension TransportStream {
    /// Receives once from the socket.
    /// - Returns: nil if no bytes have arrived.
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

    /// Not final: OpenD refuses while it waits for a code, for example, and accepts minutes later.
    static func refused(_ endpoint: Endpoint, _ head: AnyResponse) -> Cause {
        let text = Texts.firstMessageRefused(endpoint, head.retMsg, head.retType ?? RetType.unknown)
        return Cause(.connectRefused, .initConnect, Cause.InitConnectCode.refused, text)
    }

    /// The stream did not open.
    static func notOpened(_ status: Status, _ text: String, isFinal: Bool = false) -> Cause {
        Cause(status, .initConnect, Cause.InitConnectCode.unknown, text, isFinal: isFinal)
    }
}
