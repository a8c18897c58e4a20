import CCapDist
import CMessages
import Codec
import Glibc
import Limiter

/// From answers and endings to the host's callbacks.
extension Connection {
    // MARK: - Answered

    /// Delivers an answer to its request.
    func deliver(
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, isIntact: Bool, _ now: Instant
    ) {
        switch request.payload.callback {
        case .reply(let callback): deliverReply(request, body, isIntact: isIntact, now, callback)
        case .proto(let callback): deliverProto(request, body, isIntact: isIntact, now, callback)
        }
        request.payload.dispose()
    }

    private func deliverReply(
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, isIntact: Bool, _ now: Instant,
        _ callback: capdist_reply_fn
    ) {
        var reply = Self.newReply(request)
        reply.body = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = body.count
        guard isIntact else {
            return finish(&reply, .malformedReply, Texts.wrongSHA1, callback, request)
        }
        do {
            let response = try CapitalDistributionResponse.unpack(body, input.pointee.arena).pointee
            reply.ret_type = response.rettype
            reply.present = UInt32(CAPDIST_HAS_RET_TYPE)
            if response.has_errcode != 0 {
                reply.err_code = response.errcode
                reply.present |= UInt32(CAPDIST_HAS_ERR_CODE)
            }
            var retMsg = GatewayText(response.retmsg)
            defer { retMsg.dispose() }
            if response.retmsg != nil {
                reply.ret_msg = retMsg.text
                reply.present |= UInt32(CAPDIST_HAS_RET_MSG)
            }
            guard response.rettype == RetType.succeed, let s2c = response.s2c?.pointee else {
                return refuse(&reply, retMsg.text, request.protoID, now, callback, request)
            }
            var updateTime = GatewayText(s2c.updatetime)
            defer { updateTime.dispose() }
            var distribution = Self.distribution(s2c, updateTime.text)
            withUnsafePointer(to: &distribution) { distribution in
                reply.distribution = distribution
                finish(&reply, .ok, Self.emptyText, callback, request)
            }
        } catch {
            // A refusal stays one whatever else is wrong with it.
            if let head = try? AnyResponse(body, input.pointee.arena), let retType = head.retType,
                retType != RetType.succeed
            {
                reply.ret_type = retType
                reply.present = UInt32(CAPDIST_HAS_RET_TYPE)
                if let errCode = head.errCode {
                    reply.err_code = errCode
                    reply.present |= UInt32(CAPDIST_HAS_ERR_CODE)
                }
                return (head.retMsg ?? "").withCString { retMsg in
                    if head.retMsg != nil {
                        reply.ret_msg = retMsg
                        reply.present |= UInt32(CAPDIST_HAS_RET_MSG)
                    }
                    refuse(&reply, retMsg, request.protoID, now, callback, request)
                }
            }
            let text = error == .noContent ? Texts.noContent : Texts.invalidProtobuf
            finish(&reply, .malformedReply, text, callback, request)
        }
    }

    private func refuse(
        _ reply: inout capdist_reply, _ retMsg: UnsafePointer<CChar>, _ protoID: UInt32, _ now: Instant,
        _ callback: capdist_reply_fn, _ request: Request<Payload>
    ) {
        if let retryAfter = noteRefusal(retMsg, protoID, now) {
            reply.retry_after_ms = retryAfter
            let text = Texts.rateLimited(retryAfter, String(cString: retMsg))
            return finish(&reply, .rateLimited, text, callback, request)
        }
        finish(&reply, .refused, Texts.refused(reply.ret_type, String(cString: retMsg)), callback, request)
    }

    private func finish(
        _ reply: inout capdist_reply, _ status: Status, _ text: String, _ callback: capdist_reply_fn,
        _ request: Request<Payload>
    ) {
        noteFailure(request, status, text)
        text.withCString { finish(&reply, status, $0, callback, request) }
    }

