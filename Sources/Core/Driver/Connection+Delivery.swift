import CCapDist
import CMessages
import Codec
import Glibc

/// From answers and endings to the application's callbacks.
extension Connection {
    // MARK: - Answered

    /// Delivers an answer to its request.
    /// - Parameters:
    ///   - answer: the body of a capital distribution as it was read; nil: another's, or one that is not intact.
    ///   - retryAfter: nanoseconds until the quota group sends again, after a refusal for frequency.
    func deliver(
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, _ answer: DistributionAnswer?, isIntact: Bool,
        retryAfter: Instant
    ) {
        switch request.payload.callback {
        case .reply(let callback): deliverReply(request, body, answer, retryAfter, callback)
        case .proto(let callback): deliverProto(request, body, answer, isIntact: isIntact, retryAfter, callback)
        }
        request.payload.dispose()
    }

    private func deliverReply(
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, _ answer: DistributionAnswer?,
        _ retryAfter: Instant,
        _ callback: capdist_reply_fn
    ) {
        var reply = Self.newReply(request)
        reply.body = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = body.count
        switch answer {
        case nil: complete(&reply, .malformedReply, Texts.wrongSHA1, callback, request)
        case .malformed(let error):
            let text = error == .noContent ? Texts.noContent : Texts.invalidProtobuf
            complete(&reply, .malformedReply, text, callback, request)
        case .refused(let head):
            var retMsg = GatewayText(head.retMsg)
            defer { retMsg.dispose() }
            reply.fill(head, retMsg.text)
            let refusal = RefusedReply(head, retMsg.text, retryAfter)
            reply.retry_after_ms = refusal.retryAfter
            reply.retry = refusal.retry.rawValue
            complete(&reply, refusal.status, refusal.text, callback, request)
        case .figures(let message):
            guard let s2c = message.pointee.s2c else {
                return complete(&reply, .malformedReply, Texts.noContent, callback, request)
            }
            let head = ResponseHead(message.pointee)
            var retMsg = GatewayText(head.retMsg)
            defer { retMsg.dispose() }
            reply.fill(head, retMsg.text)
            var updateTime = GatewayText(s2c.pointee.updatetime)
            defer { updateTime.dispose() }
            var distribution = Self.distribution(s2c.pointee, updateTime.text)
            withUnsafePointer(to: &distribution) { distribution in
                reply.distribution = distribution
                complete(&reply, .ok, Self.emptyText, callback, request)
            }
        }
    }

    /// A refusal in the words of a reply.
    private struct RefusedReply {
        let status: Status
        let retry: Retry
        /// Milliseconds.
        let retryAfter: Int32
        let text: String

        init(_ head: ResponseHead, _ retMsg: UnsafePointer<CChar>, _ wait: Instant) {
            if wait > 0 {
                retryAfter = retryMilliseconds(wait)
                (status, retry) = (.rateLimited, .afterWait)
                text = Texts.rateLimited(retryAfter, String(cString: retMsg))
            } else {
                retryAfter = 0
                (status, retry) = (.refused, Retry(refusal: retMsg, retType: head.retType))
                text = Texts.refused(head.retType, String(cString: retMsg))
            }
        }
    }

    private func complete(
        _ reply: inout capdist_reply, _ status: Status, _ text: String, _ callback: capdist_reply_fn,
        _ request: Request<Payload>
    ) {
        noteFailure(request, status, text)
        text.withCString { complete(&reply, status, $0, callback, request) }
    }

    private func complete(
        _ reply: inout capdist_reply, _ status: Status, _ text: UnsafePointer<CChar>, _ callback: capdist_reply_fn,
        _ request: Request<Payload>
    ) {
        reply.status = status.rawValue
        if status != .refused { reply.retry = Retry(status).rawValue }
        reply.desc = text
        insideCallback { callback(handle, request.serialNo, &reply, request.payload.userData) }
    }

