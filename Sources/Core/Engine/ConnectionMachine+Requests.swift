import Codec
import Glibc

/// Requests of the application, and their cancellation.
extension ConnectionMachine {
    /// Accepts a request, which then completes exactly once.
    /// - Returns: its serial number, or why it is refused: `.notConnected`, `.released`, `.queueFull`,
    ///   `.quotaExhausted`, `.systemError` if there is no memory, or the status of the outage.
    package mutating func ask(
        _ payload: Payload, protoID: UInt32, _ terms: RequestTerms, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Result<UInt32, AskError> {
        switch phase {
        case .failed: return .failure(AskError(status: .notConnected))
        case .released: return .failure(AskError(status: .released))
        case .idle, .connecting, .upgrading, .handshaking, .ready, .pausing: break
        }
        let now = advance(now)
        if terms.takesSharedAnswer, protoID == ProtoID.getCapitalDistribution, !terms.isRaw,
            let key = questionKey(payload)
        {
            return askSharing(payload, key, terms, now, &quota)
        }
        if terms.failsInOutage, let outage { return .failure(AskError(status: outage.status)) }
        guard requestCount < configuration.maxQueue else { return .failure(AskError(status: .queueFull)) }
        guard requests.makeRoom() else { return .failure(AskError(status: .systemError)) }
        let needsSlot = protoID == ProtoID.getCapitalDistribution && !quota.isUnlimited
        var request = Request(serialNo: 0, protoID: protoID, payload: payload, terms: terms, needsSlot: needsSlot)
        if needsSlot, terms.failsWithoutSlot {
            guard quota.reserve(member, now) else { return .failure(AskError(status: .quotaExhausted)) }
            request.holdsSlot = true
        }
        if protoID != ProtoID.getCapitalDistribution, !askedProtoIDs.contains(protoID) { askedProtoIDs.append(protoID) }
        return .success(accept(&request, now, &quota))
    }

    /// - Returns: its serial number.
    @inline(__always)
    mutating func accept(_ request: inout Request<Payload>, _ now: Instant, _ quota: inout QuotaGroup) -> UInt32 {
        request.serialNo = takeSerialNo()
        request.order = nextOrder
        nextOrder += 1
        request.deadline = now + request.terms.queueTimeout
        wake(request.deadline)
        requests.enqueue(request, now)
        tellWaiting(&quota)
        return request.serialNo
    }

    package struct AskError: Error, Equatable {
        package var status: Status
    }

    /// Completes a request that is queued or in flight as cancelled; false if there is no request with that number.
    package mutating func cancel(_ serialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) -> Bool {
        guard let request = requests.take(serialNo: serialNo) else { return false }
        giveUp(request, advance(now), &quota)
        complete(request, .cancelled, Texts.cancelled)
        tellWaiting(&quota)
        return true
    }

    /// Takes a request out of the machine, for a blocking call that has waited long enough. There is no action for its
    /// completion. nil: the request is not here any more.
    package mutating func withdraw(_ serialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) -> Completion? {
        let pending = actions[firstAction...].firstIndex { action in
            if case .complete(let completion) = action { completion.request.serialNo == serialNo } else { false }
        }
        if let pending, case .complete(let completion) = actions.remove(at: pending) {
            waitingCompletions -= 1
            return completion
        }
        guard let request = requests.take(serialNo: serialNo) else { return nil }
        giveUp(request, advance(now), &quota)
        tellWaiting(&quota)
        let status: Status = request.wasSent ? .replyTimeout : .queueTimeout
        let text =
            request.wasSent
            ? Texts.replyTimedOut(request.terms.replyTimeout.milliseconds)
            : Texts.queueTimedOut(request.terms.queueTimeout.milliseconds, Texts.heldUpByCallback)
        noteFailure(request, status, text)
        return Completion(request: request, status: status, text: text, retry: Retry(status))
    }

    mutating func takeSerialNo() -> UInt32 {
        // After the numbers have wrapped around, those that are still in use must be skipped.
        while nextSerialNo == 0 || (serialNosWrapped && requests.contains(serialNo: nextSerialNo)) {
            nextSerialNo &+= 1
            serialNosWrapped = true
        }
        defer { nextSerialNo &+= 1 }
        return nextSerialNo
    }
}
