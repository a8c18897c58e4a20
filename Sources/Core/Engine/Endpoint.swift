/// Where the gateway is and how it is spoken to, for texts above all.
package struct Endpoint {
    package var transport = Transport.tcp
    /// Whether InitConnect is encrypted, and another key may be why it is not answered.
    package var isEncrypted = false
    package var host = "127.0.0.1"
    package var port: UInt16 = 11111
    /// Whether the WebSocket key that was given looks like an MD5: 32 hex digits.
    package var keyLooksLikeMD5 = false
    /// Whether this connection stood before: what was right then is not to be doubted now.
    package var hasStood = false

    package init() {}

    /// The dialect's first message.
    var firstMessage: String { transport.firstMessageName }
    /// How the log names the gateway.
    var peer: String { "\(host), port \(port)" }
}
