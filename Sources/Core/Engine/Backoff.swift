/// The pauses between attempts to connect. They get longer up to a limit.
struct Backoff {
    private let shortest: TimeAmount
    private let longest: TimeAmount
    private var jitter: SplitMix64
    /// Pauses since a stream last lasted long enough.
    private(set) var pauses = 0

    /// - Parameter seed: the seed of the random part.
    init(from shortest: TimeAmount, to longest: TimeAmount, seed: UInt64) {
        self.shortest = shortest
        self.longest = longest
        jitter = SplitMix64(state: seed)
    }

    /// The length of the next pause.
    mutating func next() -> TimeAmount {
        var length = min(shortest, longest)
        for _ in 0..<min(pauses, 20) where length < longest { length = length * 2 }
        pauses += 1
        length = max(min(length, longest), .nanosecond)
        // Shortened at random by up to half, so that clients that lost the same gateway do not return together.
        return length - .random(in: .zero...(length / 2), using: &jitter)
    }

    /// A stream ended. If it lasted long enough, the pauses start from the shortest again. A gateway that accepts
    /// connections and drops them at once also gets longer and longer pauses.
    mutating func streamEnded(after life: TimeAmount) {
        if life >= longest { pauses = 0 }
    }
}
