import CSystem
import Glibc

/// A mutex at an address that never moves. `Synchronization.Mutex` traps when it is contended in a forked child, and
/// ThreadSanitizer does not understand it; a pthread mutex does neither.
package final class Lock: @unchecked Sendable {
    let mutex: UnsafeMutablePointer<pthread_mutex_t>

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

    // MARK: - Around fork

    @exclusivity(unchecked) private(set) var isHeldForFork = false

    /// Takes the lock, if it is to be had (`csystem_lock_for_fork`).
    @discardableResult
    package func lockForFork() -> Bool {
        guard csystem_lock_for_fork(mutex) != 0 else { return false }
        isHeldForFork = true
        return true
    }

    /// In the parent.
    package func unlockAfterFork() {
        guard isHeldForFork else { return }
        isHeldForFork = false
        unlock()
    }

    /// Makes the lock new in a forked child, whose copy may be held by a thread that is not there.
    package func remakeAfterFork() {
        pthread_mutex_init(mutex, nil)
        isHeldForFork = false
    }
}
