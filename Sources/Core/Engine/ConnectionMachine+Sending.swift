import Codec
import Glibc

/// What goes on the wire, and when.
extension ConnectionMachine {
    /// What to put on the wire next; nil when there is nothing, or nothing may go now. Whatever it returns counts as sent.
    package mutating func nextToSend(_ now: Instant, _ quota: inout QuotaGroup) -> Outgoing? {
        let now = advance(now)
        if phase == .handshaking {
            guard initConnectSerialNo == nil else { return nil }
            let serialNo = takeWireSerialNo()
            initConnectSerialNo = serialNo
            return .initConnect(wireSerialNo: serialNo)
        }
        guard phase == .ready else { return nil }
        guard mayHaveToSend else { return nil }
        guard nextWireSerialNo <= UInt64(UInt32.max) else {
            streamLost(
                Cause(.disconnected, .receive, EOVERFLOW, Texts.outOfSerialNumbers), now, &quota)
            return nil
        }
        if keepAliveDue {
            keepAliveDue = false
            guard endpoint.transport != .tcp else { return .keepAlive(wireSerialNo: takeWireSerialNo()) }
            probeDue = unconfirmed.hasUnread
            return .ping
        }
        if probeDue {
            probeDue = false
            let serialNo = takeWireSerialNo()
            probes = probes.suffix(7) + [serialNo]
            return .probe(wireSerialNo: serialNo)
        }
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
        case .handshaking: initConnectSerialNo == nil
        case .ready:
            keepAliveDue || probeDue || requests.firstWaiting >= 0 || requests.firstWaitingForSlot >= 0
                || requests.firstWaitingWithSlot >= 0
        default: false
        }
    }

    private mutating func send(
        _ index: RequestTable<Payload>.Index, holdsSlot: Bool, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Outgoing? {
        guard let replyTimeout = requests.replyTimeout(index) else { return nil }
        let deadline = now + replyTimeout
        let firstNumber = holdsSlot ? quota.sent(answerBy: deadline) : 0
        requests.send(
            index, wireSerialNo: takeWireSerialNo(), deadline: deadline, holdsSlot: holdsSlot, firstNumber: firstNumber,
            now)
        wake(deadline)
        if holdsSlot { tellWaiting(&quota) }
        return requests[index].map { .request($0) }
    }

    private mutating func takeWireSerialNo() -> UInt32 {
        let serialNo = UInt32(truncatingIfNeeded: nextWireSerialNo)
        nextWireSerialNo += 1
        return serialNo
    }
}
