import Codec

extension ConnectionMachine {
    /// How a request ended that got no usable answer.
    package struct Completion {
        package var request: Request<Payload>
        package var status: Status
        /// What happened, for people.
        package var text: String
        package var retry: Retry
        /// After a refusal because of the rate limit: how long until the quota group sends again; else zero.
        package var retryAfter = TimeAmount.zero
    }

    /// Why the answer to `request` is a failure; nil if it is none. Called when the slot is given back and before
    /// anything else is sent, because a refusal because of the rate limit closes the quota's gate.
    mutating func failure(
        _ request: Request<Payload>, _ answer: AnswerSummary, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Completion? {
        var completion = Completion(request: request, status: .malformedReply, text: "", retry: .unknown)
        switch answer {
        case .success: return nil
        case .malformed where request.terms.isRaw: return nil
        case .malformed(let error):
            completion.text = error == .noContent ? Texts.noContent : Texts.invalidProtobuf
        case .damaged: completion.text = Texts.wrongSHA1
        case .refusal(let retType, let words):
            if let wait = refusedForFrequency(request.protoID, words, now, &quota) {
                completion.status = .rateLimited
                completion.retryAfter = wait
                completion.text = Texts.rateLimited(wait.millisecondsRoundedUp, words)
            } else {
                completion.status = .refused
                completion.text = Texts.refused(retType, words)
                completion.retry = words.withCString { Retry(refusal: $0, retType: retType) }
            }
        }
        if completion.status != .refused { completion.retry = Retry(completion.status) }
        noteFailure(request, completion.status, completion.text)
        return completion
    }

    /// - Returns: how long to wait, if the text is a refusal because of the rate limit; else nil.
    @discardableResult
    mutating func refusedForFrequency(
        _ protoID: UInt32, _ words: String, _ now: Instant, _ quota: inout QuotaGroup
    ) -> TimeAmount? {
        guard let refusal = words.withCString({ FrequencyRefusal($0) }) else { return nil }
        let wait = refusal.wait(orFor: quota.windowLength)
        // Other protocols have their own limits, which the library does not keep.
        guard protoID == ProtoID.getCapitalDistribution, !quota.isUnlimited else { return wait }
        let wasOpen = quota.gateClosed(now) == .zero
        quota.closeGate(now, for: wait)
        let closed = quota.gateClosed(now)
        if wasOpen { log(.warning, Texts.gateClosed(closed.milliseconds)) }
        return closed
    }
}