    private static func distribution(
        _ s2c: QotGetCapitalDistribution__S2C, _ updateTime: UnsafePointer<CChar>
    ) -> capdist_capital_distribution {
        var present =
            CAPDIST_HAS_CAPITAL_IN_BIG | CAPDIST_HAS_CAPITAL_IN_MID | CAPDIST_HAS_CAPITAL_IN_SMALL
            | CAPDIST_HAS_CAPITAL_OUT_BIG | CAPDIST_HAS_CAPITAL_OUT_MID | CAPDIST_HAS_CAPITAL_OUT_SMALL
        if s2c.has_capitalinsuper != 0 { present |= CAPDIST_HAS_CAPITAL_IN_SUPER }
        if s2c.has_capitaloutsuper != 0 { present |= CAPDIST_HAS_CAPITAL_OUT_SUPER }
        if s2c.updatetime != nil { present |= CAPDIST_HAS_UPDATE_TIME }
        if s2c.has_updatetimestamp != 0 { present |= CAPDIST_HAS_UPDATE_TIMESTAMP }
        return capdist_capital_distribution(
            capital_in_super: s2c.has_capitalinsuper != 0 ? s2c.capitalinsuper : .nan,
            capital_in_big: s2c.capitalinbig, capital_in_mid: s2c.capitalinmid, capital_in_small: s2c.capitalinsmall,
            capital_out_super: s2c.has_capitaloutsuper != 0 ? s2c.capitaloutsuper : .nan,
            capital_out_big: s2c.capitaloutbig, capital_out_mid: s2c.capitaloutmid,
            capital_out_small: s2c.capitaloutsmall, update_time: updateTime,
            update_timestamp: s2c.has_updatetimestamp != 0 ? s2c.updatetimestamp : .nan, present: UInt32(present))
    }

    private func deliverProto(
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, _ answer: DistributionAnswer?, isIntact: Bool,
        _ retryAfter: Instant, _ callback: capdist_proto_fn
    ) {
        var reply = newProtoReply(request, .ok)
        reply.body = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = body.count
        var text = ""
        if !isIntact {
            reply.status = Status.malformedReply.rawValue
            text = Texts.wrongSHA1
        } else if let head = head(of: body, answer) {
            reply.ret_type = head.retType
            reply.present |= UInt32(CAPDIST_HAS_RET_TYPE)
            if head.retType != RetType.succeed {
                var retMsg = GatewayText(head.retMsg)
                defer { retMsg.dispose() }
                var wait = retryAfter
                // Other protocols have limits of their own, which are not kept here.
                if answer == nil, let refusal = FrequencyRefusal(retMsg.text) {
                    wait = refusal.wait(orFor: membership.quota.window)
                }
                let refusal = RefusedReply(head, retMsg.text, wait)
                reply.status = refusal.status.rawValue
                reply.retry = refusal.retry.rawValue
                reply.retry_after_ms = refusal.retryAfter
                text = refusal.text
            }
        }
        if reply.status != 0 { noteFailure(request, Status(rawValue: reply.status) ?? .refused, text) }
        text.withCString { text in
            reply.desc = text
            insideCallback { callback(handle, request.serialNo, &reply, request.payload.userData) }
        }
    }

    private func noteFailure(_ request: Request<Payload>, _ status: Status, _ text: String) {
        guard options.behaviour.wantsLog else { return }
        let now = Clock.now()
        state.with { $0.tell { machine, _ in machine.answerFailed(request, status, text, now) } }
    }

    /// - Parameter answer: the body as it was read; nil: it was not.
    private func head(of body: UnsafeRawBufferPointer, _ answer: DistributionAnswer?) -> ResponseHead? {
        switch answer {
        case .figures(let message): ResponseHead(message.pointee)
        case .refused(let head): head
        case .malformed, nil: ResponseHead(body, driving.arena)
        }
    }

    // MARK: - Ended without an answer

