import CCapDist
import CExports
import CSystem
import Codec
import Core
import Glibc

// Requests and replies of capdist.h, which documents them.

@_cdecl("capdist_get_capital_distribution")
public func getCapitalDistribution(
    _ conn: OpaquePointer?, _ security: UnsafePointer<capdist_security>?,
    _ options: UnsafePointer<capdist_request_options>?, _ callback: capdist_reply_fn?,
    _ userData: UnsafeMutableRawPointer?, _ serialNo: UnsafeMutablePointer<UInt32>?
) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        serialNo?.pointee = 0
        CheckedRequestOptions.clearSerialNo(options)
        let connection = try HandleTable.shared.connection(conn)
        let (security, options) = try request(security, options, connection)
        guard let callback else { throw .invalid("callback is NULL: a request needs one to complete") }
        guard let payload = Payload(security, firm: options.securityFirm, callback, userData: userData) else {
            throw noMemory
        }
        let status = connection.ask(
            payload, protoID: ProtoID.getCapitalDistribution, options.terms, serialNo, shared: options.serialNo)
        guard case .ok = status else {
            payload.dispose()
            throw CallError(status, connection)
        }
        return .ok
    }
}

// capdist_fetch_capital_distribution() in parts, see blocking.h.

@_cdecl("blocking_begin_fetch")
public func beginFetch(
    _ conn: UnsafeMutableRawPointer?, _ security: UnsafeRawPointer?, _ options: UnsafeRawPointer?,
    _ reply: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ fetch: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> capdist_status {
    reporting { () throws(CallError) in
        reply?.pointee = nil
        let options = options?.assumingMemoryBound(to: capdist_request_options.self)
        CheckedRequestOptions.clearSerialNo(options)
        let connection = try HandleTable.shared.connection(conn.map { OpaquePointer($0) })
        let (security, terms) = try request(
            security?.assumingMemoryBound(to: capdist_security.self), options, connection)
        guard reply != nil else { throw .invalid("reply is NULL: there is nowhere to store the answer") }
        guard !isInsideCallback else { throw wouldDeadlock }
        let begun = Fetch(connection)
        let status = begun.ask(security, terms)
        guard case .ok = status else { throw CallError(status, connection) }
        // Nearly always the answer comes during the first part.
        let outcome = begun.goOn(until: begun.askedAt + partOfACall)
        guard case .goesOn = outcome else { return try result(of: outcome, reply) }
        fetch?.pointee = Unmanaged.passRetained(begun).toOpaque()
        return .ok
    }
}

@_cdecl("blocking_continue_fetch")
public func continueFetch(
    _ fetch: UnsafeMutableRawPointer?, _ reply: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> capdist_status {
    var goesOn = false
    let status = reporting { () throws(CallError) in
        guard let fetch, let reply else { throw .invalid("reply is NULL: there is nowhere to store the answer") }
        let begun = Unmanaged<Fetch>.fromOpaque(fetch)
        let outcome = begun.takeUnretainedValue().goOn(until: endOfPart())
        if case .goesOn = outcome {
            goesOn = true
            return .ok
        }
        defer { begun.release() }
        return try result(of: outcome, reply)
    }
    return goesOn ? capdist_status(BLOCKING_GOES_ON) : status
}

@_cdecl("blocking_abandon_fetch")
public func abandonFetch(_ fetch: UnsafeMutableRawPointer?) {
    guard let fetch else { return }
    Unmanaged<Fetch>.fromOpaque(fetch).takeRetainedValue().abandon()
}

private func result(
    of outcome: Fetch.Outcome, _ reply: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) throws(CallError) -> Status {
    guard case .ended(let result) = outcome else {
        throw CallError(.forked, "a callback forked, and this is the child: make a new connection")
    }
    reply?.pointee = UnsafeMutableRawPointer(result)
    guard let result else { throw CallError(.systemError, "no memory for the reply") }
    return Status(rawValue: result.pointee.status) ?? .systemError
}

/// The longest time of one part of a blocking call. Between two parts the thread can be cancelled.
let partOfACall: TimeAmount = .milliseconds(100)

/// The end of a part that begins now.
func endOfPart() -> Instant { csystem_can_be_cancelled() != 0 ? Clock.now() + partOfACall : .max }

@_cdecl("capdist_cancel")
public func cancel(_ conn: OpaquePointer?, _ serialNo: UInt32) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        let status = try HandleTable.shared.connection(conn).cancel(serialNo)
        switch status {
        case .released: throw CallError(.released, "the connection was released")
        case .notFound:
            throw CallError(.notFound, "no request \(serialNo) is queued or in flight; it may have completed already")
        default: return status
        }
    }
}

