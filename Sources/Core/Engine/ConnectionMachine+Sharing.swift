import Codec

/// Requests that take another one's answer: the last one if it is fresh enough, or the one that is awaited already.
extension ConnectionMachine {
    /// `ask` for a request that takes shared answers.
    mutating func askSharing(
        _ payload: Payload, _ key: SharedAnswers.Key, _ terms: RequestTerms, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Result<UInt32, AskError> {
        let found = quota.answers.find(key, maxAge: terms.maxAge, now)
        let answer: SharedAnswers.Answer? = if case .answer(let answer) = found { answer } else { nil }
        if terms.failsInOutage, answer == nil, let outage { return .failure(AskError(status: outage.status)) }
        guard requestCount < configuration.maxQueue else { return .failure(AskError(status: .queueFull)) }
        guard answer != nil || requests.makeRoom() else { return .failure(AskError(status: .systemError)) }
        var request = Request(
            serialNo: 0, protoID: ProtoID.getCapitalDistribution, payload: payload, terms: terms,
            needsSlot: !quota.isUnlimited)
        if let answer {
            quota.answers.mayTake(terms.maxAge)
            request.serialNo = takeSerialNo()
            // Those that were made before it come first.
            settle(now, &quota)
            serve(request, with: answer, now)
            return .success(request.serialNo)
        }
        if case .inFlight(let until) = found {
            request.isJoined = true
            lookAgain(until)
        } else if request.needsSlot, terms.failsWithoutSlot {
            guard quota.reserve(member, now) else { return .failure(AskError(status: .quotaExhausted)) }
            request.holdsSlot = true
        }
        request.question = quota.answers.wait(key, maxAge: terms.maxAge)
        return .success(accept(&request, now, &quota))
    }

    /// What a request asks, and of which gateway.
    func questionKey(_ payload: Payload) -> SharedAnswers.Key? { key(payload).map { gateway + $0 } }

    /// The connection stands. If the gateway, or its account, is another than before, those that wait ask this one, and
    /// no answer of the other is theirs.
    mutating func setGateway(_ gateway: SharedAnswers.Key, _ now: Instant, _ quota: inout QuotaGroup) {
        guard gateway != self.gateway else { return }
        self.gateway = gateway
        guard waitsForSharedAnswers else { return }
        for index in requests.sharing {
            guard let request = requests[index], let key = questionKey(request.payload) else { continue }
            quota.answers.left(request.question)
            requests.setQuestion(index, quota.answers.wait(key, maxAge: request.terms.maxAge))
        }
        nextLook = now
        settle(now, &quota)
    }

    /// Whether requests wait that an answer to another connection's may end: then `settle` is to be called after a
    /// wake-up.
    package var waitsForSharedAnswers: Bool { requests.sharingCount > 0 }

    /// Looks what has become of the requests whose answers others wait for.
    package mutating func settle(_ now: Instant, _ quota: inout QuotaGroup) {
        guard waitsForSharedAnswers else {
            nextLook = .max
            return
        }
        let now = advance(now)
        guard quota.answers.changes != seenChanges || now >= nextLook else { return }
        // Each turn that is not the last takes a request out, or has one sent.
        repeat {
            seenChanges = quota.answers.changes
            nextLook = .max
            settleOnce(now, &quota)
        } while quota.answers.changes != seenChanges
        tellWaiting(&quota)
    }

    private mutating func lookAgain(_ until: Instant) {
        nextLook = min(nextLook, until)
        wake(until)
    }

    private mutating func settleOnce(_ now: Instant, _ quota: inout QuotaGroup) {
        // Of those that ask the same one is sent, and the others go on waiting for it.
        var called: [SharedAnswers.Number] = []
        for index in requests.sharing {
            guard let request = requests[index] else { continue }
            switch find(request, now, &quota) {
            case .answer(let answer): serve(request, answer, now, &quota)
            case .nothing where request.isJoined && !called.contains(request.question):
                called.append(request.question)
                sendItself(index, request, now, &quota)
            case .inFlight(let until): if request.isJoined { lookAgain(until) }
            case .nothing: break
            }
        }
    }

    /// Those that come next are not sent if they need not be. A request behind them is looked at when it comes next.
    /// - Returns: whether others come next now.
    mutating func shareFirst(_ now: Instant, _ quota: inout QuotaGroup) -> Bool {
        var hasShared = false
        while share(requests.firstWaiting, now, &quota) || share(requests.firstWaitingForSlot, now, &quota)
            || share(requests.firstWaitingWithSlot, now, &quota)
        {
            hasShared = true
        }
        if hasShared { tellWaiting(&quota) }
        return hasShared
    }

    /// - Returns: whether the request at `index` is in its queue no more.
    private mutating func share(
        _ index: RequestTable<Payload>.Index, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Bool {
        guard requests.sharedQuestion(index) != 0, let request = requests[index] else { return false }
        switch find(request, now, &quota) {
        case .answer(let answer): serve(request, answer, now, &quota)
        case .inFlight(let until):
            if request.holdsSlot { quota.giveBack() }
            requests.join(index)
            lookAgain(until)
        case .nothing: return false
        }
        return true
    }

    private func find(_ request: Request<Payload>, _ now: Instant, _ quota: inout QuotaGroup) -> SharedAnswers.Found {
        quota.answers.find(request.question, since: request.askedAt, maxAge: request.terms.maxAge, now)
    }

    /// Ends a request that waits with another one's answer.
    private mutating func serve(
        _ request: Request<Payload>, _ answer: SharedAnswers.Answer, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        guard let request = requests.take(serialNo: request.serialNo) else { return }
        if request.holdsSlot { quota.giveBack() }
        quota.answers.served(request.question)
        serve(request, with: answer, now)
    }

    mutating func serve(_ request: Request<Payload>, with answer: SharedAnswers.Answer, _ now: Instant) {
        let shared = SharedAnswer(body: answer.body, age: answer.age(now))
        guard let refusal = answer.refusal else {
            return append(Completion(request: request, status: .ok, retry: .unknown, text: "", shared: shared))
        }
        append(
            Completion(
                request: request, status: .refused, retry: refusal.retry, text: refusal.text, shared: shared))
        noteFailure(request, .refused, refusal.text)
    }

    /// The request whose answer this one waited for has none: it goes into its queue. If it must not wait for a slot it
    /// takes one now, or ends.
    private mutating func sendItself(
        _ index: RequestTable<Payload>.Index, _ request: Request<Payload>, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        guard request.needsSlot, request.terms.failsWithoutSlot else {
            return requests.leaveJoined(index, holdsSlot: false)
        }
        let closed = quota.gateClosed(now)
        if quota.reserve(member, now) { return requests.leaveJoined(index, holdsSlot: true) }
        guard let request = requests.take(serialNo: request.serialNo) else { return }
        giveUp(request, now, &quota)
        if closed > .zero {
            complete(request, .rateLimited, Texts.notSentThroughGate(closed.milliseconds), retryAfter: closed)
        } else {
            complete(request, .quotaExhausted, Texts.noSlotLeft)
        }
    }

    // MARK: - Requests that are sent

    /// What the request at `index`, which is sent now, asks; 0: its answer is not shared.
    mutating func sentQuestion(
        _ index: RequestTable<Payload>.Index, answerBy time: Instant, _ quota: inout QuotaGroup
    ) -> SharedAnswers.Number {
        // Those that wait for it here.
        if waitsForSharedAnswers { lookAgain(time) }
        let question = requests.sharedQuestion(index)
        guard question == 0 else {
            quota.answers.sent(question, answerBy: time)
            return question
        }
        guard let request = requests[index], request.protoID == ProtoID.getCapitalDistribution, !request.terms.isRaw,
            let key = questionKey(request.payload)
        else { return 0 }
        return quota.answers.sent(key, answerBy: time)
    }

    /// The request in flight was answered.
    /// - Parameter failure: how, if not well.
    func share(
        _ answer: AnswerSummary, _ failure: Completion?, of question: SharedAnswers.Number,
        _ body: UnsafeRawBufferPointer, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        if case .success = answer { return quota.answers.answered(question, body, now) }
        guard let failure, failure.status == .refused else { return quota.answers.lost(question) }
        quota.answers.refused(question, SharedAnswers.Refusal(text: failure.text, retry: failure.retry), body, now)
    }

    /// The request ends without an answer.
    func leaveQuestion(_ request: Request<Payload>, _ quota: inout QuotaGroup) {
        if request.wasSent { quota.answers.lost(request.question) } else { quota.answers.left(request.question) }
    }
}
