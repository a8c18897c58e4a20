/// The quota that several connections of a process share, and the order in which they get its slots. Pure, like
/// `SlidingWindow`.
///
/// If there are too few slots, the waiting connections take one slot each in turn, so that a long watch list on one
/// connection does not starve a single request on another. A connection that does not take its slot within
/// `claimDuration` loses its turn: an application may be slow to drive its connection, and must not delay the others.
///
/// A group without a history sends one request, and waits for its answer before it sends more. A program that was
/// restarted may have used up the quota before, and then the gateway would refuse a whole burst. The same holds after a
/// refusal because of the rate limit, which shows that others use the quota, too.
package struct QuotaGroup {
    /// The number of a connection in the group.
    package typealias Member = UInt64

    /// How long a free slot is reserved for the members whose turn it is.
    package static let claimDuration: TimeAmount = .milliseconds(20)

    /// What the group knows about the use of the gateway's quota.
    private enum Knowledge: Equatable {
        case nothing
        /// The first request, with this number, was sent. The others wait for its answer until then.
        case asking(number: UInt32, until: Instant)
        case enough
    }

    /// nil: no quota is kept.
    private var window: SlidingWindow?
    private var knowledge = Knowledge.nothing
    /// The number of the latest first request; 0 if there was none.
    private var firstNumber: UInt32 = 0
    /// Whether a member was told to wait for the answer to a first request.
    private var keptBack = false
    /// The length of the window, whether a quota is kept or not.
    package private(set) var windowLength: TimeAmount
    /// The history from before the group was set to keep no quota: it may be set to keep one again.
    private var remembered: SlidingWindow?
    /// The members that wait for a slot, in the order of their turns, and how many requests of each wait.
    private var waiters: [(member: Member, requests: Int)] = []
    /// Until when slots are reserved for the members whose turn it is.
    private var claimsEnd: Instant?
    /// Set when the waiting members should try again; cleared by `takeWakeUp`.
    private var wakeUp = false
    /// What one connection's answer is to the others.
    package var answers = SharedAnswers()

    /// - Parameters:
    ///   - limit: slots in a window; 0: no quota is kept.
    ///   - window: longer than zero.
    package init(limit: Int, window: TimeAmount) {
        self.window = limit > 0 ? SlidingWindow(limit: limit, window: window) : nil
        windowLength = window
    }

    /// Whether no quota is kept. Then every `reserve` succeeds, and no other function has an effect.
    package var isUnlimited: Bool { window == nil }

    /// Requests of the whole group that wait for a slot.
    package var waiting: Int { waiters.reduce(0) { $0 + $1.requests } }

    /// Slots in use.
    package mutating func used(_ now: Instant) -> Int { window?.used(now) ?? 0 }

    /// Whether the group has no history that still matters.
    package mutating func isIdle(_ now: Instant) -> Bool {
        (window?.isIdle(now) ?? true) && (remembered?.isIdle(now) ?? true)
    }

    /// The first instant at which a slot is free, for any member; nil if that depends on an answer.
    package mutating func nextFree(_ now: Instant) -> Instant? { window == nil ? now : window?.nextFree(now) }

    /// How long until the gate opens; zero when it is open.
    package mutating func gateClosed(_ now: Instant) -> TimeAmount { window?.gateClosed(now) ?? .zero }

    /// Sets how many requests of `member` wait for nothing but a slot.
    package mutating func setWaiting(_ member: Member, _ requests: Int) {
        guard window != nil else { return }
        if let index = waiters.firstIndex(where: { $0.member == member }) {
            if requests > 0 {
                waiters[index].requests = requests
            } else {
                waiters.remove(at: index)
                // Slots may have been reserved for this member.
                if claimsEnd != nil, !waiters.isEmpty { wakeUp = true }
            }
        } else if requests > 0 {
            waiters.append((member, requests))
        }
    }

    /// Takes a slot for `member`, if one is free and not reserved for another member.
    package mutating func reserve(_ member: Member, _ now: Instant) -> Bool {
        guard window != nil else { return true }
        let available = window?.available(now) ?? 0
        guard available > 0 else { return false }
        var ahead = turn(of: member)
        if ahead >= available, let end = claimsEnd, now >= end {
            // They did not take their turn in time: they go to the end of the queue.
            waiters.append(contentsOf: waiters[..<ahead])
            waiters.removeFirst(ahead)
            ahead = 0
        }
        guard ahead < available else {
            if claimsEnd == nil { claimsEnd = now + Self.claimDuration }
            return false
        }
        claimsEnd = nil
        let index = turn(of: member)
        if index < waiters.count { waiters.append(waiters.remove(at: index)) }
        return window?.reserve(now) ?? true
    }

    /// Until when nothing may be sent, because a first request has no answer yet; nil: requests may be sent. If the
    /// answer comes earlier, there is a wake-up.
    package mutating func mustWait(_ now: Instant) -> Instant? {
        guard case .asking(_, let until) = knowledge else { return nil }
        guard now < until else {
            knowledge = .enough
            return nil
        }
        keptBack = true
        return until
    }

    /// A request with a slot is sent.
    /// - Parameter until: when its reply timeout ends.
    /// - Returns: its number if it is a first request, for `firstEnded`; else 0.
    package mutating func sent(answerBy until: Instant) -> UInt32 {
        guard window != nil, knowledge == .nothing else { return 0 }
        firstNumber = firstNumber == .max ? 1 : firstNumber + 1
        knowledge = .asking(number: firstNumber, until: until)
        return firstNumber
    }

    /// A first request ended.
    /// - Parameter isAnswered: whether it was answered or timed out. If not, the next request is a first one, too.
    package mutating func firstEnded(_ number: UInt32, isAnswered: Bool) {
        guard case .asking(number, _) = knowledge else { return }
        knowledge = isAnswered ? .enough : .nothing
        if keptBack { wakeUp = true }
        keptBack = false
    }

    /// When `member` should try `reserve` again; nil if there will be a wake-up.
    package mutating func nextTry(_ member: Member, _ now: Instant) -> Instant? {
        guard let free = nextFree(now) else { return nil }
        return free > now ? free : max(now, claimsEnd ?? now)
    }

    /// See `SlidingWindow.giveBack`.
    package mutating func giveBack() {
        window?.giveBack()
        if !waiters.isEmpty { wakeUp = true }
    }

    /// See `SlidingWindow.confirm`.
    @discardableResult
    package mutating func confirm(_ now: Instant) -> Instant {
        let wasUnknown = !waiters.isEmpty && nextFree(now) == nil
        let release = window?.confirm(now) ?? now
        if wasUnknown { wakeUp = true }
        return release
    }

    /// See `SlidingWindow.extend`.
    package mutating func extend(_ release: Instant, _ now: Instant) -> Instant {
        window?.extend(release, now) ?? release
    }

    /// See `SlidingWindow.closeGate`.
    /// - Parameter duration: nil for one window.
    package mutating func closeGate(_ now: Instant, for duration: TimeAmount?) {
        guard let own = window?.window else { return }
        window?.closeGate(now, for: duration ?? own)
        knowledge = .nothing
    }

    /// Whether the waiting members should try again, because the time that they were told is no longer right. True only
    /// once.
    package mutating func takeWakeUp() -> Bool {
        defer { (wakeUp, answers.wakesUp) = (false, false) }
        return wakeUp || answers.wakesUp
    }

    /// Sets another limit and window for a group that has a history and no members.
    package mutating func adopt(limit: Int, window length: TimeAmount) {
        waiters.removeAll()
        claimsEnd = nil
        windowLength = length
        let known = window ?? remembered
        guard limit > 0 else {
            (window, remembered) = (nil, known)
            return
        }
        window = known?.with(limit: limit, window: length) ?? SlidingWindow(limit: limit, window: length)
        remembered = nil
    }

    /// Adapts a forked child's copy: the child never learns of the answers to the parent's requests.
    package mutating func inheritedByFork(_ now: Instant) {
        waiters.removeAll()
        claimsEnd = nil
        wakeUp = false
        keptBack = false
        answers.inheritedByFork()
        if case .asking = knowledge { knowledge = .nothing }
        while let held = window?.held, held > 0 { window?.confirm(now) }
    }

    /// How many waiting members are before `member`; all of them, if it does not wait.
    private func turn(of member: Member) -> Int {
        waiters.firstIndex { $0.member == member } ?? waiters.count
    }
}
