import Glibc

/// A condition variable on the monotonic clock. It is at a fixed address, as pthread needs it, and any thread may use
/// it.
package final class Condition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    package func broadcast() { pthread_cond_broadcast(condition) }

    /// Waits until a broadcast or `deadline`, with `lock` held. It may also return without a reason (spuriously).
    package func wait(_ lock: Lock, until deadline: Instant) {
        let (seconds, nanoseconds) = (max(deadline, .zero) - .zero).parts
        var time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        pthread_cond_timedwait(condition, lock.mutex, &time)
    }
}