    func deliver(_ completion: Machine.Completion) {
        let request = completion.request
        switch request.payload.callback {
        case .reply(let callback):
            Self.withReply(completion) { reply in
                insideCallback { callback(handle, request.serialNo, reply, request.payload.userData) }
            }
        case .proto(let callback):
            var reply = newProtoReply(request, completion.status)
            reply.retry = completion.retry.rawValue
            reply.retry_after_ms = retryMilliseconds(completion.retryAfter)
            completion.text.withCString { text in
                reply.desc = text
                insideCallback { callback(handle, request.serialNo, &reply, request.payload.userData) }
            }
        }
        request.payload.dispose()
    }

    /// A completion as the reply that tells it.
    package static func withReply(_ completion: Machine.Completion, _ body: (UnsafePointer<capdist_reply>) -> Void) {
        completion.text.withCString { text in
            var reply = newReply(completion.request)
            reply.status = completion.status.rawValue
            reply.retry = completion.retry.rawValue
            reply.retry_after_ms = retryMilliseconds(completion.retryAfter)
            reply.desc = text
            withUnsafePointer(to: &reply, body)
        }
    }

    @inline(__always)  // A reply is large to copy.
    private static func newReply(_ request: Request<Payload>) -> capdist_reply {
        var reply = capdist_reply()
        reply.serial_no = request.serialNo
        reply.security = request.payload.security
        reply.was_sent = request.wasSent ? 1 : 0
        reply.present = UInt32(CAPDIST_HAS_RETRY)
        reply.ret_msg = emptyText
        return reply
    }

    private func newProtoReply(_ request: Request<Payload>, _ status: Status) -> capdist_proto_reply {
        var reply = capdist_proto_reply()
        reply.serial_no = request.serialNo
        reply.proto_id = request.protoID
        reply.status = status.rawValue
        reply.retry = Retry(status).rawValue
        reply.was_sent = request.wasSent ? 1 : 0
        reply.present = UInt32(CAPDIST_HAS_RETRY)
        return reply
    }
}

/// Rounded up: who waits that long finds the gate open.
private func retryMilliseconds(_ wait: Instant) -> Int32 { Int32(clamping: (wait + 999_999) / 1_000_000) }

extension DistributionAnswer {
    /// What it tells of the quota.
    var frequencyRefusal: FrequencyRefusal? {
        guard case .refused(let head) = self, let retMsg = head.retMsg else { return nil }
        return FrequencyRefusal(retMsg)
    }
}

extension capdist_reply {
    /// Tells what the gateway said.
    fileprivate mutating func fill(_ head: ResponseHead, _ retMsg: UnsafePointer<CChar>) {
        ret_type = head.retType
        present |= UInt32(CAPDIST_HAS_RET_TYPE)
        if let errCode = head.errCode {
            err_code = errCode
            present |= UInt32(CAPDIST_HAS_ERR_CODE)
        }
        if head.retMsg != nil {
            ret_msg = retMsg
            present |= UInt32(CAPDIST_HAS_RET_MSG)
        }
    }
}

/// A text of the gateway as the application may have it: UTF-8, never NULL. Invalid bytes are replaced by U+FFFD.
private struct GatewayText {
    let text: UnsafePointer<CChar>
    private let repaired: UnsafeMutablePointer<CChar>?

    init(_ raw: UnsafePointer<CChar>?) {
        let isValid =
            raw.map { $0.pointee == 0 || isUTF8(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? true
        repaired = isValid ? nil : raw.flatMap { strdup(String(cString: $0)) }
        text = UnsafePointer(repaired) ?? raw ?? Connection.emptyText
    }

    mutating func dispose() { free(repaired) }
}

extension Connection {
    /// "" for as long as the process lives. Unsafe to the compiler only: nobody writes to it.
    nonisolated(unsafe) static let emptyText: UnsafePointer<CChar> = {
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        text.initialize(to: 0)
        return UnsafePointer(text)
    }()
}
