import CCapDist
import CExports
import CSystem
import Core
import Glibc

// The C functions of capdist.h, which documents them: argument checks and translation.

@_cdecl("capdist_version")
public func version() -> UnsafePointer<CChar>? { csystem_version() }

@_cdecl("capdist_status_name")
public func statusName(_ status: capdist_status) -> UnsafePointer<CChar>? {
    cString(Status(rawValue: status)?.name ?? "CAPDIST_UNKNOWN")
}

@_cdecl("capdist_status_text")
public func statusText(_ status: capdist_status) -> UnsafePointer<CChar>? {
    cString(Status(rawValue: status)?.text ?? "A status that this version of the library does not know.")
}

@_cdecl("capdist_status_retry")
public func statusRetry(_ status: capdist_status) -> Int32 {
    (Status(rawValue: status).map { Retry($0) } ?? .unknown).rawValue
}

@_cdecl("capdist_last_error")
public func lastError() -> UnsafePointer<CChar>? {
    guard let thread = csystem_this_thread() else { return cString("") }
    // Thread-local storage does not move, so the pointer stays valid.
    return withUnsafeBytes(of: &thread.pointee.last_error) { $0.baseAddress?.assumingMemoryBound(to: CChar.self) }
}

// MARK: - Securities

@_cdecl("capdist_security_parse")
public func securityParse(
    _ text: UnsafePointer<CChar>?, _ security: UnsafeMutablePointer<capdist_security>?
) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        guard let text else { throw .invalid("capdist_security_parse: text is NULL") }
        guard let security else { throw .invalid("capdist_security_parse: security is NULL") }
        security.pointee = try capdist_security.parse(text)
        return .ok
    }
}

@_cdecl("capdist_security_format")
public func securityFormat(
    _ security: UnsafePointer<capdist_security>?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int64 {
    reportingLength { () throws(CallError) in
        guard let security else { throw .invalid("capdist_security_format: security is NULL") }
        return try copyOut(try security.pointee.formatted(), buffer, size)
    }
}

/// Copies like `snprintf`.
func copyOut(_ text: String, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int) throws(CallError) -> Int64 {
    guard buffer != nil || size == 0 else { throw .invalid("buffer is NULL and size is not 0") }
    // A `size_t` above Int.max arrives here as a negative number.
    guard size >= 0 else { throw .invalid("size is larger than any memory") }
    return Int64(copyText(text, into: UnsafeMutableBufferPointer(start: buffer, count: size)))
}

// MARK: - Structs

@_cdecl("capdist_options_init")
public func optionsInit(_ options: UnsafeMutablePointer<capdist_options>?, _ size: Int) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        try SizedStruct.initialise(
            options, size, "capdist_options", smallest: CheckedOptions.smallest, CheckedOptions.defaults)
        return .ok
    }
}

@_cdecl("capdist_request_options_init")
public func requestOptionsInit(
    _ options: UnsafeMutablePointer<capdist_request_options>?, _ size: Int
) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        try SizedStruct.initialise(
            options, size, "capdist_request_options", smallest: CheckedRequestOptions.smallest,
            capdist_request_options())
        return .ok
    }
}

/// The smallest structs of any version, in bytes: up to `conn_id`, and up to `window_ms`.
private let smallestInfo = 16
private let smallestQuota = 16

@_cdecl("capdist_connection_info_init")
public func connectionInfoInit(_ info: UnsafeMutablePointer<capdist_connection_info>?, _ size: Int) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        try SizedStruct.initialise(
            info, size, "capdist_connection_info", smallest: smallestInfo, capdist_connection_info())
        return .ok
    }
}

@_cdecl("capdist_quota_init")
public func quotaInit(_ quota: UnsafeMutablePointer<capdist_quota>?, _ size: Int) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        try SizedStruct.initialise(quota, size, "capdist_quota", smallest: smallestQuota, capdist_quota())
        return .ok
    }
}

// MARK: - Connections

