import CSystem
import Codec

/// What only the thread that drives touches, one thread at a time.
final class DriverState {
    let connector: Connector
    let arena = MessageArena()
    /// nil: none is connected.
    @exclusivity(unchecked) private(set) var stream: Stream?
    /// How much of the end is done. What is decided of it the state machine alone knows.
    private enum Stage {
        case driving
        /// The machine's last action is performed.
        case told
        /// All but the last callback is over.
        case ended
        /// This is a child that a callback forked: the stream is the parent's, and nothing more is done.
        case forked
    }

    @exclusivity(unchecked) private var stage = Stage.driving
    /// Whether `onThreadStart` is running.
    @exclusivity(unchecked) var isBeginning = false
    /// What is asked in callbacks goes out at once until then: one of them took long.
    @exclusivity(unchecked) var batchesFrom = Instant.min

    init(_ connector: Connector) { self.connector = connector }

    func opened(_ stream: Stream) { self.stream = stream }

    func takeStream() -> Stream? {
        defer { stream = nil }
        return stream
    }

    var isReceiving: Bool { stream != nil && !isFinished }

    /// Whether there is nothing more to drive.
    var isFinished: Bool { if case .driving = stage { false } else { true } }

    var isForked: Bool { if case .forked = stage { true } else { false } }

    var hasEnded: Bool { if case .ended = stage { true } else { false } }

    func finish() { stage = .told }

    func leave() { stage = .forked }

    /// - Returns: false if it was called before: a callback of the end may have been left sideways.
    func end() -> Bool {
        defer { stage = .ended }
        return !hasEnded
    }
}
