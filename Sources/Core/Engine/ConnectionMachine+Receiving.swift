import Codec

/// Frames from the gateway.
extension ConnectionMachine {
    /// Whether a request waits for this answer. Then its body must be read before `received` is called.
    package func isAwaited(protoID: UInt32, serialNo: UInt32) -> Bool {
        requests.isAwaited(protoID: protoID, wireSerialNo: serialNo)
    }

    /// A whole frame was received.
    /// - Parameters:
    ///   - answer: the summary of its body, if it answers a request.
    ///   - body: its body, which is kept if answers are shared.
    package mutating func received(
        protoID: UInt32, serialNo: UInt32, answer: AnswerSummary = .success,
        body: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), _ now: Instant,
        _ quota: inout QuotaGroup
    ) -> Incoming {
        let now = advance(now)
        // On a stream that is not ready nothing was sent.
        let request = requests.takeAnswered(protoID: protoID, wireSerialNo: serialNo)
        guard case .ready(var ready) = phase else {
            guard case .handshaking(_, isFirstMessageSent: true) = phase,
                protoID == endpoint.transport.firstMessageID, serialNo == configuration.firstWireSerialNo
            else { return .nothing }
            return .handshake
        }
        ready.silenceAt = now + Self.silenceLimit
        let isNews = request != nil && ready.answered(serialNo)
        phase = .ready(ready)
        guard let request else { return receivedOther(protoID, serialNo, answer, now, &quota) }
        if request.holdsSlot {
            quota.confirm(now)
            if request.firstNumber != 0 { quota.firstEnded(request.firstNumber, isAnswered: true) }
        }
        // In the same step in which the slot is given back, so that nothing is sent in between.
        var failure: Completion?
        if case .success = answer {} else { failure = self.failure(request, answer, now, &quota) }
        if request.question != 0 { share(answer, failure, of: request.question, body, now, &quota) }
        if isNews { unconfirmed.read(before: serialNo, now, &quota) }
        return failure.map { .failure($0) } ?? .answer(request)
    }

    /// Handles a frame that does not answer a waiting request.
    private mutating func receivedOther(
        _ protoID: UInt32, _ serialNo: UInt32, _ answer: AnswerSummary, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Incoming {
        if protoID == ProtoID.keepAlive {
            answered(serialNo, now, &quota)
            return .nothing
        }
        if unconfirmed.answered(protoID: protoID, wireSerialNo: serialNo, now, &quota) {
            answered(serialNo, now, &quota)
            if case .refusal(_, let words) = answer { refusedForFrequency(protoID, words, now, &quota) }
            log(.debug, Texts.lateAnswer(protoID))
            return .late
        }
        if protoID == ProtoID.getGlobalState, probesAnswered(by: serialNo) {
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

    /// A frame that is not a message was received, such as a pong: a sign of life.
    package mutating func heard(_ now: Instant) {
        guard case .ready(var ready) = phase else { return }
        ready.silenceAt = advance(now) + Self.silenceLimit
        phase = .ready(ready)
    }

    /// The bridge reports that it has no answer. OpenD may have counted the request, or may still count it, so its slot
    /// is kept as for a request that was given up.
    /// - Parameter words: the bridge's error text.
    /// - Returns: the completion of the request that waited for the answer, if there is one.
    package mutating func bridgeFailed(
        protoID: UInt32, serialNo: UInt32, error: Int32, words: String, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Completion? {
        let now = advance(now)
        let isTimeout = error == BridgeError.timeout || error == BridgeError.openDTimeout
        let text = Texts.bridgeFailed(error, words)
        guard isReady else {
            if case .handshake = received(protoID: protoID, serialNo: serialNo, now, &quota) {
                let status = isTimeout ? Status.connectTimeout : .connectFailed
                let cause = Cause(status, .initConnect, Cause.InitConnectCode.unknown, "InitWebSocket: \(text)")
                attemptFailed(cause, now, &quota)
            }
            return nil
        }
        heard(now)
        guard let request = requests.takeAnswered(protoID: protoID, wireSerialNo: serialNo) else { return nil }
        giveUp(request, hadTime: true, now, &quota)
        tellWaiting(&quota)
        let status = isTimeout ? Status.replyTimeout : .refused
        noteFailure(request, status, text)
        return Completion(request: request, status: status, text: text, retry: Retry(status))
    }

    // MARK: - Slots of requests that were given up

    /// Gives back or keeps the slot of a request that ends without an answer.
    /// - Parameter hadTime: whether the request timed out, or the bridge reported that it has no answer.
    mutating func giveUp(
        _ request: Request<Payload>, hadTime: Bool = false, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        if request.question != 0 { leaveQuestion(request, &quota) }
        guard request.holdsSlot else { return }
        guard request.wasSent else { return quota.giveBack() }
        if request.firstNumber != 0 { quota.firstEnded(request.firstNumber, isAnswered: hadTime) }
        unconfirmed.add(
            protoID: request.protoID, wireSerialNo: request.wireSerialNo,
            wasRead: highestAnswered > request.wireSerialNo, now, &quota)
    }

    /// The gateway answered the frame with this number, so it has read all frames before it.
    private mutating func answered(_ serialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) {
        guard case .ready(var ready) = phase, ready.answered(serialNo) else { return }
        phase = .ready(ready)
        unconfirmed.read(before: serialNo, now, &quota)
    }

    private mutating func probesAnswered(by serialNo: UInt32) -> Bool {
        guard case .ready(var ready) = phase, ready.probeAnswered(serialNo) else { return false }
        phase = .ready(ready)
        return true
    }
}
