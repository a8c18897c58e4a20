import CCapDist
import Glibc

/// Milliseconds of a monotonic clock.
func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Why a wait ended.
enum Wake {
    case mail, time, resized
    case stopped
    case signal(Int32)
    case readerGone
}

/// The event loop. Signals are handled here and nowhere else, so they never interrupt a step.
final class Loop {
    /// The loop that handles signals, if there is one. Everything that waits uses it.
    nonisolated(unsafe) private(set) static weak var inCharge: Loop?
    private let signals: Int32
    private static let taken = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH]

    /// Without signals, their default action applies: a command that only prints has nothing to clean up.
    init(takingSignals: Bool = true) {
        var set = sigset_t()
        sigemptyset(&set)
        // A signal that is ignored, as by nohup, would still be reported by a signalfd.
        if takingSignals { for signal in Loop.taken where !Loop.isIgnored(signal) { sigaddset(&set, signal) } }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signals = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        if takingSignals { Loop.inCharge = self }
    }

    deinit { close(signals) }

    /// Whether the parent process has set the signal to be ignored.
    static func isIgnored(_ signal: Int32) -> Bool {
        var told = sigaction()
        sigaction(signal, nil, &told)
        return unsafeBitCast(told.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Waits until a pipe has room. Signals are handled meanwhile, even if the reader does not read.
    func waitToWrite(_ descriptor: Int32) {
        while true {
            var waited = [
                pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waited, 2, -1) > 0, waited[0].revents == 0 else { return }
            switch nextSignal() {
            case .signal(let signal): Loop.die(signal)
            case .stopped: Loop.stop()
            default: break
            }
        }
    }

    /// Waits a while, for something without a descriptor. `farewell` is called if a signal ends the process meanwhile.
    func pause(milliseconds: Int32, _ farewell: () -> Void) {
        var waited = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        guard poll(&waited, 1, milliseconds) > 0 else { return }
        switch nextSignal() {
        case .signal(let signal):
            farewell()
            Loop.die(signal)
        case .stopped: Loop.stop()
        default: break
        }
    }

    /// Waits until an event comes, or until `deadline`, a time of `now()`; nil: without a limit.
    func wait(_ mailbox: Mailbox, until deadline: Int64?, watchingOutput: Bool = true) -> Wake {
        while true {
            // With no events requested, poll reports only that a pipe's reader is gone.
            var waited = [
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
                pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: 1, events: 0, revents: 0),
            ]
            let limit = deadline.map { Int32(clamping: max(0, $0 - now())) } ?? -1
            let ready = poll(&waited, watchingOutput ? 3 : 2, limit)
            if ready == 0 { return .time }
            guard ready > 0 else { continue }
            if waited[0].revents != 0, let wake = nextSignal() { return wake }
            if waited[2].revents & Int16(POLLERR | POLLNVAL) != 0 { return .readerGone }
            if waited[1].revents != 0 { return .mail }
        }
    }

    private func nextSignal() -> Wake? {
        var told = signalfd_siginfo()
        guard read(signals, &told, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size else {
            return nil
        }
        switch Int32(told.ssi_signo) {
        case SIGWINCH: return .resized
        case SIGTSTP: return .stopped
        case let signal: return .signal(signal)
        }
    }

    /// Stops the process, as Ctrl-Z asks, until it is continued.
    static func stop() { raise(SIGSTOP) }

    /// Ends the process by the signal, so that the parent process sees that.
    static func die(_ signal: Int32) -> Never {
        Glibc.signal(signal, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        kill(getpid(), signal)
        _exit(128 + signal)
    }
}
