import Codec
import Glibc

/// The state of a connection that all threads share: the state machine, the timer, and who drives. Its lock is held
/// briefly, and never during a system call that may take long.
struct SharedState: ~Copyable {
    typealias Machine = Connection.Machine

    private(set) var machine: Machine
    /// The connection keeps it alive. Counting another reference for every event would cost 1 % of a request's
    /// instructions.
    private let quota: Unmanaged<SharedQuota>
    private let poller: Poller
    /// The instant that the timer is set to.
    private(set) var timerAt = Instant.max
    /// The result of the last handshake.
    private(set) var handshake = Handshake()
    /// Used in thread mode.
    var thread = ThreadRecord()
    /// In application-driven mode: whether a thread of the application is driving.
    private var isDriven = false
    var addressQuestion = AddressQuestion()
    /// The machine's next serial number when the thread's last wait began, and whether there were no requests for a
    /// second since.
    private var askedBefore: UInt32 = 1
    private var isQuiet = true
    /// When the descriptors are checked again.
    private var checkAt = Instant.min

    init(_ machine: consuming Machine, _ quota: SharedQuota, _ poller: Poller) {
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

    /// Sees to the requests that wait for other connections' answers.
    mutating func settle() {
        guard machine.waitsForSharedAnswers else { return }
        let now = Clock.now()
        tell { $0.settle(now, &$1) }
    }

    /// - Parameter gateway: `Connector.gateway`.
    mutating func stands(_ handshake: Handshake, _ gateway: [UInt8], _ now: Instant) {
        self.handshake = handshake
        let account = withUnsafeBytes(of: handshake.loginUserID) { Array($0) }
        let suspended = Clock.suspended()
        tell {
            $1.answers.clockStoodStill(for: suspended)
            $0.handshakeSucceeded(
                keepAliveInterval: handshake.keepAliveInterval, gateway: account + gateway, now, &$1)
        }
    }

    var isReleased: Bool { if case .released = machine.state { true } else { false } }

    /// Whether there is nothing more to drive: the connection is released, all actions are performed, and nobody is
    /// driving.
    var isOver: Bool { isReleased && !machine.hasActions && !isDriven }

    /// The status if the connection is established, has failed permanently or is released, with a sentence for the last
    /// two; else nil.
    var readiness: (Status, String)? {
        switch machine.state {
        case .ready: (.ok, "")
        case .failed(let cause): (cause.status, cause.text)
        case .released: (.released, Texts.released)
        case .connecting: nil
        }
    }

    // MARK: - The thread that drives

    /// In application-driven mode: takes the turn to drive.
    /// - Returns: `.ok`, or why the calling thread must not drive: `.busy`, `.released`.
    mutating func takeTurn() -> Status {
        if isDriven { return .busy }
        if isOver { return .released }
        isDriven = true
        return .ok
    }

    mutating func endTurn() { isDriven = false }

    /// Sets the timer to the time that the machine needs, or to `other` if that is earlier. Only while the connection
    /// is not released.
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

    /// Called after an event on a thread that does not drive, before anything is sent.
    mutating func handOver(_ now: Instant) {
        if thread.waitsLong { rouse(now) }
        checkDescriptors(now)
        rearm()
        if machine.hasActions { poller.wake() }
    }

    /// What the driving thread does once nothing is left to perform or send.
    enum Pause {
        case none
        /// - Parameter isIdle: whether the last wait ended without any event.
        case wait(isIdle: Bool)
        case endOfTurn
    }

    /// - Returns: until when the connection's thread may wait; `.min`: only for a second, because there are requests.
    mutating func begin(_ pause: Pause) -> Instant {
        switch pause {
        case .none: return .min
        case .wait(let isIdle): return beginWait(isIdle: isIdle)
        case .endOfTurn:
            endTurn()
            return .min
        }
    }

    // MARK: - Descriptors that the application closed

    /// Called before something is sent or received without asking the poller. It checks once a second: so for at most
    /// that long the connection uses numbers that are other files of the application now.
    mutating func checkDescriptors(_ now: Instant) {
        guard now >= checkAt else { return }
        checkAt = now + Self.checkInterval
        poller.checkSocket()
        if !poller.isIntact { loseDescriptors() }
    }

    private static var checkInterval: TimeAmount { .seconds(1) }

    // MARK: - The connection's thread, while there are no requests

    /// Called before the thread waits.
    private mutating func beginWait(isIdle: Bool) -> Instant {
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

    /// While there are requests, the thread checks its descriptors every second. During a long wait it does not notice
    /// if the application closes them, so the first request after that checks in its place.
    private mutating func rouse(_ now: Instant) {
        guard thread.rouse() else { return }
        checkAt = .min
        checkDescriptors(now)
        poller.wake()
    }

    /// The connection cannot wait for anything any more, so it fails permanently. Whatever has the descriptors' numbers
    /// now is left alone.
    mutating func loseDescriptors() {
        poller.giveUp()
        tell { $0.fail(Connection.closedByApplication(isFinal: true), Clock.now(), &$1) }
        thread.endLongWait(isCancelled: true)
    }
}

/// The connection's thread. If a runtime ends it inside a callback, another one takes its place.
struct ThreadRecord {
    private(set) var id = pthread_t()
    /// The thread's number, and the number of the one that a release waits for. (The system may use an id again.)
    private var number = 0
    private var joinedNumber = -1
    /// Whether nobody joins the thread.
    var isDetached = false
    /// Whether it is in a long wait. It can be cancelled only there.
    private(set) var waitsLong = false
    private var isRoused = false

    mutating func began(_ id: pthread_t) { self.id = id }

    mutating func wasReplaced(by id: pthread_t) {
        self.id = id
        number += 1
        waitsLong = false
    }

    mutating func beginLongWait() { (waitsLong, isRoused) = (true, false) }

    /// - Returns: whether this is the first call during this wait.
    mutating func rouse() -> Bool {
        defer { isRoused = true }
        return !isRoused
    }

    /// Called by the thread itself after its wait, or by another thread that cancels it there. In the second case
    /// `Connection.replaceThread` or the waiting release does the remaining work.
    mutating func endLongWait(isCancelled: Bool = false) {
        if waitsLong, isCancelled { pthread_cancel(id) }
        waitsLong = false
    }

    /// Whether a release waits for this thread.
    var isJoined: Bool { joinedNumber == number }

    /// nil: a release waits for it already.
    mutating func takeToJoin() -> pthread_t? {
        guard !isJoined else { return nil }
        joinedNumber = number
        return id
    }
}

/// Whether `on_resolve` waits for the application's answer, and the answer.
struct AddressQuestion {
    private var isOpen = false
    private var answer: Result<[Address], LookUpFailure>?

    /// - Returns: false if an earlier question has no answer yet.
    mutating func ask() -> Bool {
        defer { isOpen = true }
        return !isOpen
    }

    /// - Returns: false if there is no open question.
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
