import Codec
import Glibc

extension ConnectionMachine {
    /// What an application asks for.
    package struct Ask {
        package var protoID: UInt32
        package var payload: Payload
        /// Nanoseconds; nil for the connection's default.
        package var queueTimeout: Instant?
        package var replyTimeout: Instant?
        /// Whether to be refused rather than wait for a slot.
        package var failsWithoutSlot: Bool
        /// Whether to be refused rather than wait for an outage to pass.
        package var failsInOutage: Bool

        package init(
            protoID: UInt32, payload: Payload, queueTimeout: Instant? = nil, replyTimeout: Instant? = nil,
            failsWithoutSlot: Bool = false, failsInOutage: Bool = false
        ) {
            self.protoID = protoID
            self.payload = payload
            self.queueTimeout = queueTimeout
            self.replyTimeout = replyTimeout
            self.failsWithoutSlot = failsWithoutSlot
            self.failsInOutage = failsInOutage
        }
    }

    /// Accepts a request: it will complete exactly once.
    /// - Returns: its serial number, or why it is refused: `.notConnected`, `.released`, `.queueFull`, `.quotaExhausted`, or
    ///   the status of the outage.
    package mutating func ask(_ ask: Ask, _ now: Instant, _ quota: inout QuotaGroup) -> Result<UInt32, AskError> {
        if phase == .failed { return .failure(AskError(status: .notConnected)) }
        if phase == .released { return .failure(AskError(status: .released)) }
        if ask.failsInOutage, let outage { return .failure(AskError(status: outage.status)) }
        guard requestCount < configuration.maxQueue else { return .failure(AskError(status: .queueFull)) }
        let now = advance(now)
        let needsSlot = ask.protoID == ProtoID.getCapitalDistribution && !quota.isUnlimited
        var request = Request(
            serialNo: 0, protoID: ask.protoID, payload: ask.payload,
            queueTimeout: ask.queueTimeout ?? configuration.queueTimeout,
            replyTimeout: ask.replyTimeout ?? configuration.replyTimeout, needsSlot: needsSlot,
            failsInOutage: ask.failsInOutage)
        if needsSlot, ask.failsWithoutSlot {
            guard quota.reserve(member, now) else { return .failure(AskError(status: .quotaExhausted)) }
            request.holdsSlot = true
        }
        if ask.protoID != ProtoID.getCapitalDistribution { askedProtoIDs.insert(ask.protoID) }
        request.serialNo = takeSerialNo()
        request.order = nextOrder
        nextOrder += 1
        request.deadline = now + request.queueTimeout
        wake(request.deadline)
        requests.enqueue(request, now)
        tellWaiting(&quota)
        return .success(request.serialNo)
    }

    package struct AskError: Error, Equatable {
        package var status: Status
    }

    /// Completes a queued or sent request as cancelled; false if there is none of that number.
    package mutating func cancel(_ serialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) -> Bool {
        guard let request = requests.take(serialNo: serialNo) else { return false }
        giveUp(request, advance(now), &quota)
        complete(request, .cancelled, Texts.cancelled)
        tellWaiting(&quota)
        return true
    }

