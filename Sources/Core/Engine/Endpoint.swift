/// The gateway's address and transport, mostly for error texts.
package struct Endpoint {
    package var transport = Transport.tcp
    /// Whether InitConnect is encrypted. Then a different key may be the reason why it is not answered.
    package var isEncrypted = false
    package var host = "127.0.0.1"
    package var port: UInt16 = 11111
    /// Whether the WebSocket key looks like an MD5 (32 hex digits).
    package var keyLooksLikeMD5 = false
    /// Whether this connection was established before. Then error texts do not ask whether address, port and keys are
    /// right.
    package var hasStood = false

    package init() {}

    /// The name of the first message.
    var firstMessage: String { transport.firstMessageName }
    /// The gateway's name in the log.
    var peer: String { "\(host), port \(port)" }
}
