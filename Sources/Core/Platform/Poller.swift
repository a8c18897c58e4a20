import CSystem
import Glibc

/// One descriptor for all that a connection waits for: an epoll set with the socket, a timer and a wake-up event. It
/// stays the same across reconnects. All four descriptors are opened and closed here (`Pollers`). Any thread may use
/// it: the three descriptors do not change, the flags are atomic, and `Pollers.lock` protects the rest.
final class Poller: @unchecked Sendable {
    /// What is ready.
    struct Ready {
        var isSocketReadable = false
        var isSocketWritable = false
        var isTimerDue = false
        var isWoken = false
        /// The wait ended without any event.
        var isIdle = false
        /// Waiting is not possible any more: the application closed the descriptor.
        var isBroken = false
    }

    /// The longest wait, in milliseconds. A thread that waits on a set is not woken when the application closes the
    /// descriptors in it, so it must check from time to time.
    static let longestWait: Int32 = 1000

    let epoll: Int32
    private let timer: Int32
    private let event: Int32
    /// The identities of the three when they were opened.
    private let identities: (epoll: Descriptor, timer: Descriptor, event: Descriptor)
    private var socket: Descriptor?
    /// Whether the epoll set, the timer and the event are the library's.
    private enum Ownership: UInt32 {
        case own, closed
        /// The application has closed one. `close` then closes those that are still the library's.
        case givenUp
    }
    /// Read and written by any thread, with atomic operations, which need a fixed address: an `Ownership`, whether the
    /// socket must not be used, and whether `wait` reports when the socket can be written to.
    private let flags = UnsafeMutablePointer<UInt32>.allocate(capacity: 3)
    private var ownership: UnsafeMutablePointer<UInt32> { flags }
    private var socketTaken: UnsafeMutablePointer<UInt32> { flags + 1 }
    private var writing: UnsafeMutablePointer<UInt32> { flags + 2 }
    /// Its index in `Pollers.all`; -1 if it is not there.
    fileprivate var place = -1
    /// Each event of this set has this number, and no event of another set has it.
    private let token: UInt64
    /// Which of the three numbers now belong to another poller.
    private var taken = (epoll: false, timer: false, event: false)

    /// nil, with errno set, if the system has no descriptors left.
    init?() {
        flags.initialize(repeating: 0, count: 3)
        Pollers.lock.lock()
        token = Pollers.newToken()
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        identities = (Descriptor(epoll), Descriptor(timer), Descriptor(event))
        let readable = EPOLLIN.rawValue
        guard epoll >= 0, timer >= 0, event >= 0,
            csystem_epoll_set(epoll, EPOLL_CTL_ADD, timer, readable, token) == 0,
            csystem_epoll_set(epoll, EPOLL_CTL_ADD, event, readable, token) == 0
        else {
            let error = errno
            for descriptor in [epoll, timer, event] where descriptor >= 0 { _ = Glibc.close(descriptor) }
            Pollers.lock.unlock()
            errno = error
            return nil
        }
        for number in [epoll, timer, event] { Pollers.takeOver(number) }
        Pollers.add(self)
        Pollers.lock.unlock()
    }

    deinit { flags.deallocate() }

    func close() {
        Pollers.lock.withLock {
            csystem_store(ownership, Ownership.closed.rawValue)
            guard Pollers.remove(self) else { return }
            closeOwn(isChild: false)
        }
    }

    /// Whether the three do not belong to the library any more.
    var isGone: Bool { csystem_load(ownership) != Ownership.own.rawValue }

    /// The three are not used any more.
    func giveUp() { csystem_store(ownership, Ownership.givenUp.rawValue) }

    /// Whether `giveUp` was called, and `close` was not.
    var isGivenUp: Bool { csystem_load(ownership) == Ownership.givenUp.rawValue }

    /// Whether the three are still the files that were opened.
    var isIntact: Bool {
        Pollers.lock.withLock {
            let own = own
            return own.epoll && own.timer && own.event
        }
    }

    /// Whether the socket is still the one that was opened, or there is none.
    var hasItsSocket: Bool { Pollers.lock.withLock { !isSocketTaken && socket?.isTheSame ?? true } }

    /// If the socket's number is not the socket that was opened, nothing is sent to it any more.
    func checkSocket() { if !hasItsSocket { csystem_store(socketTaken, 1) } }

    /// Whether nothing may be sent to the socket's number, because it is another file now.
    var isSocketTaken: Bool { csystem_load(socketTaken) != 0 }

