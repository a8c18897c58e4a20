import CSystem
import Glibc

/// One descriptor for all a connection waits for: an epoll set that holds the socket, a timer and a wake-up event. It stays
/// the same across reconnects. All four are opened and closed here (`Pollers`).
final class Poller: @unchecked Sendable {
    /// What there is to do.
    struct Ready {
        var isSocketReadable = false
        var isSocketWritable = false
        var isTimerDue = false
        var isWoken = false
        /// There was a wait, and it came to its end with nothing.
        var isIdle = false
        /// There is nothing to wait on any more: somebody else closed the descriptor.
        var isBroken = false
    }

    /// Longest wait while requests are under way, in milliseconds. A thread that waits on a set is not woken when the
    /// application closes all that is in it: it has to look.
    static let longestWait: Int32 = 1000

    let epoll: Int32
    private let timer: Int32
    private let event: Int32
    /// As the kernel knew the three when they were opened.
    private let identities: (epoll: Descriptor, timer: Descriptor, event: Descriptor)
    private var socket: Descriptor?
    /// Whether they are not to be used any more; then whether the socket is not; then whether `wait` tells of it when it can be
    /// written to. Read by any thread.
    private let gone = UnsafeMutablePointer<UInt32>.allocate(capacity: 3)
    /// Its place among all.
    fileprivate var place = -1
    /// What its set tells with each event, and no other set does.
    private let token: UInt64
    /// Which of the three have lost their numbers to another of these.
    private var taken = (epoll: false, timer: false, event: false)

