import Codec
import Core

/// A state machine, with the state of its driver and its application. Each step is one that they could make.
final class FuzzedMachine {
    typealias Machine = ConnectionMachine<Int>

    private struct Asked {
        var serialNo: UInt32
        var protoID: UInt32
        var queueDeadline: Instant
        var replyTimeout: TimeAmount
        var isImpatient = false
        var maxAge = TimeAmount.zero
        var at = Instant.zero
        var wireSerialNo: UInt32 = 0
        var replyDeadline = Instant.max
        var isCancelled = false
        var isDone = false

        /// When it must have completed: a deadline is kept to the millisecond, rounded up.
        var deadline: Instant { (wireSerialNo == 0 ? queueDeadline : replyDeadline) + (millisecond - .nanosecond) }
    }

    private enum StreamState { case none, connecting, open, ready }

    /// Whether a callback of the application blocks the connection's thread. Then only other threads act.
    var isHeldUp = false
    private let member: UInt64
    private let quota: FuzzedQuota
    private let configuration: ConnectionConfiguration
    private var machine: Machine
    private var asked: [Asked] = []
    private var open: [Int] = []
    private var stream = StreamState.none
    private var streamNumber = 0
    /// On this stream: the next serial number, and InitConnect's.
    private var nextWireSerialNo: UInt64 = 0
    private var initConnectSerialNo: UInt32?
    private var isReady = false
    private var isFailed = false
    private var isReleased = false
    private var isOver = false
    /// When the machine must be called at the latest, whatever requests there are.
    private var lifeDeadline = Instant.max
    private var latest = Instant.min

    init(_ member: UInt64, _ quota: FuzzedQuota, _ script: inout Script) {
        self.member = member
        self.quota = quota
        var configuration = ConnectionConfiguration()
        configuration.reconnects = !script.oneIn(4)
        configuration.maxQueue = script.pick([1, 3, 4096])
        configuration.terms.queueTimeout = .milliseconds(Int64(script.pick([1, 2_000, 120_000])))
        configuration.terms.replyTimeout = .milliseconds(Int64(script.pick([1, 2_000, 12_000])))
        configuration.connectTimeout = .milliseconds(Int64(script.pick([1, 3_000])))
        configuration.firstWireSerialNo = script.pick([1, 1, .max - 3, .max])
        configuration.seed = UInt64(script.byte())
        configuration.tellsAttempts = true
        self.configuration = configuration
        machine = Machine(configuration, member: member, key: { [UInt8(truncatingIfNeeded: $0 & 3)] })
    }

    var wakeAt: Instant { machine.wakeAt }

    // MARK: - The application, from any thread

    func ask(_ script: inout Script, _ now: Instant) {
        let choice = script.byte()
        let isRaw = choice & 3 == 3
        let protoID = isRaw ? ProtoID.getGlobalState : ProtoID.getCapitalDistribution
        let queueTimeout = choice & 4 != 0 ? TimeAmount.milliseconds(Int64(choice >> 4) * 100) + .nanosecond : nil
        let replyTimeout = choice & 8 != 0 ? TimeAmount.milliseconds(Int64(choice >> 4) * 100) + .nanosecond : nil
        let isImpatient = choice & 128 != 0
        var terms = configuration.terms
        if let queueTimeout { terms.queueTimeout = queueTimeout }
        if let replyTimeout { terms.replyTimeout = replyTimeout }
        terms.failsWithoutSlot = choice & 16 != 0
        terms.failsInOutage = isImpatient
        terms.isRaw = isRaw
        // Inputs of before have it, too: every fourth request or so.
        if choice & 0x42 == 0x42 { terms.maxAge = .milliseconds(Int64(choice)) }
        let result = machine.ask(asked.count, protoID: protoID, terms, see(now), &quota.group)
        switch result {
        case .success(let serialNo):
            require(!isReleased && !isFailed, "nothing is accepted that cannot be sent any more")
            require(open.count < configuration.maxQueue, "no more than max_queue requests are accepted")
            require(serialNo != 0, "no request has the number 0")
            require(!open.contains { asked[$0].serialNo == serialNo }, "no two open requests have one number")
            open.append(asked.count)
            asked.append(
                Asked(
                    serialNo: serialNo, protoID: protoID,
                    queueDeadline: latest + terms.queueTimeout,
                    replyTimeout: terms.replyTimeout, isImpatient: isImpatient, maxAge: terms.maxAge, at: latest))
        case .failure(let refusal):
            switch refusal.status {
            case .released: require(isReleased, "refused as released")
            case .notConnected: require(isFailed || isHeldUp, "refused as not connected")
            case .queueFull: require(open.count >= configuration.maxQueue, "refused for a queue that is not full")
            case .quotaExhausted: require(choice & 16 != 0 && !isRaw && quota.limit > 0, "refused for the quota")
            default:
                require(isImpatient && (isHeldUp || !isReady), "refused as \(refusal.status)")
                require(machine.outage?.status == refusal.status, "refused for another outage")
            }
        }
    }

