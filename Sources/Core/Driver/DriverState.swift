import CSystem
import Codec

/// What only the thread that drives touches, one thread at a time.
final class DriverState {
    let connector: Connector
    let arena = MessageArena()
    /// nil: none is connected.
    @exclusivity(unchecked) private(set) var stream: Stream?
    /// Nothing more is to be done: the connection is released, or this is a child that a callback forked.
    @exclusivity(unchecked) private(set) var isFinished = false
    @exclusivity(unchecked) private(set) var isForked = false
    /// Whether `onThreadStart` is running.
    @exclusivity(unchecked) var isBeginning = false
    /// Whether all but the last callback is over.
    @exclusivity(unchecked) private var hasEnded = false
    /// What is asked in callbacks goes out at once until then: one of them took long.
    @exclusivity(unchecked) var batchesFrom = Instant.min

    init(_ connector: Connector) { self.connector = connector }

    func opened(_ stream: Stream) { self.stream = stream }

    func takeStream() -> Stream? {
        defer { stream = nil }
        return stream
    }

    var isReceiving: Bool { stream != nil && !isFinished }

    func finish() { isFinished = true }

    /// This is a child that a callback forked: the stream is the parent's.
    func leave() {
        isForked = true
        isFinished = true
    }

    /// - Returns: false if it was called before: a callback of the end may have been left sideways.
    func end() -> Bool {
        defer { hasEnded = true }
        return !hasEnded
    }

    var isOver: Bool { hasEnded }
}
