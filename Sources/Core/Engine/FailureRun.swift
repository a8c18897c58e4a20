/// Counts failed requests, for at most one warning a minute in the log. Pure: the time is passed in.
struct FailureRun {
    enum Kind {
        case refused, rateLimited, unanswered, unsent, malformed

        /// nil if the failure is not the request's own. A lost stream, for example, has its own message in the log.
        init?(_ status: Status) {
            switch status {
            case .refused: self = .refused
            case .rateLimited: self = .rateLimited
            case .replyTimeout: self = .unanswered
            case .queueTimeout: self = .unsent
            case .malformedReply: self = .malformed
            default: return nil
            }
        }
    }

    /// This many failures within `interval` are worth a warning. Of fewer the application knows from the replies.
    static let leastCount = 3
    /// Failures that come together are counted in one warning.
    static let batchTime: TimeAmount = .seconds(1)
    static let interval: TimeAmount = .seconds(60)

    /// When the next warning is due; `.max` if none is.
    private(set) var warnAt = Instant.max
    /// Failures since the last warning.
    private var count = 0
    private var since = Instant.zero
    private var last = ""
    private var lastKind = Kind.refused
    private var lastWarning: Instant?

    mutating func add(_ kind: Kind, _ text: String, _ now: Instant) {
        if count == 0 || (warnAt == .max && now - since > Self.interval) {
            (count, since) = (0, now)
        }
        count += 1
        last = text
        lastKind = kind
        guard warnAt == .max else { return }
        if let lastWarning, now - lastWarning <= Self.interval {
            // There was a warning less than an interval ago.
            warnAt = lastWarning + Self.interval
        } else if count >= Self.leastCount {
            warnAt = now + Self.batchTime
        }
    }

    /// The warning, if one is due.
    mutating func warning(_ now: Instant) -> String? {
        guard now >= warnAt else { return nil }
        defer {
            warnAt = .max
            lastWarning = now
            count = 0
            last = ""
        }
        let seconds = max((now - since + .milliseconds(500)).seconds, 1)
        return Texts.failures(count, seconds: seconds, last, lastKind)
    }
}
