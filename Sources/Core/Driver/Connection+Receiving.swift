import CSystem
import Codec

/// From the socket to the state machine and to callbacks.
extension Connection {
    /// How often in a row a full buffer is received before timers and other threads' wishes get their turn.
    private static var maxReceives: Int { 16 }

    /// - Returns: whether anything came, if only the end of the stream.
    @discardableResult
    func receive() -> Bool {
        for turn in 0..<Self.maxReceives {
            guard let stream = driving.stream, !driving.isFinished, !poller.isGone, !poller.isSocketTaken
            else { return turn > 0 }
            do throws(Cause) {
                let received = try stream.receive()
                if case .nothing = received { return turn > 0 }
                // Taken after receiving: every answer in here was sent before now, so its slot is not free too early.
                try handleAll(of: stream, Clock.now())
                if case .all = received { return true }
            } catch {
                streamLost(error)
                return true
            }
        }
        return true
    }

    private func handleAll(of stream: Stream, _ now: Instant) throws(Cause) {
        var batch = Batch(since: now)
        defer { end(&batch) }
        while driving.isReceiving, let inbound = try stream.next(driving.arena) {
            if stream.hasNext { begin(&batch) } else { end(&batch) }
            if handle(inbound, now) { performActions() }
            if batch.isOpen { sendIfDue(&batch) }
        }
    }

    /// - Returns: whether there are actions to perform before the next.
    @inline(__always)
    private func handle(_ inbound: Inbound, _ now: Instant) -> Bool {
        switch inbound {
        case .message(let message) where message.bridgeError != 0:
            handleError(message, now)
            return true
        case .message(let message): return handle(message, now)
        case .opened: state.with { $0.tell { machine, _ in machine.upgraded(now) } }
        case .heard: state.with { $0.tell { machine, _ in machine.heard(now) } }
        }
        return false
    }

    /// - Returns: whether there are actions to perform before the next.
    @inline(__always)
    private func handle(_ message: Message, _ now: Instant) -> Bool {
        let content = message.isIntact ? read(message) : nil
        let answer = message.isIntact ? AnswerSummary(content) : .damaged
        let (incoming, hasActions) = state.with { state in
            let incoming = state.tell {
                $0.received(protoID: message.protoID, serialNo: message.serialNo, answer: answer, now, &$1)
            }
            return (incoming, state.machine.hasActions)
        }
        switch incoming {
        case .answer(let request):
            options.callbacks.onAnswer(self, request, Answer(body: message.body, content: content))
        case .failure(let completion):
            options.callbacks.onCompletion(self, completion, Answer(body: message.body, content: content))
        case .handshake:
            handshake(message)
            return true
        case .push: push(message)
        case .late, .nothing: break
        }
        return hasActions
    }

    /// The body is read before the machine gives the slot back: what it says of the quota counts in the same step.
    @inline(__always)
    private func read(_ message: Message) -> AnswerContent? {
        if message.protoID == ProtoID.getCapitalDistribution {
            return AnswerContent(distribution: message.body, driving.arena)
        }
        // A push is read by the application alone.
        let isAwaited = state.with {
            $0.machine.isAwaited(protoID: message.protoID, serialNo: message.serialNo)
        }
        return isAwaited ? AnswerContent(other: message.body, driving.arena) : nil
    }

    private func push(_ message: Message) {
        guard message.isIntact, let callback = options.callbacks.onPush else { return }
        insideCallback {
            let body = message.body
            let bytes = body.isEmpty ? nil : body.baseAddress?.assumingMemoryBound(to: UInt8.self)
            callback(handle, message.protoID, bytes, body.count, options.callbacks.userData)
        }
    }

    private func handshake(_ answer: Message) {
        guard let stream = driving.stream else { return }
        do throws(Cause) {
            let handshake = try stream.handshake(answer, driving.arena)
            driving.connector.stood()
            state.with { $0.stands(handshake, Clock.now()) }
        } catch {
            attemptFailed(error)
        }
    }

    /// The bridge has no answer.
    private func handleError(_ message: Message, _ now: Instant) {
        let error = message.bridgeError
        let isTimeout = error == BridgeError.timeout || error == BridgeError.openDTimeout
        let text = Texts.bridgeFailed(error, SectionHeader.errorText(ofReply: message.body))
        let incoming = state.with { state in
            state.tell { machine, quota in
                machine.bridgeFailed(
                    protoID: message.protoID, serialNo: message.serialNo, isTimeout ? .replyTimeout : .refused, text,
                    now, &quota)
            }
        }
        switch incoming {
        case .handshake:
            attemptFailed(
                Cause(
                    isTimeout ? .connectTimeout : .connectFailed, .initConnect, Cause.InitConnectCode.unknown,
                    "InitWebSocket: \(text)"))
        case .failure(let completion): options.callbacks.onCompletion(self, completion, nil)
        default: break
        }
    }

    // MARK: - Batches

    /// What callbacks ask, where answers come many at a time: it goes out in one piece. With 64 in flight that is one system
    /// call where there would be 64, and a third of the processor's time.
    private struct Batch {
        /// When nothing was kept last.
        var since: Instant
        var isOpen = false

        /// A callback that takes longer than it takes to send does not hold up what those before it asked.
        static let longest: Instant = 100_000
        /// After one that took this long nothing is kept for a while.
        static let slow: Instant = 1_000_000
        static let pause: Instant = 1_000_000_000
    }

    /// Whether this thread is in a callback for an answer that another one follows at once.
    var isBatching: Bool {
        csystem_this_thread()?.pointee.batching == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    private func begin(_ batch: inout Batch) {
        guard !batch.isOpen, batch.since >= driving.batchesFrom else { return }
        batch.isOpen = true
        csystem_this_thread()?.pointee.batching = UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    private func end(_ batch: inout Batch) {
        guard batch.isOpen else { return }
        batch.isOpen = false
        csystem_this_thread()?.pointee.batching = nil
    }

    /// After a callback: sends what was kept for longer than it takes to send it.
    private func sendIfDue(_ batch: inout Batch) {
        let now = Clock.now()
        // In a child that the callback forked the stream is not ours.
        guard now - batch.since >= Batch.longest, !driving.isFinished else { return }
        if now - batch.since >= Batch.slow { driving.batchesFrom = now + Batch.pause }
        end(&batch)
        sendWaiting(isWritable: false)
        batch.since = Clock.now()
    }
}
