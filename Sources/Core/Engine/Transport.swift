import Codec

/// What carries the messages (capdist.h, CAPDIST_TRANSPORT_*). Over WebSocket it is another dialect: a bridge of OpenD's
/// with a handshake of its own, and pings instead of KeepAlive.
package enum Transport: Int32, Sendable {
    case tcp = 0
    case webSocket = 1
    case webSocketTLS = 2

    /// The dialect's first message.
    var firstMessageID: UInt32 { self == .tcp ? ProtoID.initConnect : ProtoID.initWebSocket }
    package var firstMessageName: String { self == .tcp ? "InitConnect" : "InitWebSocket" }
}
