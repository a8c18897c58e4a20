import CSystem
import Glibc
import Limiter

/// One descriptor for all a connection waits for: an epoll set that holds the socket, a timer and a wake-up event. It stays
/// the same across reconnects.
final class Poller: @unchecked Sendable {
    /// What there is to do.
    struct Ready {
        var isSocketReadable = false
        var isSocketWritable = false
        var isTimerDue = false
        var isWoken = false
    }

    let epoll: Int32
    private let timer: Int32
    private let event: Int32

    /// nil, with errno set, if the system gives no descriptors.
    init?() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        let readable = EPOLLIN.rawValue
        guard epoll >= 0, timer >= 0, event >= 0, csystem_epoll_set(epoll, EPOLL_CTL_ADD, timer, readable) == 0,
            csystem_epoll_set(epoll, EPOLL_CTL_ADD, event, readable) == 0
        else {
            let error = errno
            close()
            errno = error
            return nil
        }
    }

    func close() {
        if epoll >= 0 { _ = Glibc.close(epoll) }
        if timer >= 0 { _ = Glibc.close(timer) }
        if event >= 0 { _ = Glibc.close(event) }
    }

    /// Makes `wait` return; from any thread, also one that holds locks.
    func wake() {
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    /// Sets when `wait` returns at the latest; from any thread.
    func setTimer(_ at: Instant) {
        var setting = itimerspec()
        if at != .max {
            // All zeroes would mean never.
            let instant = max(at, 1)
            setting.it_value = timespec(tv_sec: Int(instant / 1_000_000_000), tv_nsec: Int(instant % 1_000_000_000))
        }
        timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }

    func add(_ socket: Int32, forWriting: Bool) -> Bool {
        csystem_epoll_set(epoll, EPOLL_CTL_ADD, socket, Self.events(forWriting)) == 0
    }

    func change(_ socket: Int32, forWriting: Bool) {
        _ = csystem_epoll_set(epoll, EPOLL_CTL_MOD, socket, Self.events(forWriting))
    }

    func remove(_ socket: Int32) {
        _ = csystem_epoll_set(epoll, EPOLL_CTL_DEL, socket, 0)
    }

    /// Waits for something to do.
    /// - Parameter milliseconds: the longest wait, -1 for any.
    func wait(_ milliseconds: Int32 = -1) -> Ready {
        var ready = Ready()
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 4) { events in
            let count = Int(epoll_wait(epoll, events.baseAddress, 4, milliseconds))
            guard count > 0 else { return }  // EINTR
            for index in 0..<min(count, 4) {
                let (descriptor, flags) = (events[index].data.fd, events[index].events)
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
