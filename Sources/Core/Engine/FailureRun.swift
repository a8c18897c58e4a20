/// Requests that fail in a row, for the log: one warning at most a minute. Pure; the time is passed in.
struct FailureRun {
    enum Kind {
        case refused, rateLimited, unanswered, unsent, malformed

        /// nil: no failure of the request's own. A lost stream, say, has a line in the log itself.
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

    /// So many within `interval` are a run; fewer are the application's own business, which has the replies.
    static let leastCount = 3
    /// What fails together is to be counted together.
    static let batchTime: Instant = 1_000_000_000
    static let interval: Instant = 60_000_000_000

    /// When `warning` has something; `.max`: it has not.
    private(set) var warnAt = Instant.max
    /// Not warned of yet.
    private var count = 0
    private var since: Instant = 0
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
            // The same run.
            warnAt = lastWarning + Self.interval
        } else if count >= Self.leastCount {
            warnAt = now + Self.batchTime
        }
    }

    /// The warning that is due.
    mutating func warning(_ now: Instant) -> String? {
        guard now >= warnAt else { return nil }
        defer {
            warnAt = .max
            lastWarning = now
            count = 0
            last = ""
        }
        let seconds = max((now - since + 500_000_000) / 1_000_000_000, 1)
        return Texts.failures(count, seconds: seconds, last, lastKind)
    }
}
