import Codec

/// The options of a connection, checked.
package struct ConnectionOptions: Sendable {
    package var host = "127.0.0.1"
    package var port: UInt16 = 11111
    /// The body of the first message: of InitConnect, or of InitWebSocket, which contains the key.
    package var firstMessage: SecretBytes?
    /// Over TLS: which certificates to trust.
    package var tls: TLSTrust?
    /// The stack size of the connection's thread.
    package var threadStackBytes = Thread.defaultStackBytes
    /// Over WebSocket: the server name for the HTTP Host header, SNI and the certificate check. nil: `host`.
    package var serverName: String?
    /// The key that turns encryption on.
    package var rsaKey: RSAKey?
    /// The cipher that InitConnect requests.
    package var cipher = CipherAlgorithm.none
    package var behaviour = ConnectionConfiguration()
    /// Whether threads of the application drive the connection, instead of its own thread.
    package var isApplicationDriven = false
    package var maxBodyLength = 4 * 1024 * 1024
    package var callbacks = ApplicationCallbacks()

    package init() {}
}