    private func finish(
        _ reply: inout capdist_reply, _ status: Status, _ text: UnsafePointer<CChar>, _ callback: capdist_reply_fn,
        _ request: Request<Payload>
    ) {
        reply.status = status.rawValue
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
        _ request: Request<Payload>, _ body: UnsafeRawBufferPointer, isIntact: Bool, _ now: Instant,
        _ callback: capdist_proto_fn
    ) {
        var reply = newProtoReply(request)
        reply.body = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
        reply.body_length = body.count
        var text = ""
        if !isIntact {
            reply.status = Status.malformedReply.rawValue
            text = Texts.wrongSHA1
        } else if let head = try? AnyResponse(body, input.pointee.arena), let retType = head.retType {
            reply.ret_type = retType
            reply.present = UInt32(CAPDIST_HAS_RET_TYPE)
            if retType != RetType.succeed {
                let retMsg = head.retMsg ?? ""
                if let retryAfter = retMsg.withCString({ noteRefusal($0, request.protoID, now) }) {
                    reply.status = Status.rateLimited.rawValue
                    reply.retry_after_ms = retryAfter
                    text = Texts.rateLimited(retryAfter, retMsg)
                } else {
                    reply.status = Status.refused.rawValue
                    text = Texts.refused(retType, retMsg)
                }
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
        stateLock.withLock { state.pointee.machine.answerFailed(request, status, text, now) }
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
            var reply = newProtoReply(request)
            reply.status = completion.status.rawValue
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
            reply.retry_after_ms = retryMilliseconds(completion.retryAfter)
            reply.desc = text
            withUnsafePointer(to: &reply, body)
        }
    }

    private static func newReply(_ request: Request<Payload>) -> capdist_reply {
        var reply = capdist_reply()
        reply.serial_no = request.serialNo
        reply.security = request.payload.security
        reply.was_sent = request.wasSent ? 1 : 0
        reply.ret_msg = emptyText
        return reply
    }

    private func newProtoReply(_ request: Request<Payload>) -> capdist_proto_reply {
        var reply = capdist_proto_reply()
        reply.serial_no = request.serialNo
        reply.proto_id = request.protoID
        reply.was_sent = request.wasSent ? 1 : 0
        return reply
    }

    // MARK: - Refusals for frequency

    /// Closes the gate if the gateway's words are a refusal for frequency.
    /// - Returns: milliseconds until the next request may be sent, if they are one.
    private func noteRefusal(_ retMsg: UnsafePointer<CChar>, _ protoID: UInt32, _ now: Instant) -> Int32? {
        guard let refusal = FrequencyRefusal(retMsg) else { return nil }
        var wait = refusal.seconds.map { $0 * 1_000_000_000 } ?? membership.quota.window
        // Other protocols have limits of their own, which are not kept here.
        if protoID == ProtoID.getCapitalDistribution, membership.quota.limit > 0 {
            wait = stateLock.withLock {
                membership.quota.with { group in
                    state.pointee.machine.refusedForFrequency(seconds: refusal.seconds, now, &group)
                }
            }
        }
        return Self.retryMilliseconds(wait)
    }

    /// Rounded up: who waits that long finds the gate open.
    private static func retryMilliseconds(_ wait: Instant) -> Int32 { Int32(clamping: (wait + 999_999) / 1_000_000) }

    /// An answer to a request given up before may still tell that the gateway's quota is used up.
    func noteLateRefusal(_ body: UnsafeRawBufferPointer, _ now: Instant) {
        guard let head = try? AnyResponse(body, input.pointee.arena), let retType = head.retType,
            retType != RetType.succeed, let retMsg = head.retMsg
        else { return }
        _ = retMsg.withCString { noteRefusal($0, ProtoID.getCapitalDistribution, now) }
    }
}

/// A text of the gateway as the host may have it: UTF-8, never NULL. Invalid bytes are replaced by U+FFFD.
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
