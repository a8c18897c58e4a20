import CCapDist

/// The application's callbacks of a connection.
package struct ApplicationCallbacks: @unchecked Sendable {
    package var onInitConnect: capdist_init_connect_fn?
    package var onDisconnect: capdist_disconnect_fn?
    package var onPush: capdist_push_fn?
    package var onLog: capdist_log_fn?
    package var onAttemptFailed: capdist_attempt_failed_fn?
    package var onClosed: capdist_closed_fn?
    package var onResolve: capdist_resolve_fn?
    package var onThreadStart: capdist_thread_start_fn?
    package var userData: UnsafeMutableRawPointer?

    package init() {}
}
