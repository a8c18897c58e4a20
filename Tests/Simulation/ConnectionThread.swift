import CVirtualSystem
import Glibc

/// The thread of a connection in thread mode. It and the simulation take turns, so that one of them runs at a time and
/// everything follows from the seed. The thread runs until it waits for events, or ends.
final class ConnectionThread {
    private let resumed = Semaphore()
    private let parked = Semaphore()
    private(set) var hasEnded = false

    /// Called by the simulation: lets the thread run.
    func run() {
        guard !hasEnded else { return }
        resumed.post()
        parked.wait()
    }

    /// Called by the thread: lets the simulation run until it runs the thread again.
    func park() {
        parked.post()
        resumed.wait()
    }

    /// Called by the thread before its first step.
    func begin() { resumed.wait() }

    /// Called by the thread after its last step.
    func end() {
        hasEnded = true
        parked.post()
    }
}

/// A POSIX semaphore at a fixed address.
private final class Semaphore {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func post() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}
