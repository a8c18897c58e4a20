/// The pauses between attempts to connect. They get longer up to a limit.
struct Backoff {
    private let shortest: Instant
    private let longest: Instant
    private var jitter: SplitMix64
    /// Pauses since a stream last lasted long enough.
    private(set) var pauses = 0

    /// - Parameter seed: the seed of the random part.
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
        // Shortened at random by up to half, so that clients that lost the same gateway do not return together.
        return length - Instant.random(in: 0...(length / 2), using: &jitter)
    }

    /// A stream ended. If it lasted long enough, the pauses start from the shortest again. A gateway that accepts
    /// connections and drops them at once also gets longer and longer pauses.
    mutating func streamEnded(after life: Instant) {
        if life >= longest { pauses = 0 }
    }
}
