import Codec

/// How to reach a gateway and what to tell it, checked before.
package struct ConnectionOptions: Sendable {
    package var host = "127.0.0.1"
    package var port: UInt16 = 11111
    /// The body of the dialect's first message: InitConnect's, or InitWebSocket's, which has the key.
    package var firstMessage: SecretBytes?
    /// Over TLS: whom to trust.
    package var tls: TLSTrust?
    /// Of the connection's thread.
    package var threadStackBytes = Thread.defaultStackBytes
    /// Over WebSocket: whom the gateway is asked for; over TLS: whom the certificate must be for. nil: `host`.
    package var serverName: String?
    /// Turns encryption on.
    package var rsaKey: RSAKey?
    /// What InitConnect asks for.
    package var cipher = CipherAlgorithm.none
    package var behaviour = ConnectionConfiguration()
    /// Whether the application's threads drive it, instead of one of its own.
    package var isApplicationDriven = false
    package var maxBodyLength = 4 * 1024 * 1024
    package var callbacks = ApplicationCallbacks()

    package init() {}
}
