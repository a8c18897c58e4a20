import Codec

extension ConnectionMachine {
    /// How a request ended that was not answered as it should be, or not at all.
    package struct Completion {
        package var request: Request<Payload>
        package var status: Status
        /// What happened, for people.
        package var text: String
        package var retry: Retry
        /// Until the quota group sends again, if that is why. Nanoseconds.
        package var retryAfter: Instant = 0
    }

    /// What is wrong with the answer to `request`; nil: nothing. Called when its slot is given back, and before anything else is
    /// sent: a refusal for frequency closes the quota's gate.
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

    /// - Returns: nanoseconds to wait, if the gateway's words are a refusal for frequency; nil: they are none.
    @discardableResult
    mutating func refusedForFrequency(
        _ protoID: UInt32, _ words: String, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Instant? {
        guard let refusal = words.withCString({ FrequencyRefusal($0) }) else { return nil }
        let wait = refusal.wait(orFor: quota.windowLength)
        // Other protocols have limits of their own, which are not kept here.
        guard protoID == ProtoID.getCapitalDistribution, !quota.isUnlimited else { return wait }
        let wasOpen = quota.gateClosed(now) == 0
        quota.closeGate(now, for: wait)
        let closed = quota.gateClosed(now)
        if wasOpen { log(.warning, Texts.gateClosed(closed.milliseconds)) }
        return closed
    }
}
