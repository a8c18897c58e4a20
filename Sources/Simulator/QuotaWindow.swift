/// The gateway's count of requests: the time between request 1 and request `limit` + 1 must be greater than the window.
/// A refused request does not count.
struct QuotaWindow {
    let limit: Int
    let window: Instant
    /// When the last `limit` requests were counted: a ring buffer. When it is full, `oldest` is overwritten next.
    private var counted: [Instant] = []
    private var oldest = 0

    init(limit: Int, window: Instant) {
        self.limit = limit
        self.window = window
    }

    /// Counts a request, or refuses it.
    mutating func admits(_ now: Instant) -> Bool {
        if counted.count < limit {
            counted.append(now)
            return true
        }
        guard limit > 0, now - counted[oldest] > window else { return false }
        counted[oldest] = now
        oldest = (oldest + 1) % limit
        return true
    }
}
