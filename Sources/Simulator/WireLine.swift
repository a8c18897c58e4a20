/// What goes out on one line and when, with no socket or clock: it puts the steps of many frames into their order.
package struct WireLine {
    package enum Action: Equatable {
        case send([UInt8])
        case close
        case reset
    }

    /// Time between two pieces of one frame, so that they arrive apart; nanoseconds.
    package static let pieceGap: Instant = 50_000
    /// More pieces than this wait: do not read from the client until some have gone.
    private static let maxPieces = 65_536

    /// Frames whose time has not come, in the order of their time.
    private var later: [(at: Instant, steps: [WireStep])] = []
    private var held: [(bytes: [UInt8], how: WireStep.Hold)] = []
    private var heldUntil: Instant?
    /// In their order from `first` on; an action may have to wait a little after the one before it.
    private var actions: [(action: Action, hasGap: Bool)] = []
    private var first = 0
    /// Of the last piece.
    private var lastSentAt: Instant = 0

    package init() {}

    package var isBehind: Bool { actions.count - first > Self.maxPieces }

    /// - Parameter at: when the frame is due.
    package mutating func add(_ steps: [WireStep], at: Instant, _ now: Instant) {
        guard at <= now else {
            let place = later.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
            return later.insert((at, steps), at: place)
        }
        // A frame that is held itself lets go of those held before, else they might wait for ever for one another.
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
        // Not behind what is cut: without a digest, as over WebSocket, it would be taken for the rest of that.
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

    /// Adds a frame that waits for no other, but for the rest of one that goes out in pieces.
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

    /// When there will be something to do; nil: never, as it stands.
    package var nextTime: Instant? {
        let ready = first < actions.count ? (actions[first].hasGap ? lastSentAt + Self.pieceGap : .min) : nil
        return [later.first?.at, heldUntil, ready].compactMap { $0 }.min()
    }

    /// Sends what was held in vain.
    private mutating func letGo() {
        for kept in held { actions.append((.send(kept.bytes), false)) }
        held = []
        heldUntil = nil
    }

    private func isDue(_ now: Instant) -> Bool { !actions[first].hasGap || now - lastSentAt >= Self.pieceGap }
}

extension WireStep {
    /// Whether it puts a frame, or a part of one, on the line or into its turn there.
    fileprivate var isFrame: Bool {
        switch self {
        case .send, .hold: true
        case .sendLater, .close, .reset: false
        }
    }
}