    func cancel(_ index: UInt8, _ now: Instant) {
        guard let token = pick(index) else { return }
        if machine.cancel(asked[token].serialNo, see(now), &quota.group) {
            require(!asked[token].isCancelled, "no request can be cancelled twice")
            asked[token].isCancelled = true
            gaveUp(token, now)
        } else {
            require(isHeldUp || isReleased, "a request that is not complete can be cancelled")
        }
    }

    func withdraw(_ index: UInt8, _ now: Instant) {
        guard let token = pick(index) else { return }
        guard let completion = machine.withdraw(asked[token].serialNo, see(now), &quota.group) else {
            return require(false, "a request whose completion has not come can be withdrawn")
        }
        require(completion.request.payload == token, "what is withdrawn is what was asked for")
        gaveUp(token, now)
        done(token)
    }

    func release(_ now: Instant) {
        guard !isReleased else { return }
        isReleased = true
        machine.release(see(now), &quota.group)
        for token in open where asked[token].wireSerialNo != 0 { gaveUp(token, now) }
        drive(now)
    }

    /// The callback that blocked the thread returns, and everything ends.
    func end(_ now: Instant) {
        isHeldUp = false
        release(now)
        drive(now)
        require(isOver, "a released connection is closed at once")
        require(open.isEmpty, "every accepted request completes")
    }

    // MARK: - The connection's thread

    func start(_ now: Instant) {
        machine.start(see(now))
        drive(now)
    }

    func connect(_ now: Instant) {
        guard !isHeldUp, stream == .connecting else { return }
        stream = .open
        nextWireSerialNo = 0
        initConnectSerialNo = nil
        machine.connected(see(now))
    }

    func failAttempt(isFinal: Bool, _ now: Instant) {
        guard !isHeldUp, stream == .connecting || stream == .open else { return }
        let cause = Cause(.connectFailed, .connect, 111, "refused", isFinal: isFinal)
        machine.attemptFailed(cause, see(now), &quota.group)
    }

    func shakeHands(keepAliveInterval: Int32, _ now: Instant) {
        guard !isHeldUp, stream == .open, let serialNo = initConnectSerialNo else { return }
        let incoming = machine.received(
            protoID: ProtoID.initConnect, serialNo: serialNo, see(now), &quota.group)
        guard case .handshake = incoming else { return require(false, "InitConnect's answer is not the handshake") }
        machine.handshakeSucceeded(keepAliveInterval: keepAliveInterval, see(now), &quota.group)
        stream = .ready
        lifeDeadline = latest + Machine.silenceLimit
    }

    /// The gateway answers a request of this stream, also one that was given up; perhaps with a refusal because of the
    /// rate limit.
    func answer(_ index: UInt8, _ now: Instant, refusal: FrequencyRefusal? = nil) {
        let sent = asked.indices.suffix(64).filter { asked[$0].wireSerialNo != 0 }
        guard !sent.isEmpty else { return }
        let request = asked[sent[Int(index) % sent.count]]
        let isCounted = request.protoID == ProtoID.getCapitalDistribution
        receive(protoID: request.protoID, serialNo: request.wireSerialNo, refusal: isCounted ? refusal : nil, now)
    }