    /// The system has given this number to another poller: so the application closed the descriptor that had it before.
    fileprivate func lose(_ number: Int32) {
        if socket?.number == number {
            socket = nil
            csystem_store(socketTaken, 1)
        }
        guard number == epoll || number == timer || number == event else { return }
        taken.epoll = taken.epoll || number == epoll
        taken.timer = taken.timer || number == timer
        taken.event = taken.event || number == event
        giveUp()
    }

    // MARK: - Which descriptors still belong to the library

    /// Which of the three are still the files that were opened. Their identity alone does not tell, because all timers,
    /// events and sets have the same. But an epoll set tells which numbers are in it, and with which token.
    private var own: (epoll: Bool, timer: Bool, event: Bool) {
        guard !taken.epoll, identities.epoll.isTheSame else { return (false, false, false) }
        let timer = !taken.timer && identities.timer.isTheSame && isMember(timer)
        let event = !taken.event && identities.event.isTheSame && isMember(event)
        return (timer || event, timer, event)
    }

    private func isMember(_ descriptor: Int32) -> Bool {
        let told = csystem_epoll_has(epoll, descriptor, token)
        if told >= 0 { return told > 0 }
        // The system does not tell the token: see whether the number can be added.
        guard csystem_epoll_set(epoll, EPOLL_CTL_ADD, descriptor, 0, token) == 0 else { return errno == EEXIST }
        _ = csystem_epoll_set(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
        return false
    }

    /// Closes the descriptors that still belong to the library. In a forked child these are copies; the stream is the
    /// parent's.
    fileprivate func closeOwn(isChild: Bool) {
        csystem_store(ownership, Ownership.closed.rawValue)
        let own = own
        closeOwnSocket(isChild: isChild)
        if own.timer { _ = Glibc.close(timer) }
        if own.event { _ = Glibc.close(event) }
        if own.epoll { _ = Glibc.close(epoll) }
    }

    /// `shutdown` ends the stream even if a forked child has a copy of the socket.
    private func closeOwnSocket(isChild: Bool) {
        guard let socket else { return }
        self.socket = nil
        guard socket.isTheSame else { return }
        if !isChild { shutdown(socket.number, Int32(SHUT_RDWR)) }
        _ = Glibc.close(socket.number)
    }

    // MARK: - The socket

    /// Opens the connection's socket, which is not in the set yet.
    func openSocket(_ family: Int32) -> Result<Int32, SystemError> {
        Pollers.lock.withLock {
            let made = Socket.make(family)
            if case .success(let number) = made { hold(number) }
            return made
        }
    }

    /// Takes a socket that was opened elsewhere.
    func adopt(_ number: Int32) { Pollers.lock.withLock { hold(number) } }

    private func hold(_ number: Int32) {
        Pollers.takeOver(number)
        socket = Descriptor(number)
        csystem_store(socketTaken, 0)
    }

    func closeSocket() {
        Pollers.lock.withLock {
            // Otherwise a copy in a forked child would keep it in the set.
            if let socket, socket.isTheSame, !isGone {
                _ = csystem_epoll_set(epoll, EPOLL_CTL_DEL, socket.number, 0, 0)
            }
            closeOwnSocket(isChild: false)
        }
    }

    func add(_ socket: Int32, forWriting: Bool) -> Bool {
        csystem_store(writing, forWriting ? 1 : 0)
        return !isGone && csystem_epoll_set(epoll, EPOLL_CTL_ADD, socket, Self.events(forWriting), token) == 0
    }

    /// Whether `wait` reports when the socket can be written to.
    var waitsForWriting: Bool { csystem_load(writing) != 0 }

    func change(_ socket: Int32, forWriting: Bool) {
        guard !isGone else { return }
        csystem_store(writing, forWriting ? 1 : 0)
        _ = csystem_epoll_set(epoll, EPOLL_CTL_MOD, socket, Self.events(forWriting), token)
    }

    // MARK: - Waiting

    /// Makes `wait` return. Any thread may call it, also with locks held. The number is checked first: a write to the
    /// application's own pipe could raise SIGPIPE.
    func wake() {
        guard !isGone else { return }
        guard identities.event.isTheSame else { return giveUp() }
        csystem_wake(event)
    }

    /// Sets when `wait` returns at the latest. Any thread may call it. The timer is relative, so that it works under
    /// libfaketime, where the process's clock is not the kernel's.
    func setTimer(_ at: Instant) {
        guard !isGone else { return }
        var setting = itimerspec()
        if at != .max {
            // All zeroes would mean never.
            let (seconds, nanoseconds) = max(at - Clock.now(), .nanosecond).parts
            setting.it_value = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        }
        timerfd_settime(timer, 0, &setting, nil)
    }

    /// Waits for something to do.
    /// - Parameters:
    ///   - milliseconds: the longest wait; -1: no limit.
    ///   - canBeCancelled: whether the thread may be cancelled during the wait.
    func wait(_ milliseconds: Int32 = longestWait, canBeCancelled: Bool = false) -> Ready {
        if isGone { return Ready(isBroken: true) }
        var ready = Ready()
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 4) { events in
            let count =
                canBeCancelled
                ? Int(csystem_epoll_wait_cancellable(epoll, events.baseAddress, 4, milliseconds))
                : Int(epoll_wait(epoll, events.baseAddress, 4, milliseconds))
            guard count > 0 else {
                ready.isIdle = count == 0 && milliseconds != 0
                ready.isBroken = count < 0 && errno != EINTR
                return
            }
            for index in 0..<min(count, 4) {
                let (told, flags) = (events[index].data.u64, events[index].events)
                let descriptor = Int32(truncatingIfNeeded: told)
                guard told >> 32 == token else {
                    // The number belongs to another set now, and this event is that set's.
                    ready = Ready()
                    ready.isBroken = true
                    return
                }
                if descriptor == timer {
                    ready.isTimerDue = true
                    drain(timer)
                } else if descriptor == event {
                    ready.isWoken = true
                    drain(event)
                } else {
                    // `receive` reports errors and hang-ups.
                    ready.isSocketReadable = flags & ~EPOLLOUT.rawValue != 0
                    ready.isSocketWritable = flags & EPOLLOUT.rawValue != 0
                }
            }
        }
        return ready
    }

