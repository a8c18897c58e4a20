import CCapDist
import CMessages
import Codec
import Core
import Glibc

/// Calls the application's callback with the answer to a request, and frees the request.
func deliverAnswer(_ connection: Connection, _ request: Request<Payload>, _ answer: Answer) {
    let ticket = request.payload.ticket
    switch ticket.pointee.callback {
    case .reply(let callback):
        var reply = newReply(request, answer)
        reply.desc = cString("")
        guard case .figures(let message) = answer.content else {
            // Not reached: the state machine takes nothing else for an answer. The request completes in any case.
            reply.status = Status.malformedReply.rawValue
            connection.insideCallback { callback(connection.handle, request.serialNo, &reply, ticket.pointee.userData) }
            break
        }
        reply.tell(message.pointee) { reply in
            connection.insideCallback {
                callback(connection.handle, request.serialNo, reply, ticket.pointee.userData)
            }
        }
    case .proto(let callback):
        var reply = newProtoReply(request, answer)
        reply.desc = cString("")
        connection.insideCallback { callback(connection.handle, request.serialNo, &reply, ticket.pointee.userData) }
    }
    request.payload.dispose()
}

/// Calls the application's callback for a request that ended without a usable answer, and frees the request.
func deliverCompletion(_ connection: Connection, _ completion: Connection.Machine.Completion, _ answer: Answer?) {
    let request = completion.request
    let ticket = request.payload.ticket
    switch ticket.pointee.callback {
    case .reply(let callback):
        withReply(completion, answer) { reply in
            connection.insideCallback {
                callback(connection.handle, request.serialNo, reply, ticket.pointee.userData)
            }
        }
    case .proto(let callback):
        var reply = newProtoReply(request, answer)
        reply.status = completion.status.rawValue
        reply.retry = completion.retry.rawValue
        reply.retry_after_ms = completion.retryAfter.millisecondsRoundedUp
        completion.text.withCString { text in
            reply.desc = text
            connection.insideCallback { callback(connection.handle, request.serialNo, &reply, ticket.pointee.userData) }
        }
    }
    request.payload.dispose()
}

// MARK: - capdist_reply

/// Passes a completion to `body` as a reply. The reply is valid during `body`.
func withReply(
    _ completion: Connection.Machine.Completion, _ answer: Answer?, _ body: (UnsafePointer<capdist_reply>) -> Void
) {
    var reply = newReply(completion.request, answer)
    reply.status = completion.status.rawValue
    reply.retry = completion.retry.rawValue
    reply.retry_after_ms = completion.retryAfter.millisecondsRoundedUp
    if let shared = completion.shared {
        reply.from_cache = 1
        reply.age_ms = Int32(clamping: shared.age.milliseconds)
    }
    var retMsg = GatewayText(nil)
    if case .figures(let message) = answer?.content, completion.status == .ok {
        reply.desc = cString("")
        return reply.tell(message.pointee, body)
    }
    if case .head(let head) = answer?.content {
        retMsg = GatewayText(head.retMsg)
        reply.fill(head, retMsg.text)
    }
    defer { retMsg.dispose() }
    completion.text.withCString {
        reply.desc = $0
        body(&reply)
    }
}

@inline(__always)  // A reply is large: this saves a copy.
private func newReply(_ request: Request<Payload>, _ answer: Answer?) -> capdist_reply {
    var reply = capdist_reply()
    reply.serial_no = request.serialNo
    reply.security = request.payload.ticket.pointee.security
    reply.was_sent = request.wasSent ? 1 : 0
    reply.present = UInt32(CAPDIST_HAS_RETRY | CAPDIST_HAS_FROM_CACHE | CAPDIST_HAS_AGE_MS)
    reply.ret_msg = cString("")
    if let answer {
        reply.body = answer.body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = answer.body.count
    }
    return reply
}

extension capdist_reply {
    /// Sets the fields of the answer's head.
    fileprivate mutating func fill(_ head: ResponseHead, _ retMsg: UnsafePointer<CChar>) {
        ret_type = head.retType
        ret_msg = retMsg
        present |= UInt32(CAPDIST_HAS_RET_TYPE)
        if head.retMsg != nil { present |= UInt32(CAPDIST_HAS_RET_MSG) }
        if let errCode = head.errCode {
            err_code = errCode
            present |= UInt32(CAPDIST_HAS_ERR_CODE)
        }
    }

