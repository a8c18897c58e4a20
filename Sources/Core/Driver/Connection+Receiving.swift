import CSystem
import Codec

/// Receiving: from the socket to the state machine and to callbacks.
extension Connection {
    /// How many full buffers are received in a row before timers and other threads' requests get their turn.
    private static var maxReceives: Int { 16 }

    /// - Returns: whether anything was received, even if only the end of the stream.
    @discardableResult
    func receive() -> Bool {
        for turn in 0..<Self.maxReceives {
            guard let stream = driving.stream, !driving.isFinished, !poller.isGone, !poller.isSocketTaken
            else { return turn > 0 }
            do throws(Cause) {
                let received = try stream.receive()
                if case .nothing = received { return turn > 0 }
                // The clock is read after receiving. Every answer here was sent before, so no slot is free too early.
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
                $0.received(
                    protoID: message.protoID, serialNo: message.serialNo, answer: answer, body: message.body, now, &$1)
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

    /// Decodes the body before the machine gives the slot back, because a refusal because of the rate limit counts in
    /// the same step.
    @inline(__always)
    private func read(_ message: Message) -> AnswerContent? {
        if message.protoID == ProtoID.getCapitalDistribution {
            return AnswerContent(distribution: message.body, driving.arena)
        }
        // Only the application decodes pushes.
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
            let gateway = driving.connector.gateway
            state.with { $0.stands(handshake, gateway, Clock.now()) }
        } catch {
            attemptFailed(error)
        }
    }

    /// The bridge reports that it has no answer.
    private func handleError(_ message: Message, _ now: Instant) {
        let words = SectionHeader.errorText(ofReply: message.body)
        let completion = state.with { state in
            state.tell { machine, quota in
                machine.bridgeFailed(
                    protoID: message.protoID, serialNo: message.serialNo, error: message.bridgeError, words: words, now,
                    &quota)
            }
        }
        if let completion { options.callbacks.onCompletion(self, completion, nil) }
    }

    // MARK: - Batches

    /// If many answers arrive together, the requests that their callbacks make are collected, and sent with one system
    /// call. With 64 in flight that is one call instead of 64, for 1 % more instructions.
    private struct Batch {
        /// The last instant at which no request was waiting here.
        var since: Instant
        var isOpen = false

        /// Requests wait at most this long here before they are sent, so that a slow callback does not delay those made
        /// before it.
        static let longest: TimeAmount = .microseconds(100)
        /// If they had to wait this long, nothing is collected for `pause`.
        static let slow: TimeAmount = .milliseconds(1)
        static let pause: TimeAmount = .seconds(1)
    }

    /// Whether this thread is in a callback for an answer, and the next answer is here already.
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

    /// After a callback: sends the collected requests, if they have waited for `longest`.
    private func sendIfDue(_ batch: inout Batch) {
        let now = Clock.now()
        // In a child that the callback forked, the stream is the parent's.
        guard now - batch.since >= Batch.longest, !driving.isFinished else { return }
        if now - batch.since >= Batch.slow { driving.batchesFrom = now + Batch.pause }
        end(&batch)
        sendWaiting(isWritable: false)
        batch.since = Clock.now()
    }
}
