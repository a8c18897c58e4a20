import Codec
import Core

/// Rules for the connections of a quota group, besides the quota itself: they send nothing while a refusal because of
/// the rate limit closes the gate, and nothing beside the group's first request.
struct QuotaRules {
    /// The first request, whose answer must come before more are sent.
    struct First {
        var token: Int
        /// If it takes shared answers.
        var security: Int?
        var connection: Int
        var stream: Int
        /// When its reply timeout ends. Then others may be sent without its answer.
        var until: Int64
    }

    private var gateUntil = Int64.min
    private var first: First?
    /// Whether the gateway has answered since it last refused.
    private var isKnown = false
    private var lastSentAt = Int64.min

    /// The gateway refused because of its rate limit.
    /// - Parameter time: when the refusal was received. A callback may have taken long since then.
    mutating func refused(_ wait: Int64, at time: Int64) {
        gateUntil = max(gateUntil, time + wait)
        first = nil
        // If a callback took so long that the gate has opened again, one was sent before this is told: it was the first.
        isKnown = lastSentAt > time
    }

    /// A request for a capital distribution is sent.
    /// - Parameters:
    ///   - next: the request, if it is known which one it is.
    ///   - isInFlight: whether the answer to the first request may still come.
    mutating func sent(_ next: First?, _ now: Int64, isInFlight: (First) -> Bool) throws(Broken) {
        guard now > gateUntil else {
            throw Broken(promise: "sent while a refusal because of the rate limit closed the gate")
        }
        lastSentAt = now
        guard let next else { return }
        if let first {
            guard now >= first.until || !isInFlight(first) else {
                throw Broken(promise: "sent before the first request of a group was answered")
            }
            isKnown = isKnown || now >= first.until
            self.first = nil
        }
        if !isKnown { first = next }
    }

    mutating func completed(_ token: Int, _ status: Status, _ now: Int64) {
        guard let first, first.token == token else { return }
        isKnown =
            switch status {
            case .cancelled, .released, .disconnected: now >= first.until
            default: true
            }
        self.first = nil
    }
}
