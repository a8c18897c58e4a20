/// How long to wait between attempts to connect: longer from one to the next, up to a limit.
struct Backoff {
    private let shortest: Instant
    private let longest: Instant
    private var jitter: SplitMix64
    /// Pauses since a stream last held.
    private(set) var pauses = 0

    /// - Parameter seed: of the part that is random.
    init(from shortest: Instant, to longest: Instant, seed: UInt64) {
        self.shortest = shortest
        self.longest = longest
        jitter = SplitMix64(state: seed)
    }

    /// The length of the next pause.
    mutating func next() -> Instant {
        var length = min(shortest, longest)
        for _ in 0..<min(pauses, 20) where length < longest { length *= 2 }
        pauses += 1
        length = max(min(length, longest), 1)
        // Up to half of it is cut at random, so that clients that lost one gateway do not return in step.
        return length - Instant.random(in: 0...(length / 2), using: &jitter)
    }

    /// A stream stood for so long that what was before does not count. One that is accepted and dropped at once is none: such a
    /// gateway is met ever more slowly, too.
    mutating func streamEnded(after life: Instant) {
        if life >= longest { pauses = 0 }
    }
}
