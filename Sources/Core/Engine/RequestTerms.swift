/// How a request is to be treated. A connection has terms for all its requests, and each request may change its own. They go with
/// it from the call to its completion.
package struct RequestTerms: Sendable {
    /// Longest wait for its sending, and from there for its answer.
    package var queueTimeout: Instant = 120_000_000_000
    package var replyTimeout: Instant = 12_000_000_000
    /// Whether to be refused rather than wait for a slot of the quota.
    package var failsWithoutSlot = false
    /// Whether to be refused rather than wait for an outage to pass.
    package var failsInOutage = false
    /// Whether the answer's body is the application's to read: then only its retType and its words count here.
    package var isRaw = false

    package init() {}
}