@_cdecl("capdist_init_connect")
public func initConnect(
    _ options: UnsafePointer<capdist_options>?, _ conn: UnsafeMutablePointer<OpaquePointer?>?
) -> capdist_status {
    openConnection(options, conn) { _ in }
}

/// - Parameter change: what no application can set, for the simulation.
package func openConnection(
    _ options: UnsafePointer<capdist_options>?, _ conn: UnsafeMutablePointer<OpaquePointer?>?,
    _ change: (inout ConnectionOptions) -> Void
) -> capdist_status {
    reporting { () throws(CallError) in
        guard let conn else { throw .invalid("capdist_init_connect: conn is NULL") }
        conn.pointee = nil
        var checked = try CheckedOptions(options)
        change(&checked.connection)
        let made: (handle: OpaquePointer, connection: Connection)?
        do throws(Connection.CreationError) {
            made = try HandleTable.shared.insert { (handle) throws(Connection.CreationError) in
                let bits = UInt(bitPattern: handle)
                return try Connection(
                    checked.connection, handle: handle, group: checked.quotaGroup, limit: checked.quotaLimit,
                    window: checked.quotaWindow
                ) {
                    HandleTable.shared.forget(OpaquePointer(bitPattern: bits))
                }
            }
        } catch {
            switch error {
            case .system(let error): throw CallError(.systemError, "no connection could be made: \(error.text)")
            case .quotaConflict:
                throw CallError(
                    .quotaConflict,
                    "another connection of this quota group has another limit or window than \(checked.quotaLimit) requests in"
                        + " \(checked.quotaWindow.milliseconds) ms: use the same values, or another quota_group")
            }
        }
        guard let made else { throw CallError(.systemError, "too many connections are open in this process") }
        // The handle must be stored before the thread starts, which runs callbacks.
        conn.pointee = made.handle
        do throws(SystemError) {
            try made.connection.start()
        } catch {
            conn.pointee = nil
            HandleTable.shared.forget(made.handle)
            throw CallError(.systemError, "no thread could be started: \(error.text)")
        }
        return .ok
    }
}

/// capdist_wait_ready() in parts, see blocking.h.
@_cdecl("blocking_wait_ready")
public func waitReady(
    _ conn: UnsafeMutableRawPointer?, _ timeoutMs: Int32, _ deadline: UnsafeMutablePointer<Int64>?
) -> capdist_status {
    var goesOn = false
    let status = reporting { () throws(CallError) in
        let connection = try HandleTable.shared.connection(conn.map { OpaquePointer($0) })
        let timeout = try number(timeoutMs, "timeout_ms", 0...longestMilliseconds)
        guard !isInsideCallback else { throw wouldDeadlock }
        guard let deadline else { throw .invalid("there is no deadline") }
        if deadline.pointee == 0 { deadline.pointee = (Clock.now() + .milliseconds(Int64(timeout))).nanoseconds }
        let last = Instant(nanoseconds: deadline.pointee)
        let end = min(last, endOfPart())
        switch connection.waitReady(until: end) {
        case .answer((.ok, _)): return .ok
        case .answer((let status, let text)): throw CallError(status, text)
        case .forked: throw CallError(.forked, "a callback forked, and this is the child")
        case .deadline:
            goesOn = end < last
            if goesOn { return .ok }
            let (status, text) = connection.whyNotReady()
            throw CallError(status, text)
        }
    }
    return goesOn ? capdist_status(BLOCKING_GOES_ON) : status
}

let wouldDeadlock = CallError(
    .wouldDeadlock, "inside a callback this call would wait for its own thread: use the one with a callback")

@_cdecl("capdist_get_fd")
public func getFD(_ conn: OpaquePointer?) -> Int32 {
    var descriptor: Int32 = -1
    _ = reporting { () throws(CallError) in
        descriptor = try applicationDriven(conn, "capdist_get_fd").descriptor
        return .ok
    }
    return descriptor
}