    func receive(protoID: UInt32, serialNo: UInt32, refusal: FrequencyRefusal? = nil, _ now: Instant) {
        guard !isHeldUp, stream == .open || stream == .ready else { return }
        let body: StaticString = "answer"
        let incoming = machine.received(
            protoID: protoID, serialNo: serialNo, answer: summary(refusal),
            body: UnsafeRawBufferPointer(start: body.utf8Start, count: body.utf8CodeUnitCount), see(now), &quota.group)
        switch incoming {
        case .handshake:
            require(stream == .open && serialNo == initConnectSerialNo, "that was no answer to InitConnect")
            machine.attemptFailed(Cause(.protocolError, .initConnect, 0, "damaged"), now, &quota.group)
            return
        case .answer(let request): answered(request, protoID: protoID, serialNo, retryAfter: .zero, refusal, now)
        case .failure(let completion):
            require((completion.status == .rateLimited) == (refusal != nil), "a refusal for frequency is told as one")
            answered(completion.request, protoID: protoID, serialNo, retryAfter: completion.retryAfter, refusal, now)
        case .late:
            quota.answered(member, streamNumber, serialNo, now)
            if let refusal { quota.closed(for: refusal.wait(orFor: quota.window), now) }
            quota.read(member, streamNumber, before: serialNo, now)
        case .push:
            require(stream == .ready, "no push before the handshake")
            require(
                protoID != ProtoID.getCapitalDistribution && protoID != ProtoID.keepAlive
                    && protoID != ProtoID.initConnect, "an answer taken for a push")
        case .nothing:
            if protoID == ProtoID.keepAlive, UInt64(serialNo) < nextWireSerialNo, stream == .ready {
                quota.read(member, streamNumber, before: serialNo, now)
            }
        }
        if stream == .ready { lifeDeadline = latest + Machine.silenceLimit }
    }

    private func summary(_ refusal: FrequencyRefusal?) -> AnswerSummary {
        guard let refusal else { return .success }
        return .refusal(retType: -1, words: "频率太高" + (refusal.seconds.map { "，每\($0)秒最多1次" } ?? ""))
    }

    private func answered(
        _ request: Request<Int>, protoID: UInt32, _ serialNo: UInt32, retryAfter: TimeAmount,
        _ refusal: FrequencyRefusal?,
        _ now: Instant
    ) {
        let token = request.payload
        require(stream == .ready, "no request is answered before the handshake")
        require(
            asked[token].wireSerialNo == serialNo && asked[token].protoID == protoID, "another request's answer")
        quota.answered(member, streamNumber, serialNo, now)
        require((retryAfter > .zero) == (refusal != nil), "a refusal for frequency tells how long to wait")
        if let refusal {
            let named = refusal.wait(orFor: quota.window)
            require(retryAfter >= named, "the gate stays closed for as long as the gateway said")
            quota.closed(for: named, now)
        }
        done(token)
        quota.read(member, streamNumber, before: serialNo, now)
    }

    func loseStream(_ now: Instant) {
        guard !isHeldUp, stream == .open || stream == .ready else { return }
        machine.streamLost(Cause(.disconnected, .receive, 0, "closed"), see(now), &quota.group)
        quota.streamLost(member, streamNumber, now)
    }

    func tick(_ now: Instant) {
        guard !isHeldUp, !isOver else { return }
        machine.tick(see(now), &quota.group)
        drive(now)
        require(open.allSatisfy { asked[$0].deadline >= now }, "a request that is due completes")
    }

    /// Performs the actions and sends, as the driver does after every event. Then checks the invariants.
    func drive(_ now: Instant) {
        guard !isHeldUp, !isOver else { return }
        repeat {
            machine.settle(see(now), &quota.group)
            while let action = machine.popAction() { perform(action, max(now, latest)) }
            while stream == .open || stream == .ready, let next = machine.nextToSend(see(now), &quota.group) {
                send(next, now)
            }
        } while machine.hasActions
        require(machine.requestCount == open.count, "the machine knows the requests that are open")
        guard !isReleased else { return }
        let next = min(open.map { asked[$0].deadline }.min() ?? .max, lifeDeadline)
        require(machine.wakeAt <= next, "it wants to be woken at \(machine.wakeAt), later than \(next)")
    }
}

extension FuzzedMachine {
    private func perform(_ action: Machine.Action, _ now: Instant) {
        require(!isOver, "nothing comes after closed")
        switch action {
        case .connect:
            require(stream == .none, "one stream at a time")
            stream = .connecting
            streamNumber += 1
            lifeDeadline = now + configuration.connectTimeout
        case .closeStream:
            machine.streamClosed(now, &quota.group)
            quota.read(member, streamNumber, before: nil, now)
            stream = .none
            lifeDeadline = isReleased ? .max : now + configuration.maxBackoff
        case .initConnect(let cause):
            require(!isReleased && !isFailed && !isReady, "a connection becomes ready once, and not after release")
            isReady = cause == nil
            guard let cause else { break }
            require(!configuration.reconnects || cause.isFinal, "given up though it reconnects")
            isFailed = true
            lifeDeadline = .max
        case .disconnect:
            require(!isReleased && isReady, "a disconnect is told of a ready connection, and not after release")
            isReady = false
            isFailed = !configuration.reconnects
            if isFailed { lifeDeadline = .max }
        case .complete(let completion): complete(completion, now)
        case .attemptFailed:
            require(!isReleased && !isReady && configuration.reconnects, "an attempt that failed and is repeated")
        case .log: break
        case .closed:
            require(isReleased && open.isEmpty, "closed comes after release and every completion")
            isOver = true
        }
    }

