import CSystem
import Glibc

/// A pthread mutex at a fixed address. `Synchronization.Mutex` is not used, because it traps when it is contended in a
/// forked child, and ThreadSanitizer does not understand it.
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
    package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    // MARK: - Around fork

    /// Only the thread that forks uses it, so the runtime has nothing to check.
    @exclusivity(unchecked) private(set) var isHeldForFork = false

    /// Takes the lock, if it can be taken (`csystem_lock_for_fork`).
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

    /// Makes a new lock in a forked child: a thread that does not exist there may hold the copy.
    package func remakeAfterFork() {
        pthread_mutex_init(mutex, nil)
        isHeldForFork = false
    }
}
