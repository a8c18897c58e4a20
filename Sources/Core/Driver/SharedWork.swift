import Codec
import Glibc

/// Work that cannot be interrupted, on short-lived threads of the library: name lookups, and reading certificates. If
/// several connections wait for the same work, it is done once. At most `most` jobs run at a time. The others wait in a
/// queue, and are dropped if nobody waits for them any more. A job may outlive the connections that wait for it, and
/// then uses nothing of theirs.
final class SharedWork<Value: Sendable>: @unchecked Sendable {
    /// A connection that waits for a job.
    final class Ticket: @unchecked Sendable {
        // Protected by the lock of `SharedWork`.
        @exclusivity(unchecked) fileprivate var poller: Poller?
        @exclusivity(unchecked) fileprivate var value: Value?
        fileprivate init(_ poller: Poller) { self.poller = poller }
    }

    private final class Job: @unchecked Sendable {
        let key: String
        let work: @Sendable () -> Value
        @exclusivity(unchecked) var tickets: [Ticket] = []
        init(_ key: String, _ work: @escaping @Sendable () -> Value) {
            self.key = key
            self.work = work
        }
    }

    /// Runs the body on a thread. Returns false, with errno set, if the system has none.
    typealias Starter = @Sendable (@escaping @Sendable () -> Void) -> Bool

    /// Protects all that changes, also in jobs and tickets.
    private let lock = Lock()
    private let most: Int
    private let start: Starter
    @exclusivity(unchecked) private var running: [Job] = []
    @exclusivity(unchecked) private var waiting: [Job] = []

    init(most: Int, _ start: @escaping Starter = { Thread.start(detached: true, $0) != nil }) {
        self.most = most
        self.start = start
    }

    /// Starts the work, or waits for the same work if it is in progress. `poller` is woken when it is done.
    /// - Returns: nil, with errno set, if the system has no thread.
    func ask(_ key: String, _ poller: Poller, _ work: @escaping @Sendable () -> Value) -> Ticket? {
        let ticket = Ticket(poller)
        lock.lock()
        if let job = running.first(where: { $0.key == key }) ?? waiting.first(where: { $0.key == key }) {
            job.tickets.append(ticket)
            lock.unlock()
            return ticket
        }
        let job = Job(key, work)
        job.tickets = [ticket]
        if running.count >= most {
            waiting.append(job)
            lock.unlock()
            return ticket
        }
        running.append(job)
        lock.unlock()
        if start({ self.run(job) }) { return ticket }
        let error = errno
        // Others may wait for this job by now, so a running thread takes it over, if there is one.
        let isLost = lock.withLock {
            running.removeAll { $0 === job }
            if running.isEmpty { return true }
            waiting.append(job)
            return false
        }
        errno = error
        return isLost ? nil : ticket
    }

    private func run(_ first: Job) {
        var next: Job? = first
        while let job = next {
            let value = job.work()
            next = lock.withLock {
                for ticket in job.tickets {
                    ticket.value = value
                    ticket.poller?.wake()
                }
                running.removeAll { $0 === job }
                waiting.removeAll { job in job.tickets.allSatisfy { $0.poller == nil } }
                guard !waiting.isEmpty, running.count < most else { return nil }
                let another = waiting.removeFirst()
                running.append(another)
                return another
            }
        }
    }

    /// The result, only once; nil if the job is not done.
    func take(_ ticket: Ticket) -> Value? {
        lock.withLock {
            defer { ticket.value = nil }
            return ticket.value
        }
    }

    /// The connection does not wait any more.
    func abandon(_ ticket: Ticket) { lock.withLock { ticket.poller = nil } }

    // Around fork: the threads are the parent's.

    func prepareFork() { lock.lockForFork() }
    func afterForkInParent() { lock.unlockAfterFork() }
    func afterForkInChild() {
        lock.remakeAfterFork()
        running = []
        waiting = []
    }
}
