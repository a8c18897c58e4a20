// Generated from include/capdist.h: do not edit. `make abi` writes it. A status's sentence is bindings/abi/capdist.json's.

/// What became of a request, a connection or a call. The numbers are those of `CAPDIST_*` in capdist.h.
package enum Status: Int32, CaseIterable, Sendable {
    case ok = 0
    case refused = 1
    case rateLimited = 2
    case queueTimeout = 3
    case replyTimeout = 4
    case disconnected = 5
    case malformedReply = 6
    case cancelled = 7
    case released = 8
    case connectFailed = 16
    case connectTimeout = 17
    case connectRefused = 18
    case protocolError = 19
    case encryptionFailed = 20
    case tlsFailed = 21
    case invalidArgument = 32
    case queueFull = 33
    case quotaExhausted = 34
    case notConnected = 35
    case wouldDeadlock = 36
    case busy = 37
    case forked = 38
    case unsupported = 39
    case needsAddress = 40
    case quotaConflict = 41
    case notFound = 42
    case systemError = 43

    /// The constant's name in capdist.h.
    package var name: StaticString {
        switch self {
        case .ok: "CAPDIST_OK"
        case .refused: "CAPDIST_REFUSED"
        case .rateLimited: "CAPDIST_RATE_LIMITED"
        case .queueTimeout: "CAPDIST_QUEUE_TIMEOUT"
        case .replyTimeout: "CAPDIST_REPLY_TIMEOUT"
        case .disconnected: "CAPDIST_DISCONNECTED"
        case .malformedReply: "CAPDIST_MALFORMED_REPLY"
        case .cancelled: "CAPDIST_CANCELLED"
        case .released: "CAPDIST_RELEASED"
        case .connectFailed: "CAPDIST_CONNECT_FAILED"
        case .connectTimeout: "CAPDIST_CONNECT_TIMEOUT"
        case .connectRefused: "CAPDIST_CONNECT_REFUSED"
        case .protocolError: "CAPDIST_PROTOCOL_ERROR"
        case .encryptionFailed: "CAPDIST_ENCRYPTION_FAILED"
        case .tlsFailed: "CAPDIST_TLS_FAILED"
        case .invalidArgument: "CAPDIST_INVALID_ARGUMENT"
        case .queueFull: "CAPDIST_QUEUE_FULL"
        case .quotaExhausted: "CAPDIST_QUOTA_EXHAUSTED"
        case .notConnected: "CAPDIST_NOT_CONNECTED"
        case .wouldDeadlock: "CAPDIST_WOULD_DEADLOCK"
        case .busy: "CAPDIST_BUSY"
        case .forked: "CAPDIST_FORKED"
        case .unsupported: "CAPDIST_UNSUPPORTED"
        case .needsAddress: "CAPDIST_NEEDS_ADDRESS"
        case .quotaConflict: "CAPDIST_QUOTA_CONFLICT"
        case .notFound: "CAPDIST_NOT_FOUND"
        case .systemError: "CAPDIST_SYSTEM_ERROR"
        }
    }

    /// A sentence for people.
    package var text: StaticString {
        switch self {
        case .ok: "Done."
        case .refused: "The gateway refused the request."
        case .rateLimited: "The gateway refused because too many requests were made. Try again after the time given."
        case .queueTimeout: "The request timed out before it was sent. It is safe to repeat."
        case .replyTimeout: "The request was sent, and no answer came in time."
        case .disconnected: "The connection to the gateway was lost."
        case .malformedReply: "The gateway's answer is damaged."
        case .cancelled: "The request was cancelled."
        case .released: "The connection was released."
        case .connectFailed: "The gateway could not be reached."
        case .connectTimeout: "The gateway did not answer in time."
        case .connectRefused: "The gateway refused the connection's InitConnect."
        case .protocolError: "The peer does not speak OpenD's protocol."
        case .encryptionFailed: "The requested encryption failed."
        case .tlsFailed: "The TLS connection could not be made."
        case .invalidArgument: "An argument is not valid."
        case .queueFull: "Too many requests are waiting."
        case .quotaExhausted: "The quota is used up for now."
        case .notConnected: "The connection has failed permanently. Release it and make a new one."
        case .wouldDeadlock: "The call would wait for the thread that it runs on."
        case .busy: "Another thread drives this connection."
        case .forked: "The connection belongs to the parent process."
        case .unsupported: "This version of the library cannot do that."
        case .needsAddress: "A numeric address is needed here."
        case .quotaConflict: "Another connection of this quota group has another limit or window."
        case .notFound: "There is no such request. It may have completed already."
        case .systemError: "The operating system refused a thread, a descriptor or memory."
        }
    }
}
