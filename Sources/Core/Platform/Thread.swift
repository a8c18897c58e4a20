import CSystem
import Glibc

/// Threads of the library, as guests: they take none of the application's asynchronous signals, and leave alone those that
/// report a fault of the thread's own, profile it, or belong to a runtime: the real-time ones, and the two by which garbage
/// collectors stop threads and nobody asks a process for anything. Nobody can cancel them but in
/// `csystem_epoll_wait_cancellable`.
enum Thread {
    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// What the library itself needs, with room for callbacks.
    static let defaultStackBytes = 256 * 1024

    /// - Returns: nil, with errno set, if the system gives no thread.
    static func start(
        detached: Bool, stackBytes: Int = defaultStackBytes, _ body: @escaping @Sendable () -> Void
    ) -> pthread_t? {
        // A new thread inherits the mask, so there is no moment at which a signal could reach it.
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
        // The variables that each thread has for itself lie on its stack, too: a process may have many of them.
        let page = max(sysconf(Int32(_SC_PAGESIZE)), 1)
        pthread_attr_setstacksize(&attributes, (stackBytes + page - 1) / page * page)

        let start = Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            pthread_setcancelstate(Int32(PTHREAD_CANCEL_DISABLE), nil)
            csystem_begin_own_thread()
            if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }
        var error = pthread_create(&thread, &attributes, run, start.toOpaque())
        if error == EINVAL {
            // They take more than that: as the process's own threads have it.
            var usual = pthread_attr_t()
            pthread_attr_init(&usual)
            if detached { pthread_attr_setdetachstate(&usual, Int32(PTHREAD_CREATE_DETACHED)) }
            error = pthread_create(&thread, &usual, run, start.toOpaque())
            pthread_attr_destroy(&usual)
        }
        guard error == 0 else {
            start.release()
            errno = error
            return nil
        }
        return thread
    }
}
