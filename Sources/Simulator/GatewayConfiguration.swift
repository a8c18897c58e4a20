import Codec

/// An instant in nanoseconds, of the clock that drives the gateway. It never goes back.
package typealias Instant = Int64

/// How a simulated gateway behaves.
package struct GatewayConfiguration: Sendable {
    package var figures = FigureSet.cpp
    /// The number of requests in a window, for all clients together, and the window in nanoseconds; nil: no quota.
    package var quota: (limit: Int, window: Instant)? = (30, 30_000_000_000)
    /// The interval sent to clients, in seconds.
    package var keepAliveInterval: Int32 = 10
    /// Nanoseconds between a request and its answer, 0 or more.
    package var latency: Instant = 0
    /// Nanoseconds between pushes to clients that requested them; nil: no pushes.
    package var pushInterval: Instant?
    package var words = Words()
    /// Nanoseconds from the start to the login. Before it InitConnect is not answered. nil: there is no login.
    package var loginAfter: Instant? = 0
    /// Nanoseconds from the start for which InitConnect is refused, before the login.
    package var refusesLoginFor: Instant = 0
    /// A TCP client that sends nothing for this many nanoseconds is dropped.
    package var silenceLimit = Gateway.silenceLimit
    /// Recorded answers to use instead of the gateway's own; nil: there are none.
    package var recording: Recording?
    /// Leave out what old gateways do not send.
    package var isOld = false
    /// The faults. Of the rules for frames the first one that applies is used.
    package var faults: [FaultRule] = []
    /// The seed of connection ids, of keys, and of all random choices of faults.
    package var seed: UInt64 = 1
    /// Unix time in nanoseconds at the clock's instant 0.
    package var unixTimeAtZero: Instant = 0
    /// The key that clients share. It turns encryption on.
    package var rsaKey: RSAKey?

    /// The WebSocket bridge's key, as the user knows it; empty: any key is accepted.
    package var websocketKey = ""

    package init() {}
}
