/// The options of a connection that its state machine needs.
package struct ConnectionConfiguration: Sendable {
    package var connectTimeout: TimeAmount = .seconds(10)
    /// The terms of requests that do not set their own.
    package var terms = RequestTerms()
    package var reconnects = true
    package var minBackoff: TimeAmount = .milliseconds(500)
    package var maxBackoff: TimeAmount = .seconds(30)
    package var maxQueue = 4096
    /// Over TLS: whether any certificate is accepted.
    package var acceptsAnyCertificate = false
    package var endpoint = Endpoint()
    /// Whether the application has a callback for the log.
    package var wantsLog = true
    /// Whether the application has a callback for failed attempts that are repeated.
    package var tellsAttempts = false
    /// The first wire serial number of each stream.
    package var firstWireSerialNo: UInt32 = 1
    /// The seed of the random part of pauses.
    package var seed: UInt64 = 0

    package init() {}

    package var transport: Transport {
        get { endpoint.transport }
        set { endpoint.transport = newValue }
    }
    package var isEncrypted: Bool {
        get { endpoint.isEncrypted }
        set { endpoint.isEncrypted = newValue }
    }
}
