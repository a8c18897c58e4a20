/// How a connection is to behave. Times are in nanoseconds.
package struct ConnectionConfiguration: Sendable {
    package var connectTimeout: Instant = 10_000_000_000
    /// Of a request that does not set its own.
    package var terms = RequestTerms()
    package var reconnects = true
    package var minBackoff: Instant = 500_000_000
    package var maxBackoff: Instant = 30_000_000_000
    package var maxQueue = 4096
    /// Over TLS: whether any certificate will do.
    package var acceptsAnyCertificate = false
    package var endpoint = Endpoint()
    /// Whether anybody reads the log.
    package var wantsLog = true
    /// Whether anybody is told of attempts that fail and are repeated.
    package var tellsAttempts = false
    /// First serial number on each stream's wire.
    package var firstWireSerialNo: UInt32 = 1
    /// Seed of the backoff's jitter.
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
