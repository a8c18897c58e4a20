/// A quota group, and the lock that its connections share. The lock is the innermost of all: while it is held, only the
/// group and wakers are called.
package final class SharedQuota: @unchecked Sendable {
    /// Wakes a connection that waits for a slot; must not take a lock.
    package typealias Waker = @Sendable () -> Void

    let lock = Lock()
    /// Allocated separately, as in `Guarded`.
    private let group: UnsafeMutablePointer<QuotaGroup>
    private var wakers: [(member: QuotaGroup.Member, wake: Waker)] = []

    package let limit: Int
    package let window: TimeAmount

    init(limit: Int, window: TimeAmount, history: SharedQuota?) {
        self.limit = limit
        self.window = window
        group = .allocate(capacity: 1)
        var new = history?.group.pointee ?? QuotaGroup(limit: limit, window: window)
        new.adopt(limit: limit, window: window)
        group.initialize(to: new)
    }

    deinit {
        group.deinitialize(count: 1)
        group.deallocate()
    }

    /// Runs `body` on the group, then wakes the waiting connections if they should try again.
    @inline(__always)
    package func with<R>(_ body: (inout QuotaGroup) -> R) -> R {
        lock.lock()
        defer { lock.unlock() }
        let result = body(&group.pointee)
        if group.pointee.takeWakeUp() { for (_, wake) in wakers { wake() } }
        return result
    }

    func join(_ member: QuotaGroup.Member, _ wake: @escaping Waker) {
        lock.withLock { wakers.append((member, wake)) }
    }

    /// The member's waker is not called after this.
    func leave(_ member: QuotaGroup.Member) {
        with { group in
            group.setWaiting(member, 0)
            wakers.removeAll { $0.member == member }
        }
    }

    var isUsed: Bool { lock.withLock { !wakers.isEmpty } }

    func isForgettable(_ now: Instant) -> Bool {
        lock.withLock { wakers.isEmpty && group.pointee.isIdle(now) }
    }

    func inheritedByFork(_ now: Instant) {
        lock.remakeAfterFork()
        wakers.removeAll()
        group.pointee.inheritedByFork(now)
    }
}
