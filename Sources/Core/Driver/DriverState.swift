import CSystem
import Codec

/// State that only the driving thread uses, one thread at a time. So the runtime need not check for exclusive access,
/// which it would do for every frame.
final class DriverState {
    let connector: Connector
    let arena = MessageArena()
    /// nil if there is no stream.
    @exclusivity(unchecked) private(set) var stream: Stream?
    /// How far the end of the connection was performed. (Only the state machine decides about the end.)
    private enum Stage {
        case driving
        /// The machine's last action was performed.
        case told
        /// All is freed, and only `onClosed` may still run.
        case ended
        /// This process is a child that a callback forked. The stream is the parent's, and nothing more is done.
        case forked
    }

    @exclusivity(unchecked) private var stage = Stage.driving
    /// Whether `onThreadStart` is running.
    @exclusivity(unchecked) var isBeginning = false
    /// Until then requests in callbacks are sent at once and not collected, because a callback was slow.
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

    /// - Returns: false if it was called before, because `onClosed` was left by a jump or an exception.
    func end() -> Bool {
        defer { stage = .ended }
        return !hasEnded
    }
}