    private static func events(_ forWriting: Bool) -> UInt32 {
        forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
    }

    private func drain(_ descriptor: Int32) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}

/// All pollers of the process. A fork waits while one is being opened or closed. The child's copies are closed right
/// after the fork, before the child can open or close anything. So they keep no stream of the parent open, and need not
/// be closed later, when their numbers may belong to other files.
package enum Pollers {
    fileprivate static let lock = Lock()
    // Protected by the lock. Not retained, so that the list keeps no poller alive: it is removed when it is closed.
    nonisolated(unsafe) private static var all: [Unmanaged<Poller>] = []
    nonisolated(unsafe) private static var lastToken: UInt32 = 0

    /// Makes what is made at first use.
    package static func makeGlobals() { lock.withLock { all.reserveCapacity(8) } }

    /// A number for the upper half of a set's event data. Copies of the library in the same process use different
    /// numbers.
    fileprivate static func newToken() -> UInt64 {
        lastToken &+= 1
        let own = UInt(bitPattern: Unmanaged.passUnretained(lock).toOpaque()) >> 4
        return UInt64(UInt32(truncatingIfNeeded: own) ^ lastToken)
    }

    /// Removes this number from all other pollers.
    fileprivate static func takeOver(_ number: Int32) {
        for poller in all { poller._withUnsafeGuaranteedRef { $0.lose(number) } }
    }

    fileprivate static func add(_ poller: Poller) {
        poller.place = all.count
        all.append(.passUnretained(poller))
    }

    /// - Returns: false if it was not there.
    fileprivate static func remove(_ poller: Poller) -> Bool {
        let place = poller.place
        guard place >= 0, let last = all.popLast() else { return false }
        poller.place = -1
        let moved = last.takeUnretainedValue()
        if moved !== poller {
            moved.place = place
            all[place] = last
        }
        return true
    }

    /// Wakes the driving thread of every connection.
    package static func wakeAll() {
        lock.withLock { for poller in all { poller._withUnsafeGuaranteedRef { $0.wake() } } }
    }

    /// When the library is unloaded: Swift never gives back the reference that a global has.
    package static func giveBackAll() {
        all = []
        Unmanaged.passUnretained(lock).release()
    }

    // Around fork.

    package static func prepareFork() { lock.lockForFork() }
    package static func afterForkInParent() { lock.unlockAfterFork() }
    package static func afterForkInChild() {
        lock.remakeAfterFork()
        for poller in all {
            poller.takeUnretainedValue().place = -1
            poller.takeUnretainedValue().closeOwn(isChild: true)
        }
        all = []
    }
}
