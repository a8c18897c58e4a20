import CCapDist
import Glibc

/// What a request of the host carries through the state machine.
package struct Payload {
    /// Whom to tell.
    package enum Callback {
        case reply(capdist_reply_fn)
        case proto(capdist_proto_fn)
    }

    package var callback: Callback
    package var userData: UnsafeMutableRawPointer?
    /// Of a request for a capital distribution.
    package var security = capdist_security()
    /// 0: not sent.
    package var securityFirm: Int32 = 0
    /// Of any other request: its body, from `malloc`, freed with `dispose`.
    package var body: UnsafeMutableRawBufferPointer?

    package init(_ callback: Callback, userData: UnsafeMutableRawPointer?) {
        self.callback = callback
        self.userData = userData
    }

    /// Frees what the payload owns, once its request is complete or was refused.
    package func dispose() { free(body?.baseAddress) }
}

/// The host's callbacks of a connection.
package struct HostCallbacks: @unchecked Sendable {
    package var onInitConnect: capdist_init_connect_fn?
    package var onDisconnect: capdist_disconnect_fn?
    package var onPush: capdist_push_fn?
    package var onLog: capdist_log_fn?
    package var onClosed: capdist_closed_fn?
    package var userData: UnsafeMutableRawPointer?

    package init() {}
}
