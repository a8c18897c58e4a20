import CCapDist
import CSystem
import Codec
import Connection
import Glibc

/// A refused call: what it returns and what `capdist_last_error` says about it.
struct Refusal: Error {
    let status: Status
    let text: String

    init(_ status: Status, _ text: String) {
        self.status = status
        self.text = text
    }

    static func invalid(_ text: String) -> Refusal { Refusal(.invalidArgument, text) }
}

/// Runs a call: its refusal becomes the calling thread's last error and the status returned. Meanwhile nobody cancels the
/// thread: it would leave locks held.
func reporting(_ call: () throws(Refusal) -> Status) -> capdist_status {
    guard let thread = csystem_this_thread() else { return Status.systemError.rawValue }
    csystem_begin_call(thread)
    defer { csystem_end_call(thread) }
    return reportingQuickly(call)
}

/// The same for a call that comes to no cancellation point: no file, no wait, no close.
@inline(__always)
func reportingQuickly(_ call: () throws(Refusal) -> Status) -> capdist_status {
    let type = csystem_begin_quick_call()
    defer { csystem_end_quick_call(type) }
    setUp()
    do {
        return try call().rawValue
    } catch {
        setLastError(error.text)
        return error.status.rawValue
    }
}

/// As `reportingQuickly`, for calls that return a length.
func reportingLength(_ call: () throws(Refusal) -> Int64) -> Int64 {
    let type = csystem_begin_quick_call()
    defer { csystem_end_quick_call(type) }
    setUp()
    do {
        return try call()
    } catch {
        setLastError(error.text)
        return -1
    }
}

func setLastError(_ text: String) {
    guard let thread = csystem_this_thread() else { return }
    withUnsafeMutableBytes(of: &thread.pointee.last_error) { buffer in
        _ = copyText(onOneLine(text), into: buffer.bindMemory(to: CChar.self), isText: true)
    }
}

/// Copies a text and its NUL as far as they fit.
/// - Parameter isText: cut between characters, not as `snprintf` between bytes.
/// - Returns: the length of the whole text.
func copyText(_ text: String, into buffer: UnsafeMutableBufferPointer<CChar>, isText: Bool = false) -> Int {
    var text = text
    return text.withUTF8 { bytes in
        guard let target = buffer.baseAddress, buffer.count > 0 else { return bytes.count }
        var count = min(bytes.count, buffer.count - 1)
        if isText { while count < bytes.count, count > 0, bytes[count] & 0xc0 == 0x80 { count -= 1 } }
        if count > 0, let source = bytes.baseAddress { memcpy(target, source, count) }
        target[count] = 0
        return bytes.count
    }
}

/// Whether the calling thread is inside a callback of any connection. One that was left sideways ends here.
var isInsideCallback: Bool {
    guard let thread = csystem_this_thread(), thread.pointee.callback_depth > 0 else { return false }
    guard csystem_has_left_turn(thread) != 0 else { return true }
    Connection.abandonTurns()
    return false
}

extension Status {
    /// The constant's name in capdist.h.
    var name: StaticString {
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
    var text: StaticString {
        switch self {
        case .ok: "Done."
        case .refused: "The gateway refused the request."
        case .rateLimited: "The gateway refused the request because too many were made; try again after the time given."
        case .queueTimeout: "The request timed out before it was sent; it is safe to repeat."
        case .replyTimeout: "The request was sent, and no answer came in time."
        case .disconnected: "The connection to the gateway was lost."
        case .malformedReply: "The gateway's answer is damaged."
        case .cancelled: "The request was cancelled."
        case .released: "The connection was released."
        case .connectFailed: "The gateway could not be reached."
        case .connectTimeout: "The gateway did not answer in time."
        case .connectRefused: "The gateway refused the connection's InitConnect."
        case .protocolError: "What answered does not speak OpenD's protocol."
        case .encryptionFailed: "The encryption that was asked for could not be had."
        case .tlsFailed: "The TLS connection could not be made."
        case .invalidArgument: "An argument is not valid."
        case .queueFull: "Too many requests are waiting."
        case .quotaExhausted: "The quota is used up for now."
        case .notConnected: "The connection has failed for good; release it and make a new one."
        case .wouldDeadlock: "The call would wait for the thread it is on."
        case .busy: "Another thread is in this call."
        case .forked: "The connection belongs to the parent process."
        case .unsupported: "This version of the library can not do that."
        case .needsAddress: "A numeric address is needed here."
        case .quotaConflict: "Another connection of this quota group has other figures."
        case .notFound: "There is no such request; it may have completed already."
        case .systemError: "The operating system refused."
        }
    }
}

/// A static text as C sees it; such texts end in a NUL.
func cString(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