    private func complete(_ completion: Machine.Completion, _ now: Instant) {
        let token = completion.request.payload
        let request = asked[token]
        let wasSent = request.wireSerialNo != 0
        require(completion.request.wasSent == wasSent, "was_sent tells whether it was sent")
        require(request.isCancelled == (completion.status == .cancelled), "cancelled is what was cancelled")
        require(
            (completion.shared != nil) == (completion.status == .ok), "an answer without one of the gateway's is shared"
        )
        switch completion.status {
        case .cancelled: break
        case .ok:
            let age = completion.shared?.age ?? TimeAmount(nanoseconds: -1)
            require(
                !wasSent && request.maxAge > .zero, "a shared answer is for a request that takes one and was not sent")
            require(
                age >= .zero && (age <= request.maxAge || age <= now - request.at), "no answer is older than it may be")
        case .quotaExhausted:
            require(
                !wasSent && request.maxAge > .zero && quota.limit > 0,
                "no slot for one that waited for another's answer")
        case .queueTimeout: require(!wasSent && now >= request.queueDeadline, "a queue timeout is not early")
        case .replyTimeout: require(wasSent && now >= request.replyDeadline, "a reply timeout is not early")
        case .rateLimited:
            require(!wasSent && completion.retryAfter > .zero, "kept back for a closed gate, and told how long")
        case .disconnected:
            require(
                wasSent || !configuration.reconnects || request.isImpatient,
                "what was not sent waits for the next stream"
            )
        case .connectFailed, .connectTimeout, .protocolError:
            require(
                !wasSent && (isFailed || request.isImpatient), "an attempt that failed ends only what does not wait")
        case .released: require(isReleased, "released")
        default: require(false, "completed as \(completion.status)")
        }
        gaveUp(token, hadTime: completion.status == .replyTimeout, now)
        done(token)
    }

    private func send(_ next: Machine.Outgoing, _ now: Instant) {
        switch next {
        case .initConnect(let serialNo):
            require(stream == .open && initConnectSerialNo == nil, "InitConnect comes first, and once")
            initConnectSerialNo = serialNo
            nextWireSerialNo = UInt64(serialNo) + 1
        case .keepAlive(let serialNo):
            require(stream == .ready, "no keep-alive before the handshake")
            took(serialNo)
        case .ping: require(stream == .ready, "no ping before the handshake")
        case .probe(let serialNo):
            require(stream == .ready, "no probe before the handshake")
            took(serialNo)
        case .request(let request):
            let token = request.payload
            require(stream == .ready && !asked[token].isDone, "only open requests are sent, after the handshake")
            require(asked[token].wireSerialNo == 0, "no request is sent twice")
            require(asked[token].queueDeadline > latest, "what should have timed out is not sent")
            took(request.wireSerialNo)
            asked[token].wireSerialNo = request.wireSerialNo
            asked[token].replyDeadline = latest + asked[token].replyTimeout
            if request.protoID == ProtoID.getCapitalDistribution {
                quota.sent(
                    member, streamNumber, request.wireSerialNo, answerBy: asked[token].replyDeadline, now)
            }
        }
    }

    private func took(_ wireSerialNo: UInt32) {
        require(UInt64(wireSerialNo) >= nextWireSerialNo && wireSerialNo != 0, "serial numbers increase on a stream")
        nextWireSerialNo = UInt64(wireSerialNo) + 1
    }

    private func gaveUp(_ token: Int, hadTime: Bool = false, _ now: Instant) {
        guard asked[token].wireSerialNo != 0 else { return }
        quota.gaveUp(member, streamNumber, asked[token].wireSerialNo, hadTime: hadTime, now)
    }

    private func done(_ token: Int) {
        require(!asked[token].isDone, "no request completes twice")
        asked[token].isDone = true
        open.removeAll { $0 == token }
    }

    private func pick(_ index: UInt8) -> Int? { open.isEmpty ? nil : open[Int(index) % open.count] }

    private func see(_ now: Instant) -> Instant {
        latest = max(latest, now)
        return now
    }
}
