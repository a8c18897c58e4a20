import CSystem
import Glibc

/// Threads of the library, as guests: they take none of the host's asynchronous signals, and leave alone those that report
/// a fault of the thread's own, profile it, or belong to a runtime (DESIGN.md, promise 7).
enum Thread {
    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// - Returns: nil, with errno set, if the system gives no thread.
    static func start(detached: Bool, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
        // A new thread inherits the mask, so there is no moment at which a signal could reach it.
        var blocked = sigset_t()
        var before = sigset_t()
        sigfillset(&blocked)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPROF] { sigdelset(&blocked, signal) }
        for signal in __libc_current_sigrtmin()...__libc_current_sigrtmax() { sigdelset(&blocked, signal) }
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        if detached { pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)) }

        let start = Unmanaged.passRetained(Start(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { argument in
                csystem_name_this_thread("capdist")
                csystem_this_thread()?.pointee.is_own = 1
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard error == 0 else {
            start.release()
            errno = error
            return nil
        }
        return thread
    }
}
