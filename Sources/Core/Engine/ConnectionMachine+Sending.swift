import Codec
import Glibc

/// What is sent, and when.
extension ConnectionMachine {
    /// What to send next; nil if there is nothing, or nothing may be sent now. What it returns counts as sent.
    package mutating func nextToSend(_ now: Instant, _ quota: inout QuotaGroup) -> Outgoing? {
        let now = advance(now)
        switch phase {
        case .handshaking(let attempt, isFirstMessageSent: false):
            phase = .handshaking(attempt, isFirstMessageSent: true)
            return .initConnect(wireSerialNo: configuration.firstWireSerialNo)
        case .ready(let ready):
            guard !ready.isExhausted else {
                streamLost(Cause(.disconnected, .receive, EOVERFLOW, Texts.outOfSerialNumbers), now, &quota)
                return nil
            }
            if !ready.due.isEmpty { return signOfLife(ready) }
            return nextRequest(now, &quota)
        case .idle, .connecting, .upgrading, .handshaking, .pausing, .failed, .released: return nil
        }
    }

    /// A KeepAlive, ping or probe that is due.
    private mutating func signOfLife(_ before: ConnectionPhase.ReadyStream) -> Outgoing {
        var ready = before
        defer { phase = .ready(ready) }
        guard ready.due.remove(.keepAlive) != nil else {
            ready.due.remove(.probe)
            return .probe(wireSerialNo: ready.takeProbeSerialNo())
        }
        guard endpoint.transport != .tcp else { return .keepAlive(wireSerialNo: ready.takeSerialNo()) }
        if unconfirmed.hasUnread { ready.due.insert(.probe) }
        return .ping
    }

    @inline(__always)
    private mutating func nextRequest(_ now: Instant, _ quota: inout QuotaGroup) -> Outgoing? {
        // The driver may be late. Requests that should have timed out by now are not sent. After each refused request
        // the next one is checked, too.
        repeat {
            repeat {
                while case let index = requests.firstOverdue(now), index >= 0, let overdue = requests[index] {
                    expire(overdue, now, &quota)
                }
            } while requests.firstWaitingWithSlot >= 0 && refuseFirst(now, &quota)
        } while requests.sharingCount > 0 && shareFirst(now, &quota)
        var next = requests.firstWaiting
        // Nearly always no waiting request has a slot.
        if requests.firstWaitingWithSlot >= 0 { next = withSlot(orElse: next, now, &quota) }
        let waitingForSlot = requests.firstWaitingForSlot
        // In the order of the requests, except that a request that needs no slot does not wait for one that waits for a
        // slot.
        if waitingForSlot >= 0, next < 0 || requests.order(waitingForSlot) < requests.order(next) {
            if let until = quota.mustWait(now) {
                wake(until)
            } else if quota.reserve(member, now) {
                return send(waitingForSlot, holdsSlot: true, now, &quota)
            } else if let time = quota.nextTry(member, now) {
                wake(time)
            }
        }
        guard next >= 0 else { return nil }
        return send(next, holdsSlot: requests.holdsSlot(next), now, &quota)
    }

    private mutating func expire(_ request: Request<Payload>, _ now: Instant, _ quota: inout QuotaGroup) {
        guard let request = requests.take(serialNo: request.serialNo) else { return }
        giveUp(request, hadTime: true, now, &quota)
        timedOut(request)
        tellWaiting(&quota)
    }

    /// Completes the first waiting request that has a slot, if the quota's gate is closed: a request that does not wait
    /// for a slot does not wait for the gate either.
    /// - Returns: whether it did, and another request is the first now.
    private mutating func refuseFirst(_ now: Instant, _ quota: inout QuotaGroup) -> Bool {
        let first = requests.firstWaitingWithSlot
        guard first >= 0, case let closed = quota.gateClosed(now), closed > .zero, let request = requests[first] else {
            return false
        }
        _ = requests.take(serialNo: request.serialNo)
        giveUp(request, now, &quota)
        complete(request, .rateLimited, Texts.notSentThroughGate(closed.milliseconds), retryAfter: closed)
        return true
    }

    /// The first waiting request that has a slot; or `other`, if that is earlier, or no request with a slot may be sent
    /// yet.
    private mutating func withSlot(
        orElse other: RequestTable<Payload>.Index, _ now: Instant, _ quota: inout QuotaGroup
    ) -> RequestTable<Payload>.Index {
        let first = requests.firstWaitingWithSlot
        guard first >= 0, other < 0 || requests.order(first) < requests.order(other) else { return other }
        guard let until = quota.mustWait(now) else { return first }
        wake(until)
        return other
    }

    /// Whether `nextToSend` must be called, because there may be something to send now or later.
    package var mayHaveToSend: Bool {
        switch phase {
        case .handshaking(_, let isFirstMessageSent): !isFirstMessageSent
        case .ready(let ready):
            !ready.due.isEmpty || requests.firstWaiting >= 0 || requests.firstWaitingForSlot >= 0
                || requests.firstWaitingWithSlot >= 0
        case .idle, .connecting, .upgrading, .pausing, .failed, .released: false
        }
    }

    private mutating func send(
        _ index: RequestTable<Payload>.Index, holdsSlot: Bool, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Outgoing? {
        guard case .ready(var ready) = phase, let replyTimeout = requests.replyTimeout(index) else { return nil }
        let wireSerialNo = ready.takeSerialNo()
        phase = .ready(ready)
        let deadline = now + replyTimeout
        let firstNumber = holdsSlot ? quota.sent(answerBy: deadline) : 0
        let question = quota.answers.isUsed ? sentQuestion(index, answerBy: deadline, &quota) : 0
        requests.send(
            index, wireSerialNo: wireSerialNo, deadline: deadline, holdsSlot: holdsSlot, firstNumber: firstNumber,
            question: question, now)
        wake(deadline)
        if holdsSlot { tellWaiting(&quota) }
        return requests[index].map { .request($0) }
    }
}
