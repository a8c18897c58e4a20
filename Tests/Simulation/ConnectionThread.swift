import CVirtualSystem
import Glibc

/// The thread of a connection in thread mode. It and the simulation take turns, so that one of them runs at a time, and
/// what happens follows from the seed: the thread runs until it waits for events, or ends.
final class ConnectionThread {
    private let resumed = Semaphore()
    private let parked = Semaphore()
    private(set) var hasEnded = false

    /// For the simulation: lets the thread run.
    func run() {
        guard !hasEnded else { return }
        resumed.post()
        parked.wait()
    }

    /// For the thread: lets the simulation go on until it runs the thread again.
    func park() {
        parked.post()
        resumed.wait()
    }

    /// For the thread, before its first step.
    func begin() { resumed.wait() }

    /// For the thread, after its last step.
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
