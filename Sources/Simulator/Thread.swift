import Glibc

/// A thread, without Foundation. It is joined once or not at all.
package struct Thread: ~Copyable {
    private let handle: pthread_t

    /// - Returns: nil if the system has no thread left.
    package init?(_ body: @escaping @Sendable () -> Void) {
        final class Start {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let start = Unmanaged.passRetained(Start(body))
        var handle = pthread_t()
        let error = pthread_create(
            &handle, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        guard error == 0 else {
            start.release()
            return nil
        }
        self.handle = handle
    }

    /// Waits until the thread has ended.
    package consuming func join() { pthread_join(handle, nil) }

    /// Detaches the thread.
    package consuming func detach() { pthread_detach(handle) }
}
