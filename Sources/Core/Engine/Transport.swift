import Codec

/// What carries the messages (capdist.h, CAPDIST_TRANSPORT_*). Over WebSocket the protocol differs: OpenD's bridge has
/// its own handshake, and pings instead of KeepAlive.
package enum Transport: Int32, Sendable {
    case tcp = 0
    case webSocket = 1
    case webSocketTLS = 2

    /// The protocol number of the first message.
    var firstMessageID: UInt32 { self == .tcp ? ProtoID.initConnect : ProtoID.initWebSocket }
    package var firstMessageName: String { self == .tcp ? "InitConnect" : "InitWebSocket" }
}
