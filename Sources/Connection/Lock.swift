import Glibc
import Limiter

/// A mutex at an address that never moves. `Synchronization.Mutex` traps when it is contended in a forked child, and
/// ThreadSanitizer does not understand it; a pthread mutex does neither.
package final class Lock: @unchecked Sendable {
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inline(__always)
    package func lock() { pthread_mutex_lock(mutex) }

    @inline(__always)
    package func unlock() { pthread_mutex_unlock(mutex) }

    @inline(__always)
    package func withLock<R>(_ body: () throws -> R) rethrows -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Makes the lock new in a forked child, whose copy may be held by a thread that is not there.
    package func remakeAfterFork() { pthread_mutex_init(mutex, nil) }
}

/// A condition variable on the monotonic clock.
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

    /// Waits with `lock` held, until a broadcast, `deadline`, or for no reason.
    package func wait(_ lock: Lock, until deadline: Instant) {
        var time = timespec(
            tv_sec: Int(max(deadline, 0) / 1_000_000_000), tv_nsec: Int(max(deadline, 0) % 1_000_000_000))
        pthread_cond_timedwait(condition, lock.mutex, &time)
    }
}

/// The clock that everything here is measured by.
package enum Clock {
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(time.tv_sec) * 1_000_000_000 + Instant(time.tv_nsec)
    }

    /// Seconds since 1970, for what the gateway is told.
    package static func unixSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
