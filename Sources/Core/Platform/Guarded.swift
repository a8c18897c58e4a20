/// A value that threads share, reached with its lock held and in no other way.
final class Guarded<Value: ~Copyable>: @unchecked Sendable {
    private let lock = Lock()
    private let changed = Condition()
    /// At an address of its own: the runtime's checks of exclusive access would cost on every call, and the lock does their work.
    private let value: UnsafeMutablePointer<Value>

    init(_ value: consuming Value) {
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
    }

    /// Runs `body` with the lock held. It must not call the application.
    @inline(__always)
    func with<R, Failure: Error>(_ body: (inout Value) throws(Failure) -> R) throws(Failure) -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value.pointee)
    }

    /// Asks `body` with the lock held until it has an answer: now, and after each `tellChanged`.
    /// - Returns: nil at the deadline.
    func wait<R>(until deadline: Instant, _ body: (inout Value) -> R?) -> R? {
        lock.lock()
        defer { lock.unlock() }
        while true {
            if let answer = body(&value.pointee) { return answer }
            if deadline != .max, Clock.now() >= deadline { return nil }
            changed.wait(lock, until: deadline)
        }
    }

    /// Who waits asks again. Needs the lock if what they ask for is not guarded by it.
    func tellChanged() { changed.broadcast() }

    /// Makes the lock new in a forked child, whose copy may be held by a thread that is not there.
    func remakeAfterFork() { lock.remakeAfterFork() }
}
