import Codec
import Glibc

/// What all threads know of a connection: the state machine, the timer, and who drives. Held briefly, and never across
/// a system call that may take long.
struct SharedState {
    typealias Machine = Connection.Machine

    private(set) var machine: Machine
    /// Kept alive by the connection: to count another reference on every event costs 1 % of a request's instructions.
    private let quota: Unmanaged<SharedQuota>
    private let poller: Poller
    /// When the timer is set to.
    private(set) var timerAt = Instant.max
    /// Of the last handshake.
    private(set) var handshake = Handshake()
    /// In thread mode.
    var thread = ThreadRecord()
    /// In application-driven mode: whether one of the application's threads drives.
    private var isDriven = false
    var addressQuestion = AddressQuestion()
    /// The machine's next serial number when the thread waited last, and whether it waited for longer than a second for
    /// it.
    private var askedBefore: UInt32 = 1
    private var isQuiet = true

    init(_ machine: Machine, _ quota: SharedQuota, _ poller: Poller) {
        self.machine = machine
        self.quota = .passUnretained(quota)
        self.poller = poller
    }

    // MARK: - The machine

    /// Tells the machine of an event.
    @inline(__always)
    mutating func tell<R>(_ event: (inout Machine, inout QuotaGroup) -> R) -> R {
        quota._withUnsafeGuaranteedRef { $0.with { event(&machine, &$0) } }
    }

    mutating func popAction() -> Machine.Action? { machine.popAction() }

    mutating func nextToSend(_ now: Instant) -> Machine.Outgoing? {
        guard machine.mayHaveToSend else { return nil }
        return tell { $0.nextToSend(now, &$1) }
    }

    mutating func stands(_ handshake: Handshake, _ now: Instant) {
        self.handshake = handshake
        tell { $0.handshakeSucceeded(keepAliveInterval: handshake.keepAliveInterval, now, &$1) }
    }

    var isReleased: Bool { if case .released = machine.state { true } else { false } }

    /// Whether there is nothing more to drive: it is released, all is told, and who told it is done.
    var isOver: Bool { isReleased && !machine.hasActions && !isDriven }

    /// Whether a connection stands, has failed for good or is released, and a sentence if it does not stand; nil: none
    /// of these.
    var readiness: (Status, String)? {
        switch machine.state {
        case .ready: (.ok, "")
        case .failed(let cause): (cause.status, cause.text)
        case .released: (.released, Texts.released)
        case .connecting: nil
        }
    }

    // MARK: - The thread that drives

    /// In application-driven mode.
    /// - Returns: `.ok`, or why the calling thread is not to drive: `.busy`, `.released`.
    mutating func takeTurn() -> Status {
        if isDriven { return .busy }
        if isOver { return .released }
        isDriven = true
        return .ok
    }

    mutating func endTurn() { isDriven = false }

    /// Sets the timer no later than the machine needs it, and than `other`. While the connection is not released.
    mutating func rearm(_ other: Instant = .max) {
        let at = min(machine.wakeAt, other)
        guard at < timerAt else { return }
        timerAt = at
        poller.setTimer(at)
    }

    mutating func timerFired(_ now: Instant) {
        timerAt = .max
        tell { $0.tick(now, &$1) }
    }

    /// After an event on another thread than the one that drives.
    mutating func handOver() {
        if thread.waitsLong { rouse() }
        rearm()
        if machine.hasActions { poller.wake() }
    }

    // MARK: - The connection's own thread, when nothing is asked

    /// Before the thread waits.
    /// - Parameter isIdle: whether the wait before came to its end with nothing.
    /// - Returns: when a timer is due, if the thread may wait for that; .min: requests come.
    mutating func beginWait(isIdle: Bool) -> Instant {
        if machine.nextSerialNo != askedBefore {
            askedBefore = machine.nextSerialNo
            isQuiet = false
            return .min
        }
        guard isQuiet || isIdle, machine.requestCount == 0, !poller.isGone else { return .min }
        isQuiet = true
        thread.beginLongWait()
        return timerAt
    }

    /// The thread looks every second again while requests are under way. One that waits for long sees nothing of what
    /// the application closes: who asks first looks in its place.
    private mutating func rouse() {
        guard thread.rouse() else { return }
        poller.checkSocket()
        if poller.isIntact { poller.wake() } else { loseDescriptors() }
    }

    /// Nothing can be waited for any more: fails for good. What has the numbers now is left alone.
    mutating func loseDescriptors() {
        poller.giveUp()
        tell { $0.fail(Connection.closedByApplication(isFinal: true), Clock.now(), &$1) }
        thread.endLongWait(isCancelled: true)
    }
}

/// The connection's thread. Where a runtime ends it inside a callback, another one takes its place.
struct ThreadRecord {
    private(set) var id = pthread_t()
    /// How many came before it, and which of them a release waits for; an id may be given again.
    private var number = 0
    private var joinedNumber = -1
    /// Whether nobody will join the thread.
    var isDetached = false
    /// Whether the thread is done and does not end, since the process exits.
    var isParked = false
    /// Whether it waits for however long it takes. It can be cancelled there, and nowhere else.
    private(set) var waitsLong = false
    private var isRoused = false

    mutating func began(_ id: pthread_t) { self.id = id }

    mutating func wasReplaced(by id: pthread_t) {
        self.id = id
        number += 1
        waitsLong = false
    }

    mutating func beginLongWait() { (waitsLong, isRoused) = (true, false) }

    /// - Returns: whether it is the first time in this wait.
    mutating func rouse() -> Bool {
        defer { isRoused = true }
        return !isRoused
    }

    /// Of the thread itself once it is back, or of another one that has it end where it is: then
    /// `Connection.replaceThread` or the release that waits for it does what is left.
    mutating func endLongWait(isCancelled: Bool = false) {
        if waitsLong, isCancelled { pthread_cancel(id) }
        waitsLong = false
    }

    /// Whether a release waits for it.
    var isJoined: Bool { joinedNumber == number }

    /// nil: a release waits for it already.
    mutating func takeToJoin() -> pthread_t? {
        guard !isJoined else { return nil }
        joinedNumber = number
        return id
    }
}

/// Whether the application was asked for the addresses of a name, and what it answered.
struct AddressQuestion {
    private var isOpen = false
    private var answer: Result<[Address], LookUpFailure>?

    /// - Returns: false: an earlier question is still open.
    mutating func ask() -> Bool {
        defer { isOpen = true }
        return !isOpen
    }

    /// - Returns: false: nobody asked.
    mutating func take(_ answer: Result<[Address], LookUpFailure>) -> Bool {
        guard isOpen else { return false }
        isOpen = false
        self.answer = answer
        return true
    }

    mutating func takeAnswer() -> Result<[Address], LookUpFailure>? {
        defer { answer = nil }
        return answer
    }
}
