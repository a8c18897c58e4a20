/// The quota that several connections of a process share, and their turns at it. Pure, as `SlidingWindow` is.
///
/// When slots are scarce each connection that waits takes one in turn, so that a long watch list on one does not starve a
/// single request on another. A connection that does not take its turn within `claimDuration` loses it: an application
/// may be slow to drive its own connection, and must not hold up the others.
///
/// A group that knows nothing of the window's past sends one request and waits for its answer before it sends more: a
/// program that was restarted may have used the quota up before, and would have all of a burst refused. The same holds
/// after a refusal for frequency, which shows that somebody else uses the quota.
package struct QuotaGroup {
    /// Names a connection within the group.
    package typealias Member = UInt64

    /// How long a free slot is kept for those whose turn it is, in nanoseconds.
    package static let claimDuration: Instant = 20_000_000

    /// What is known of how the gateway's quota stands.
    private enum Knowledge: Equatable {
        case nothing
        /// The first request of this number is on its way; its answer is waited for until then.
        case asking(number: UInt32, until: Instant)
        case enough
    }

    /// nil: no quota is kept.
    private var window: SlidingWindow?
    private var knowledge = Knowledge.nothing
    /// Of the last first request; 0 is none's.
    private var firstNumber: UInt32 = 0
    /// Whether somebody was told to wait for a first request's answer.
    private var keptBack = false
    /// The length of the window, whether a quota is kept or not, in nanoseconds.
    package private(set) var windowLength: Instant
    /// What was known when the group was told to keep no quota: it may be told otherwise again.
    private var remembered: SlidingWindow?
    /// Those who wait for a slot, in the order of their turns, each with how many requests.
    private var waiters: [(member: Member, requests: Int)] = []
    /// Until when slots are kept for those ahead.
    private var claimsEnd: Instant?
    /// Set when those who wait should look again; cleared by `takeWakeUp`.
    private var wakeUp = false

    /// - Parameters:
    ///   - limit: slots a window; 0 keeps no quota.
    ///   - window: nanoseconds, 1 or more.
    package init(limit: Int, window: Instant) {
        self.window = limit > 0 ? SlidingWindow(limit: limit, window: window) : nil
        windowLength = window
    }

    /// Whether no quota is kept: then every `reserve` succeeds and nothing else has an effect.
    package var isUnlimited: Bool { window == nil }

    /// Requests of the whole group that wait for a slot.
    package var waiting: Int { waiters.reduce(0) { $0 + $1.requests } }

    /// Slots in use.
    package mutating func used(_ now: Instant) -> Int { window?.used(now) ?? 0 }

    /// Whether nothing remains to be remembered.
    package mutating func isIdle(_ now: Instant) -> Bool {
        (window?.isIdle(now) ?? true) && (remembered?.isIdle(now) ?? true)
    }

    /// The first instant at which a slot is free whoever takes it; nil when only an answer can tell.
    package mutating func nextFree(_ now: Instant) -> Instant? { window == nil ? now : window?.nextFree(now) }

    /// Nanoseconds until the gate opens; 0 when it is open.
    package mutating func gateClosed(_ now: Instant) -> Instant { window?.gateClosed(now) ?? 0 }

    /// Tells how many requests of `member` wait for a slot and could be sent if they had one.
    package mutating func setWaiting(_ member: Member, _ requests: Int) {
        guard window != nil else { return }
        if let index = waiters.firstIndex(where: { $0.member == member }) {
            if requests > 0 {
                waiters[index].requests = requests
            } else {
                waiters.remove(at: index)
                // Others may have been kept back for this member's sake.
                if claimsEnd != nil, !waiters.isEmpty { wakeUp = true }
            }
        } else if requests > 0 {
            waiters.append((member, requests))
        }
    }

    /// Takes a slot for `member`, if one is free that is not kept for somebody else.
    package mutating func reserve(_ member: Member, _ now: Instant) -> Bool {
        guard window != nil else { return true }
        let available = window?.available(now) ?? 0
        guard available > 0 else { return false }
        var ahead = turn(of: member)
        if ahead >= available, let end = claimsEnd, now >= end {
            // Their time is over: they go behind everyone who is still awake.
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

    /// Until when nothing may be sent at the latest, since a first request is not answered; nil: it may. A wake-up tells
    /// if it is earlier.
    package mutating func mustWait(_ now: Instant) -> Instant? {
        guard case .asking(_, let until) = knowledge else { return nil }
        guard now < until else {
            knowledge = .enough
            return nil
        }
        keptBack = true
        return until
    }

    /// A request that has a slot is sent.
    /// - Parameter until: how long its answer may take.
    /// - Returns: the number of a first request, to be told when it ends; 0: it is none.
    package mutating func sent(answerBy until: Instant) -> UInt32 {
        guard window != nil, knowledge == .nothing else { return 0 }
        firstNumber = firstNumber == .max ? 1 : firstNumber + 1
        knowledge = .asking(number: firstNumber, until: until)
        return firstNumber
    }

    /// A first request ended.
    /// - Parameter isAnswered: or was given time enough; else the next request is a first one, too.
    package mutating func firstEnded(_ number: UInt32, isAnswered: Bool) {
        guard case .asking(number, _) = knowledge else { return }
        knowledge = isAnswered ? .enough : .nothing
        if keptBack { wakeUp = true }
        keptBack = false
    }

    /// When `member` should try `reserve` again; nil when a wake-up will tell.
    package mutating func nextTry(_ member: Member, _ now: Instant) -> Instant? {
        guard let free = nextFree(now) else { return nil }
        return free > now ? free : max(now, claimsEnd ?? now)
    }

    /// As `SlidingWindow.giveBack`.
    package mutating func giveBack() {
        window?.giveBack()
        if !waiters.isEmpty { wakeUp = true }
    }

    /// As `SlidingWindow.confirm`.
    @discardableResult
    package mutating func confirm(_ now: Instant) -> Instant {
        let wasUnknown = !waiters.isEmpty && nextFree(now) == nil
        let release = window?.confirm(now) ?? now
        if wasUnknown { wakeUp = true }
        return release
    }

    /// As `SlidingWindow.extend`.
    package mutating func extend(_ release: Instant, _ now: Instant) -> Instant {
        window?.extend(release, now) ?? release
    }

    /// As `SlidingWindow.closeGate`.
    /// - Parameter duration: nanoseconds; nil for one window.
    package mutating func closeGate(_ now: Instant, for duration: Instant?) {
        guard let own = window?.window else { return }
        window?.closeGate(now, for: duration ?? own)
        knowledge = .nothing
    }

    /// Whether those who wait should look again, since the time they were told is no longer right. Answers once.
    package mutating func takeWakeUp() -> Bool {
        defer { wakeUp = false }
        return wakeUp
    }

    /// New figures for a group that has history and no members.
    package mutating func adopt(limit: Int, window length: Instant) {
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

    /// What a forked child makes of its copy: the parent's requests are on their way and nobody here will hear of them.
    package mutating func inheritedByFork(_ now: Instant) {
        waiters.removeAll()
        claimsEnd = nil
        wakeUp = false
        keptBack = false
        if case .asking = knowledge { knowledge = .nothing }
        while let held = window?.held, held > 0 { window?.confirm(now) }
    }

    /// How many members are before `member`; the number of all that wait, if it does not wait itself.
    private func turn(of member: Member) -> Int {
        waiters.firstIndex { $0.member == member } ?? waiters.count
    }
}
