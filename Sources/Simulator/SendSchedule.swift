/// What is sent on one connection and when, without a socket or a clock: it puts the steps of many frames into order.
package struct SendSchedule {
    package enum Action: Equatable {
        case send([UInt8])
        case close
        case reset
    }

    /// Time between two pieces of one frame, in nanoseconds, so that they arrive separately.
    package static let pieceGap: Instant = 50_000
    /// If more pieces than this wait, nothing is read from the client until some are sent.
    private static let maxPieces = 65_536

    /// Frames that are not due yet, in the order of their time.
    private var later: [(at: Instant, steps: [WireStep])] = []
    private var held: [(bytes: [UInt8], how: WireStep.Hold)] = []
    private var heldUntil: Instant?
    /// Actions in order, from `first` on. An action may have to wait a little after the one before it.
    private var actions: [(action: Action, hasGap: Bool)] = []
    private var first = 0
    /// When the last piece was sent.
    private var lastSentAt: Instant = 0

    package init() {}

    package var isBehind: Bool { actions.count - first > Self.maxPieces }

    /// - Parameter at: when the frame is due.
    package mutating func add(_ steps: [WireStep], at: Instant, _ now: Instant) {
        guard at <= now else {
            let place = later.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
            return later.insert((at, steps), at: place)
        }
        // A held frame releases those that were held before it. Otherwise they could wait for each other forever.
        var glue: [UInt8] = []
        var behind: [UInt8] = []
        if !held.isEmpty, steps.contains(where: \.isFrame) {
            for kept in held {
                switch kept.how {
                case .glued: glue += kept.bytes
                case .after: behind += kept.bytes
                }
            }
            held = []
            heldUntil = nil
        }
        // Not after a frame that is cut off: without a digest, as over WebSocket, it would be taken for the missing
        // part.
        if steps.contains(.close) {
            glue = behind + glue
            behind = []
        }
        let mayHold = glue.isEmpty && behind.isEmpty
        var hasGap = false
        func put(_ bytes: [UInt8]) {
            actions.append((.send(glue + bytes), hasGap))
            glue = []
            hasGap = true
        }
        for step in steps {
            switch step {
            case .send(let bytes): put(bytes)
            case .sendLater(let bytes, let delay): add([.send(bytes)], at: now + max(delay, 0), now)
            case .hold(let bytes, let how) where mayHold:
                held.append((bytes, how))
                heldUntil = now + Fault.longestHold
            case .hold(let bytes, _): put(bytes)
            case .close:
                letGo()
                if !behind.isEmpty { actions.append((.send(behind), false)) }
                behind = []
                actions.append((.close, false))
            case .reset: actions.append((.reset, false))
            }
        }
        if !glue.isEmpty { put([]) }
        if !behind.isEmpty { actions.append((.send(behind), false)) }
    }

    /// Adds a frame that waits only for the rest of a frame that is being sent in pieces.
    package mutating func addBetween(_ frame: [UInt8]) {
        let place = actions[first...].firstIndex { !$0.hasGap } ?? actions.count
        actions.insert((.send(frame), false), at: place)
    }

    /// The next thing to do; nil: nothing is due.
    package mutating func next(_ now: Instant) -> Action? {
        while let frame = later.first, frame.at <= now {
            later.removeFirst()
            add(frame.steps, at: frame.at, now)
        }
        if let until = heldUntil, until <= now { letGo() }
        guard first < actions.count, isDue(now) else { return nil }
        let action = actions[first].action
        first += 1
        if first == actions.count {
            actions.removeAll(keepingCapacity: true)
            first = 0
        }
        if case .send = action { lastSentAt = now }
        return action
    }

    /// When there will be something to do; nil if there is nothing.
    package var nextTime: Instant? {
        let ready = first < actions.count ? (actions[first].hasGap ? lastSentAt + Self.pieceGap : .min) : nil
        return [later.first?.at, heldUntil, ready].compactMap { $0 }.min()
    }

    /// Sends frames that were held too long.
    private mutating func letGo() {
        for kept in held { actions.append((.send(kept.bytes), false)) }
        held = []
        heldUntil = nil
    }

    private func isDue(_ now: Instant) -> Bool { !actions[first].hasGap || now - lastSentAt >= Self.pieceGap }
}

extension WireStep {
    /// Whether the step sends a frame or a part of one.
    fileprivate var isFrame: Bool {
        switch self {
        case .send, .hold: true
        case .sendLater, .close, .reset: false
        }
    }
}
