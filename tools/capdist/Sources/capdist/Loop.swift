import CCapDist
import Glibc

/// Milliseconds of a clock that nobody sets.
func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Why a wait was over.
enum Wake {
    case mail, time, resized
    case stopped
    case signal(Int32)
    case readerGone
}

/// Waits for what comes first. Signals are taken here, and nowhere else, so that each finds the program between two steps.
final class Loop {
    /// The one that takes signals, if one does: who waits for anything asks it.
    nonisolated(unsafe) private(set) static weak var inCharge: Loop?
    private let signals: Int32
    private static let taken = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH]

    /// Without signals, they do what they do by default: what writes a few lines has nothing to tidy up.
    init(takingSignals: Bool = true) {
        var set = sigset_t()
        sigemptyset(&set)
        // What was to be ignored, as by nohup, a signalfd would tell all the same.
        if takingSignals { for signal in Loop.taken where !Loop.isIgnored(signal) { sigaddset(&set, signal) } }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signals = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        if takingSignals { Loop.inCharge = self }
    }

    deinit { close(signals) }

    /// Whether whoever started this program wants it to ignore a signal.
    static func isIgnored(_ signal: Int32) -> Bool {
        var told = sigaction()
        sigaction(signal, nil, &told)
        return unsafeBitCast(told.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Waits until as much may be written as a pipe takes at once. A reader that does not read holds up no signal.
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

    /// Waits for what does not tell when it is ready. Who is ended meanwhile says so by `farewell`.
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

    /// Waits until `deadline`, a time of `now()`; for ever if nil.
    func wait(_ mailbox: Mailbox, until deadline: Int64?, watchingOutput: Bool = true) -> Wake {
        while true {
            // Without events asked for, a pipe tells only that its reader has gone.
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

    /// Stops until somebody lets it go on, as Ctrl-Z asks.
    static func stop() { raise(SIGSTOP) }

    /// Ends the process as the signal would have, so that whoever started it sees that.
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
