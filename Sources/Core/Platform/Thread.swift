import CSystem
import Glibc

/// Threads of the library. They block the signals that are sent to a process. They do not block signals of faults,
/// signals of profilers, the real-time signals, and the two by which garbage collectors stop threads. They can be
/// cancelled only in `csystem_epoll_wait_cancellable`.
enum Thread {
    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Enough for the library, and for callbacks of the application.
    static let defaultStackBytes = 256 * 1024

    /// - Returns: nil, with errno set, if the system refuses a thread.
    static func start(
        detached: Bool, stackBytes: Int = defaultStackBytes, _ body: @escaping @Sendable () -> Void
    ) -> pthread_t? {
        // A new thread inherits the signal mask, so no signal can reach it before it starts.
        var blocked = sigset_t()
        var before = sigset_t()
        sigfillset(&blocked)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPROF, SIGPWR, SIGXCPU] {
            sigdelset(&blocked, signal)
        }
        for signal in __libc_current_sigrtmin()...__libc_current_sigrtmax() { sigdelset(&blocked, signal) }
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if detached { pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)) }
        // Thread-local variables are on the thread's stack, too, and a process may have many of them.
        let page = max(sysconf(Int32(_SC_PAGESIZE)), 1)
        pthread_attr_setstacksize(&attributes, (stackBytes + page - 1) / page * page)

        // The thread has the reference. C passes it on, and a runtime may end the thread before Swift could release it.
        let start = Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = { argument in
            csystem_this_thread()?.pointee.body = argument
            if let argument { Unmanaged<Start>.fromOpaque(argument)._withUnsafeGuaranteedRef { $0.body() } }
            Thread.dropBody()
        }
        var error = csystem_start_thread(&thread, &attributes, run, start.toOpaque())
        if error == EINVAL {
            // The thread-local variables need more than that: use the process's default size.
            var usual = pthread_attr_t()
            pthread_attr_init(&usual)
            if detached { pthread_attr_setdetachstate(&usual, Int32(PTHREAD_CREATE_DETACHED)) }
            error = csystem_start_thread(&thread, &usual, run, start.toOpaque())
            pthread_attr_destroy(&usual)
        }
        guard error == 0 else {
            start.release()
            errno = error
            return nil
        }
        return thread
    }

    /// Releases what the calling thread was started with: at its end, also where it was ended in the middle, and its
    /// frames are gone without having done so.
    static func dropBody() {
        guard let thread = csystem_this_thread(), let body = thread.pointee.body else { return }
        thread.pointee.body = nil
        Unmanaged<Start>.fromOpaque(body).release()
    }
}