    /// Takes a request out of the machine wherever it is, for one who waits for it and has waited long enough. Its
    /// completion will not come as an action. nil: it is not here any more.
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
            ? Texts.replyTimedOut(request.replyTimeout.milliseconds)
            : Texts.queueTimedOut(request.queueTimeout.milliseconds, Texts.heldUpByCallback)
        noteFailure(request, status, text)
        return Completion(request: request, status: status, text: text)
    }

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

    /// A complete frame came.
    /// - Parameter refusal: what its body is, if it answers a request for a capital distribution and refuses it for frequency.
    package mutating func received(
        protoID: UInt32, serialNo: UInt32, refusal: FrequencyRefusal? = nil, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Incoming {
        let now = advance(now)
        guard phase == .ready else {
            guard phase == .handshaking, protoID == endpoint.transport.firstMessageID, serialNo == initConnectSerialNo
            else {
                return .nothing
            }
            return .handshake
        }
        silenceAt = now + Self.silenceLimit
        if let request = requests.takeAnswered(protoID: protoID, wireSerialNo: serialNo) {
            if request.holdsSlot {
                quota.confirm(now)
                if request.firstNumber != 0 { quota.firstEnded(request.firstNumber, isAnswered: true) }
            }
            // In the same step as the slot is given back: nothing is sent between.
            let retryAfter = refusal.map { refused($0, now, &quota) }
            answered(serialNo, now, &quota)
            if let retryAfter { return .rateLimited(request, retryAfter: retryAfter) }
            return .answer(request)
        }
        if protoID == ProtoID.keepAlive {
            if UInt64(serialNo) < nextWireSerialNo { answered(serialNo, now, &quota) }
            return .nothing
        }
        if unconfirmed.answered(protoID: protoID, wireSerialNo: serialNo, now, &quota) {
            answered(serialNo, now, &quota)
            if let refusal { _ = refused(refusal, now, &quota) }
            log(.debug, Texts.lateAnswer(protoID))
            return .late
        }
        if protoID == ProtoID.getGlobalState, probes.contains(serialNo) {
            probes.removeAll { $0 <= serialNo }
            answered(serialNo, now, &quota)
            return .nothing
        }
        if protoID == endpoint.transport.firstMessageID || protoID == ProtoID.getCapitalDistribution
            || askedProtoIDs.contains(protoID)
        {
            log(.debug, Texts.unexpectedAnswer(protoID, serialNo))
            return .nothing
        }
        return .push
    }

    /// Another sign of life: a frame that is no message.
    package mutating func heard(_ now: Instant) {
        guard phase == .ready else { return }
        silenceAt = advance(now) + Self.silenceLimit
    }

    /// The bridge has no answer, and says why. Its OpenD may have counted the request, and may still count it: a slot is kept
    /// as for one that was given up.
    package mutating func bridgeFailed(
        protoID: UInt32, serialNo: UInt32, _ status: Status, _ text: String, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Incoming {
        let now = advance(now)
        guard phase == .ready else {
            return received(protoID: protoID, serialNo: serialNo, now, &quota)
        }
        silenceAt = now + Self.silenceLimit
        guard let request = requests.takeAnswered(protoID: protoID, wireSerialNo: serialNo) else { return .nothing }
        giveUp(request, hadTime: true, now, &quota)
        tellWaiting(&quota)
        noteFailure(request, status, text)
        return .noAnswer(Completion(request: request, status: status, text: text))
    }

    /// The gateway refused a request for frequency.
    /// - Returns: nanoseconds until the quota group sends again; without a quota, until it is of use.
    private mutating func refused(_ refusal: FrequencyRefusal, _ now: Instant, _ quota: inout QuotaGroup) -> Instant {
        let wait = refusal.wait(orFor: quota.windowLength)
        guard !quota.isUnlimited else { return wait }
        let wasOpen = quota.gateClosed(now) == 0
        quota.closeGate(now, for: wait)
        let closed = quota.gateClosed(now)
        if wasOpen { log(.warning, Texts.gateClosed(closed.milliseconds)) }
        return closed
    }

    // MARK: - Slots of requests that were given up

    /// What becomes of the slot of a request that ends without an answer.
    /// - Parameter hadTime: whether its answer was waited for as long as it may take.
    mutating func giveUp(
        _ request: Request<Payload>, hadTime: Bool = false, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        guard request.holdsSlot else { return }
        guard request.wasSent else { return quota.giveBack() }
        if request.firstNumber != 0 { quota.firstEnded(request.firstNumber, isAnswered: hadTime) }
        unconfirmed.add(
            protoID: request.protoID, wireSerialNo: request.wireSerialNo,
            wasRead: highestAnswered > request.wireSerialNo, now, &quota)
    }

    /// The gateway answered the frame of this number: it has read all before it.
    private mutating func answered(_ serialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) {
        guard serialNo > highestAnswered else { return }
        highestAnswered = serialNo
        unconfirmed.read(before: serialNo, now, &quota)
    }

    // MARK: - Numbers

    private mutating func takeWireSerialNo() -> UInt32 {
        let serialNo = UInt32(truncatingIfNeeded: nextWireSerialNo)
        nextWireSerialNo += 1
        return serialNo
    }

    private mutating func takeSerialNo() -> UInt32 {
        // Once round, numbers that are still in use must be passed over.
        while nextSerialNo == 0 || (serialNosWrapped && requests.contains(serialNo: nextSerialNo)) {
            nextSerialNo &+= 1
            serialNosWrapped = true
        }
        defer { nextSerialNo &+= 1 }
        return nextSerialNo
    }
}
