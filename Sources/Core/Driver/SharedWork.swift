import Codec
import Glibc

/// Work that nobody can hurry, on short-lived threads of the library's own: look-ups of names, and certificates that
/// are read. What several connections wait for is done once, and no more than `most` at a time: the rest waits in line,
/// and what nobody waits for any more is left out. A piece of work may outlive who asked for it, and then touches
/// nothing of theirs.
final class SharedWork<Value: Sendable>: @unchecked Sendable {
    /// One who waits.
    final class Ticket: @unchecked Sendable {
        // Under the work's lock.
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

    /// Runs the body on a thread; false, with errno set, if there is none.
    typealias Starter = @Sendable (@escaping @Sendable () -> Void) -> Bool

    private let lock = Lock()
    private let most: Int
    private let start: Starter
    @exclusivity(unchecked) private var running: [Job] = []
    @exclusivity(unchecked) private var waiting: [Job] = []

    init(most: Int, _ start: @escaping Starter = { Thread.start(detached: true, $0) != nil }) {
        self.most = most
        self.start = start
    }

    /// Has it done, or waits for the one that is under way; `poller` is woken then.
    /// - Returns: nil, with errno set, if no thread can be had.
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
        // Who came after may have been told that it is under way: one that runs takes it over.
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

    /// The value, once.
    func take(_ ticket: Ticket) -> Value? {
        lock.withLock {
            defer { ticket.value = nil }
            return ticket.value
        }
    }

    /// Nobody waits any more.
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