@_cdecl("capdist_send_proto")
public func sendProto(
    _ conn: OpaquePointer?, _ protoID: UInt32, _ body: UnsafeRawPointer?, _ length: Int,
    _ options: UnsafePointer<capdist_request_options>?, _ callback: capdist_proto_fn?,
    _ userData: UnsafeMutableRawPointer?, _ serialNo: UnsafeMutablePointer<UInt32>?
) -> capdist_status {
    reportingQuickly { () throws(CallError) in
        serialNo?.pointee = 0
        CheckedRequestOptions.clearSerialNo(options)
        let connection = try HandleTable.shared.connection(conn)
        guard protoID != 0 else { throw .invalid("proto_id is 0") }
        guard protoID != ProtoID.initConnect, protoID != ProtoID.keepAlive else {
            throw .invalid("proto_id \(protoID) is the library's own: it sends InitConnect and KeepAlive itself")
        }
        guard connection.options.behaviour.transport == .tcp || protoID > ProtoID.lostOpenD else {
            throw .invalid("proto_id \(protoID) is the WebSocket bridge's own, and not a protocol of OpenD")
        }
        let longest = connection.options.maxBodyLength
        guard length >= 0, length <= longest else {
            throw .invalid("the body is longer than max_body_bytes (\(longest))")
        }
        guard body != nil || length == 0 else { throw .invalid("body is NULL and length is not 0") }
        var options = try CheckedRequestOptions(options, connection)
        options.terms.isRaw = true
        guard options.securityFirm == 0 else { throw .invalid("security_firm cannot be added to a raw body") }
        guard options.terms.maxAge == .zero else {
            throw .invalid("max_age_ms is for requests for a capital distribution: a raw answer is not shared")
        }
        guard let callback else { throw .invalid("callback is NULL: a request needs one to complete") }

        let bytes = UnsafeRawBufferPointer(start: body, count: length)
        guard let payload = Payload(body: bytes, callback, userData: userData) else { throw noMemory }
        let status = connection.ask(
            payload, protoID: protoID, options.terms, serialNo, shared: options.serialNo)
        guard case .ok = status else {
            payload.dispose()
            throw CallError(status, connection)
        }
        return .ok
    }
}

private let noMemory = CallError(.systemError, "no memory for the request")

/// The checks of both calls that request a capital distribution.
private func request(
    _ security: UnsafePointer<capdist_security>?, _ options: UnsafePointer<capdist_request_options>?,
    _ connection: Connection
) throws(CallError) -> (capdist_security, CheckedRequestOptions) {
    guard let security else { throw .invalid("security is NULL") }
    try security.pointee.check()
    return (security.pointee, try CheckedRequestOptions(options, connection))
}

extension CallError {
    /// Why a connection did not accept a request.
    fileprivate init(_ status: Status, _ connection: Connection) {
        switch status {
        case .notConnected:
            let why = if case .failed(let cause) = connection.info().state { ": \(cause.text)" } else { "" }
            self.init(.notConnected, "the connection has failed permanently\(why)")
        case .queueFull:
            let most = connection.options.behaviour.maxQueue
            self.init(.queueFull, "max_queue (\(most)) requests are waiting or in flight")
        case .connectFailed, .connectTimeout, .connectRefused, .protocolError, .encryptionFailed, .tlsFailed,
            .disconnected:
            self.init(status, connection.outageText())
        case .quotaExhausted: self.init(.quotaExhausted, "no slot of the quota is free: see capdist_get_quota()")
        case .systemError: self = noMemory
        default: self.init(status, "the connection was released")
        }
    }
}

// MARK: - Replies

@_cdecl("capdist_reply_copy")
public func replyCopy(_ reply: UnsafePointer<capdist_reply>?) -> UnsafeMutablePointer<capdist_reply>? {
    reply.flatMap { copyReply($0) }
}

@_cdecl("capdist_reply_free")
public func replyFree(_ reply: UnsafeMutablePointer<capdist_reply>?) { free(reply) }

@_cdecl("capdist_reply_to_json")
public func replyToJSON(
    _ reply: UnsafePointer<capdist_reply>?, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int64 {
    reportingLength { () throws(CallError) in
        guard let reply else { throw .invalid("capdist_reply_to_json: reply is NULL") }
        return try copyOut(ReplyJSON(reply.pointee).text, buffer, size)
    }
}