/// capdist_process(), see closing.h.
@_cdecl("closing_process")
public func process(_ conn: UnsafeMutableRawPointer?) -> capdist_status {
    reporting { () throws(CallError) in
        let connection = try applicationDriven(conn.map { OpaquePointer($0) }, "capdist_process")
        guard !isInsideCallback else {
            throw CallError(
                .wouldDeadlock,
                "capdist_process inside a callback: it is running already, and goes on after the callback")
        }
        let status = connection.process()
        switch status {
        case .ok: return .ok
        case .busy: throw CallError(.busy, "another thread drives this connection; only one may at a time")
        case .systemError:
            throw CallError(
                .systemError, "the application closed a descriptor of this connection: release it and make a new one")
        case .forked: throw CallError(.forked, "a callback forked, and this is the child: make a new connection")
        default: throw CallError(status, "the connection was released")
        }
    }
}

@_cdecl("capdist_resolved")
public func resolved(
    _ conn: OpaquePointer?, _ addresses: UnsafePointer<CChar>?, _ why: UnsafePointer<CChar>?
) -> capdist_status {
    reporting { () throws(CallError) in
        let connection = try HandleTable.shared.connection(conn)
        let found = addresses?.pointee == 0 ? "" : try text(addresses, "addresses", longest: 65_535) ?? ""
        let reason = why?.pointee == 0 ? nil : try text(why, "why")
        switch connection.resolved(found, why: reason) {
        case .ok: return .ok
        case .notAsked: throw CallError(.notFound, "capdist_resolved: on_resolve is not waiting for an answer")
        case .noAddress(let text): throw .invalid("addresses: \(text) is not a numeric address")
        }
    }
}

private func applicationDriven(_ conn: OpaquePointer?, _ call: StaticString) throws(CallError) -> Connection {
    let connection = try HandleTable.shared.connection(conn)
    guard connection.options.isApplicationDriven else {
        throw .invalid("\(call) is for application-driven mode: this connection has a thread of its own")
    }
    return connection
}

/// capdist_release(), see closing.h.
@_cdecl("closing_release")
public func release(_ conn: UnsafeMutableRawPointer?) -> capdist_status {
    reporting { () throws(CallError) in
        let (connection, isInherited) = try HandleTable.shared.takeForRelease(conn.map { OpaquePointer($0) })
        if isInherited {
            // A child's copies were closed at the fork.
            csystem_remove_connection()
        } else {
            connection.release(insideCallback: isInsideCallback)
        }
        return .ok
    }
}

@_cdecl("capdist_get_connection_info")
public func getConnectionInfo(
    _ conn: OpaquePointer?, _ info: UnsafeMutablePointer<capdist_connection_info>?
) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        let connection = try HandleTable.shared.connection(conn)
        guard let info else { throw .invalid("capdist_get_connection_info: info is NULL") }
        let known = connection.info()
        var result = capdist_connection_info()
        result.conn_id = known.connID
        result.login_user_id = known.loginUserID
        result.server_version = known.serverVersion
        switch known.state {
        case .connecting: result.state = Int32(CAPDIST_STATE_CONNECTING)
        case .ready: result.state = Int32(CAPDIST_STATE_READY)
        case .failed: result.state = Int32(CAPDIST_STATE_NOT_CONNECTED)
        case .released: throw CallError(.released, "the connection was released")
        }
        try SizedStruct.write(result, info, "capdist_connection_info", smallest: smallestInfo)
        return .ok
    }
}

@_cdecl("capdist_get_quota")
public func getQuota(_ conn: OpaquePointer?, _ quota: UnsafeMutablePointer<capdist_quota>?) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        let connection = try HandleTable.shared.connection(conn)
        guard let quota else { throw .invalid("capdist_get_quota: quota is NULL") }
        let known = connection.quota()
        var result = capdist_quota()
        result.limit = Int32(clamping: known.limit)
        result.window_ms = Int32(clamping: known.window.milliseconds)
        result.used = Int32(clamping: known.used)
        result.waiting = Int32(clamping: known.waiting)
        // Rounded up, so that the slot is free after that many milliseconds.
        result.next_slot_ms = known.nextFree?.millisecondsRoundedUp ?? -1
        try SizedStruct.write(result, quota, "capdist_quota", smallest: smallestQuota)
        return .ok
    }
}