    /// nil, with errno set, if the system gives no descriptors.
    init?() {
        gone.initialize(repeating: 0, count: 3)
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

    deinit { gone.deallocate() }

    func close() {
        Pollers.lock.withLock {
            csystem_store(gone, 1)
            guard Pollers.remove(self) else { return }
            closeOwn(isChild: false)
        }
    }

    /// Whether the three are not the library's any more, and nothing is to be waited for.
    var isGone: Bool { csystem_load(gone) != 0 }

    /// Has them left alone until `close`, which closes what is still the library's.
    func giveUp() { csystem_store(gone, 2) }

    /// Whether they were given up and not closed.
    var isGivenUp: Bool { csystem_load(gone) == 2 }

    /// Whether the three are what was opened.
    var isIntact: Bool {
        Pollers.lock.withLock {
            let own = own
            return own.epoll && own.timer && own.event
        }
    }

    /// The same for the socket, if there is one.
    var hasItsSocket: Bool { Pollers.lock.withLock { !isSocketTaken && socket?.isTheSame ?? true } }

    /// Nothing goes to the socket any more if it is not what was opened, as if its number were another connection's.
    func checkSocket() { if !hasItsSocket { csystem_store(gone + 1, 1) } }

    /// Whether the socket's number is another connection's now.
    var isSocketTaken: Bool { csystem_load(gone + 1) != 0 }

    /// A number that the system has just given to another of these: what had it before was closed by somebody else.
    fileprivate func lose(_ number: Int32) {
        if socket?.number == number {
            socket = nil
            csystem_store(gone + 1, 1)
        }
        guard number == epoll || number == timer || number == event else { return }
        taken.epoll = taken.epoll || number == epoll
        taken.timer = taken.timer || number == timer
        taken.event = taken.event || number == event
        giveUp()
    }

    // MARK: - What is the library's own

    /// Which of the three are still what was opened under their numbers. The kernel has one identity for all of their kinds;
    /// but a set tells which files are in it under which number and with which token.
    private var own: (epoll: Bool, timer: Bool, event: Bool) {
        guard !taken.epoll, identities.epoll.isTheSame else { return (false, false, false) }
        let timer = !taken.timer && identities.timer.isTheSame && isMember(timer)
        let event = !taken.event && identities.event.isTheSame && isMember(event)
        return (timer || event, timer, event)
    }

    private func isMember(_ descriptor: Int32) -> Bool {
        let told = csystem_epoll_has(epoll, descriptor, token)
        if told >= 0 { return told > 0 }
        // Where the system does not tell the token.
        guard csystem_epoll_set(epoll, EPOLL_CTL_ADD, descriptor, 0, token) == 0 else { return errno == EEXIST }
        _ = csystem_epoll_set(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
        return false
    }

    /// Closes what is still the library's own. In a forked child that is its copy: the stream is the parent's.
    fileprivate func closeOwn(isChild: Bool) {
        csystem_store(gone, 1)
        let own = own
        closeOwnSocket(isChild: isChild)
        if own.timer { _ = Glibc.close(timer) }
        if own.event { _ = Glibc.close(event) }
        if own.epoll { _ = Glibc.close(epoll) }
    }

    /// The stream ends even if a forked child has a copy.
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

    /// Takes one that was opened elsewhere.
    func adopt(_ number: Int32) { Pollers.lock.withLock { hold(number) } }

    private func hold(_ number: Int32) {
        Pollers.takeOver(number)
        socket = Descriptor(number)
        csystem_store(gone + 1, 0)
    }

    func closeSocket() {
        Pollers.lock.withLock {
            // A forked child's copy would keep it in the set.
            if let socket, socket.isTheSame, !isGone {
                _ = csystem_epoll_set(epoll, EPOLL_CTL_DEL, socket.number, 0, 0)
            }
            closeOwnSocket(isChild: false)
        }
    }

    func add(_ socket: Int32, forWriting: Bool) -> Bool {
        csystem_store(gone + 2, forWriting ? 1 : 0)
        return !isGone && csystem_epoll_set(epoll, EPOLL_CTL_ADD, socket, Self.events(forWriting), token) == 0
    }

    /// Whether `wait` tells when the socket can be written to.
    var waitsForWriting: Bool { csystem_load(gone + 2) != 0 }

    func change(_ socket: Int32, forWriting: Bool) {
        guard !isGone else { return }
        csystem_store(gone + 2, forWriting ? 1 : 0)
        _ = csystem_epoll_set(epoll, EPOLL_CTL_MOD, socket, Self.events(forWriting), token)
    }

    // MARK: - Waiting

    /// Makes `wait` return; from any thread, also one that holds locks.
    func wake() {
        guard !isGone else { return }
        csystem_wake(event)
    }

    /// Sets when `wait` returns at the latest; from any thread. Told to the system as the time from now: its clock is another
    /// one than the process's where that is faked (libfaketime).
    func setTimer(_ at: Instant) {
        guard !isGone else { return }
        var setting = itimerspec()
        if at != .max {
            // All zeroes would mean never.
            let left = max(at - Clock.now(), 1)
            setting.it_value = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        }
        timerfd_settime(timer, 0, &setting, nil)
    }

    /// Waits for something to do.
    /// - Parameters:
    ///   - milliseconds: the longest wait; -1: any.
    ///   - canBeCancelled: whether the thread may be ended in it.
    func wait(_ milliseconds: Int32 = longestWait, canBeCancelled: Bool = false) -> Ready {
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
                    // Of another's set, which has this number now: nothing of it is to be taken.
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
                    // Errors and hang-ups show when receiving.
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

/// All of the process. A fork meets none of them half opened or half closed, and the child's copies are closed at once,
/// before the child can open or close anything itself: they keep no stream of the parent's open, and nothing is left to
/// close by its number later.
package enum Pollers {
    fileprivate static let lock = Lock()
    // Guarded by the lock. Each leaves when it is closed.
    nonisolated(unsafe) private static var all: [Unmanaged<Poller>] = []
    nonisolated(unsafe) private static var lastToken: UInt32 = 0

    /// For the upper half of what an event tells: another one in each copy of the library that the process may have.
    fileprivate static func newToken() -> UInt64 {
        lastToken &+= 1
        let own = UInt(bitPattern: Unmanaged.passUnretained(lock).toOpaque()) >> 4
        return UInt64(UInt32(truncatingIfNeeded: own) ^ lastToken)
    }

    /// Nobody else of them has that number any more.
    fileprivate static func takeOver(_ number: Int32) {
        for poller in all { poller._withUnsafeGuaranteedRef { $0.lose(number) } }
    }

    fileprivate static func add(_ poller: Poller) {
        poller.place = all.count
        all.append(.passUnretained(poller))
    }

    /// - Returns: false if it is not there.
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

    /// Makes every connection look.
    package static func wakeAll() {
        lock.withLock { for poller in all { poller._withUnsafeGuaranteedRef { $0.wake() } } }
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
