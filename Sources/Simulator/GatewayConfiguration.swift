import Codec

/// An instant in nanoseconds, of whatever clock drives the gateway; it never goes back.
package typealias Instant = Int64

/// How a simulated gateway behaves.
package struct GatewayConfiguration: Sendable {
    package var figures = FigureSet.cpp
    /// Requests a window of so many nanoseconds, all clients together; nil: none is kept.
    package var quota: (limit: Int, window: Instant)? = (30, 30_000_000_000)
    /// Seconds, as told to clients, whatever they make of it.
    package var keepAliveInterval: Int32 = 10
    /// Nanoseconds between a request and its answer, 0 or more.
    package var latency: Instant = 0
    /// Nanoseconds between pushes to clients that asked for them; nil: none.
    package var pushInterval: Instant?
    package var words = Words()
    /// Nanoseconds from the start to the login, before which InitConnect is met with silence; nil: it never comes.
    package var loginAfter: Instant? = 0
    /// Nanoseconds from the start for which InitConnect is refused, before the login.
    package var refusesLoginFor: Instant = 0
    /// A TCP client not heard from for so many nanoseconds is dropped.
    package var silenceLimit = Gateway.silenceLimit
    /// Answers to serve in place of the gateway's own; nil: there are none.
    package var recording: Recording?
    /// Leave out what old gateways do not send.
    package var isOld = false
    /// What the gateway gets wrong; of the rules for frames the first that applies counts.
    package var faults: [FaultRule] = []
    /// Seed of connection ids and keys, and of what faults leave to chance.
    package var seed: UInt64 = 1
    /// Unix time, in nanoseconds, of the clock's instant 0.
    package var unixTimeAtZero: Instant = 0
    /// Turns encryption on: the key that clients share.
    package var rsaKey: RSAKey?

    /// The WebSocket bridge's key, as the user knows it; empty: none is asked for.
    package var websocketKey = ""

    package init() {}
}
