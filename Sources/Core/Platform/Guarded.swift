/// A value that threads share. It can only be accessed with its lock held.
final class Guarded<Value: ~Copyable>: @unchecked Sendable {
    private let lock = Lock()
    private let changed = Condition()
    /// Allocated separately, so that the runtime does not check for exclusive access on every call: the lock ensures
    /// that.
    private let value: UnsafeMutablePointer<Value>

    init(_ value: consuming Value) {
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
    }

    /// Runs `body` with the lock held. `body` must not call the application.
    @inline(__always)
    func with<R, Failure: Error>(_ body: (inout Value) throws(Failure) -> R) throws(Failure) -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value.pointee)
    }

    /// Calls `body` with the lock held, now and after each `tellChanged`, until it returns an answer.
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

    /// Makes each thread in `wait` call its `body` again. Call it with the lock held if the change is not protected by
    /// that lock.
    func tellChanged() { changed.broadcast() }

    /// Makes a new lock in a forked child: a thread that does not exist there may hold the copy.
    func remakeAfterFork() { lock.remakeAfterFork() }
}
