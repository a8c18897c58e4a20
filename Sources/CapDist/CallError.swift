import CCapDist
import CSystem
import Codec
import Core
import Glibc

/// Why a call is refused: the status that it returns, and the text of `capdist_last_error()`.
struct CallError: Error {
    let status: Status
    let text: String

    init(_ status: Status, _ text: String) {
        self.status = status
        self.text = text
    }

    static func invalid(_ text: String) -> CallError { CallError(.invalidArgument, text) }
}

/// Runs a call. If it throws, its text becomes the calling thread's last error, and its status is returned. The thread
/// cannot be cancelled meanwhile: that would leave locks held.
func reporting(_ call: () throws(CallError) -> Status) -> capdist_status {
    guard let thread = csystem_this_thread() else { return Status.systemError.rawValue }
    csystem_begin_call(thread)
    defer { csystem_end_call(thread) }
    return reportingQuickly(call)
}

/// The same for a call that contains no cancellation point: it opens no file, waits for nothing and closes nothing.
@inline(__always)
func reportingQuickly(_ call: () throws(CallError) -> Status) -> capdist_status {
    let type = csystem_begin_quick_call()
    defer { csystem_end_quick_call(type) }
    do {
        try initialiseProcess()
        return try call().rawValue
    } catch {
        setLastError(error.text)
        return error.status.rawValue
    }
}

/// As `reportingQuickly`, for calls that return a length.
func reportingLength(_ call: () throws(CallError) -> Int64) -> Int64 {
    let type = csystem_begin_quick_call()
    defer { csystem_end_quick_call(type) }
    do {
        try initialiseProcess()
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

/// Copies a text and its NUL, cut to the buffer's size.
/// - Parameter isText: whether to cut between characters, and not between bytes as `snprintf` does.
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

/// Whether the calling thread is inside a callback of any connection. If the callback was left by a jump or an
/// exception, that is noticed here, and its connection fails.
var isInsideCallback: Bool {
    guard let thread = csystem_this_thread(), thread.pointee.callback_depth > 0 else { return false }
    guard csystem_has_left_turn(thread) != 0 else { return true }
    Connection.abandonTurns()
    return false
}

/// A static text for C. Static texts end in a NUL.
func cString(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
