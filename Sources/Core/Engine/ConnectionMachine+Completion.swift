import Codec

extension ConnectionMachine {
    /// How a request ended that got no usable answer, or another one's.
    package struct Completion {
        package var request: Request<Payload>
        // In the order in which they take least room: beyond 128 bytes each copy calls memcpy.
        package var status: Status
        package var retry: Retry
        /// After a refusal because of the rate limit: how long until the quota group sends again; else zero.
        package var retryAfter = TimeAmount.zero
        /// nil: no text, and no answer.
        private var detail: CompletionDetail?

        init(
            request: Request<Payload>, status: Status, text: String, retry: Retry, retryAfter: TimeAmount = .zero
        ) {
            self.request = request
            self.status = status
            self.retry = retry
            if !text.isEmpty { detail = CompletionDetail(text: text, shared: nil) }
            self.retryAfter = retryAfter
        }

        init(request: Request<Payload>, status: Status, retry: Retry, text: String, shared: SharedAnswer) {
            self.request = request
            self.status = status
            self.retry = retry
            detail = CompletionDetail(text: text, shared: shared)
        }

        /// What happened, for people.
        package var text: String {
            get { detail?.text ?? "" }
            set { detail = CompletionDetail(text: newValue, shared: nil) }
        }

        /// The answer to another request, which this one takes.
        package var shared: SharedAnswer? { detail?.shared }
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

/// What a request got that did not ask itself.
package struct SharedAnswer: Sendable {
    package let body: [UInt8]
    /// How long it had been there when it was given.
    package let age: TimeAmount
}

/// In memory of its own, because a completion is copied on its way.
private final class CompletionDetail: Sendable {
    let text: String
    let shared: SharedAnswer?

    init(text: String, shared: SharedAnswer?) {
        self.text = text
        self.shared = shared
    }
}
