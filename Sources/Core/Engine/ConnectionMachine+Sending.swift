import Codec
import Glibc

/// What goes on the wire, and when.
extension ConnectionMachine {
    /// What to put on the wire next; nil when there is nothing, or nothing may go now. Whatever it returns counts as sent.
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
        // A driver may be late: what should have timed out by now is not sent. That goes for whoever comes first after a
        // refusal, too.
        repeat {
            while case let index = requests.firstOverdue(now), index >= 0, let overdue = requests[index] {
                expire(overdue, now, &quota)
            }
        } while requests.firstWaitingWithSlot >= 0 && refuseFirst(now, &quota)
        var next = requests.firstWaiting
        // Nearly always nobody took a slot beforehand.
        if requests.firstWaitingWithSlot >= 0 { next = withSlot(orElse: next, now, &quota) }
        let waitingForSlot = requests.firstWaitingForSlot
        // In the order asked, except that what needs no slot does not wait behind what has none.
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

    /// Ends the first request that took its slot when it was asked, if the gateway's refusal of another keeps it from being
    /// sent now: who asked not to wait for the quota does not wait for its gate, either.
    /// - Returns: whether it did, and another is first now.
    private mutating func refuseFirst(_ now: Instant, _ quota: inout QuotaGroup) -> Bool {
        let first = requests.firstWaitingWithSlot
        guard first >= 0, case let closed = quota.gateClosed(now), closed > 0, let request = requests[first] else {
            return false
        }
        _ = requests.take(serialNo: request.serialNo)
        giveUp(request, now, &quota)
        complete(request, .rateLimited, Texts.notSentThroughGate(closed.milliseconds), retryAfter: closed)
        return true
    }

    /// The first that took its slot when it was asked; or `other`, if that was asked earlier or nothing that has a slot
    /// may go yet.
    private mutating func withSlot(
        orElse other: RequestTable<Payload>.Index, _ now: Instant, _ quota: inout QuotaGroup
    ) -> RequestTable<Payload>.Index {
        let first = requests.firstWaitingWithSlot
        guard first >= 0, other < 0 || requests.order(first) < requests.order(other) else { return other }
        guard let until = quota.mustWait(now) else { return first }
        wake(until)
        return other
    }

    /// Whether `nextToSend` may have something, or must find out when it will.
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
        requests.send(
            index, wireSerialNo: wireSerialNo, deadline: deadline, holdsSlot: holdsSlot,
            firstNumber: firstNumber,
            now)
        wake(deadline)
        if holdsSlot { tellWaiting(&quota) }
        return requests[index].map { .request($0) }
    }
}