    fileprivate mutating func tell(
        _ message: QotGetCapitalDistribution__Response, _ body: (UnsafePointer<capdist_reply>) -> Void
    ) {
        // Not reached: `figures` always has an `s2c`.
        guard let s2c = message.s2c else { return body(&self) }
        let head = ResponseHead(message)
        let retMsg = GatewayText(head.retMsg)
        defer { retMsg.dispose() }
        fill(head, retMsg.text)
        let updateTime = GatewayText(s2c.pointee.updatetime)
        defer { updateTime.dispose() }
        var figures = capdist_capital_distribution(s2c.pointee, updateTime.text)
        withUnsafePointer(to: &figures) { figures in
            distribution = figures
            body(&self)
        }
    }
}

extension capdist_capital_distribution {
    fileprivate init(_ s2c: QotGetCapitalDistribution__S2C, _ updateTime: UnsafePointer<CChar>) {
        var present =
            CAPDIST_HAS_CAPITAL_IN_BIG | CAPDIST_HAS_CAPITAL_IN_MID | CAPDIST_HAS_CAPITAL_IN_SMALL
            | CAPDIST_HAS_CAPITAL_OUT_BIG | CAPDIST_HAS_CAPITAL_OUT_MID | CAPDIST_HAS_CAPITAL_OUT_SMALL
        if s2c.has_capitalinsuper != 0 { present |= CAPDIST_HAS_CAPITAL_IN_SUPER }
        if s2c.has_capitaloutsuper != 0 { present |= CAPDIST_HAS_CAPITAL_OUT_SUPER }
        if s2c.updatetime != nil { present |= CAPDIST_HAS_UPDATE_TIME }
        if s2c.has_updatetimestamp != 0 { present |= CAPDIST_HAS_UPDATE_TIMESTAMP }
        self.init(
            capital_in_super: s2c.has_capitalinsuper != 0 ? s2c.capitalinsuper : .nan,
            capital_in_big: s2c.capitalinbig, capital_in_mid: s2c.capitalinmid, capital_in_small: s2c.capitalinsmall,
            capital_out_super: s2c.has_capitaloutsuper != 0 ? s2c.capitaloutsuper : .nan,
            capital_out_big: s2c.capitaloutbig, capital_out_mid: s2c.capitaloutmid,
            capital_out_small: s2c.capitaloutsmall, update_time: updateTime,
            update_timestamp: s2c.has_updatetimestamp != 0 ? s2c.updatetimestamp : .nan, present: UInt32(present))
    }
}

// MARK: - capdist_proto_reply

private func newProtoReply(_ request: Request<Payload>, _ answer: Answer?) -> capdist_proto_reply {
    var reply = capdist_proto_reply()
    reply.serial_no = request.serialNo
    reply.proto_id = request.protoID
    reply.was_sent = request.wasSent ? 1 : 0
    reply.present = UInt32(CAPDIST_HAS_RETRY)
    if let answer {
        reply.body = answer.body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = answer.body.count
    }
    let head: ResponseHead? =
        switch answer?.content {
        case nil: nil
        case .figures(let message): ResponseHead(message.pointee)
        case .head(let head): head
        case .malformed(_, let head): head
        }
    if let head {
        reply.ret_type = head.retType
        reply.present |= UInt32(CAPDIST_HAS_RET_TYPE)
    }
    return reply
}

/// A text of the gateway, made fit for the application: UTF-8, never NULL. Invalid bytes are replaced by U+FFFD.
private struct GatewayText {
    let text: UnsafePointer<CChar>
    /// From `malloc`.
    private let repaired: UnsafeMutablePointer<CChar>?

    init(_ raw: UnsafePointer<CChar>?) {
        let isValid =
            raw.map { $0.pointee == 0 || isUTF8(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? true
        repaired = isValid ? nil : raw.flatMap { strdup(String(cString: $0)) }
        text = UnsafePointer(repaired) ?? raw ?? cString("")
    }

    func dispose() { free(repaired) }
}
