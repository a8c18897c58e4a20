import Codec
import Core
import Simulator

/// A promise was broken.
struct Broken: Error {
    var promise: String
}

/// One schedule: state machines, limiter, gateways and the network between them, in one thread and in virtual time, all
/// chance from one seed. What a driver would do is done here by hand, frame by frame and byte by byte; what a host may do
/// is done at random, from callbacks too.
final class World {
    typealias Machine = ConnectionMachine<Int>

    enum Event {
        case host
        case wake(connection: Int, at: Int64)
        case quotaWake(connection: Int)
        case connectDone(connection: Int, line: Int)
        case toGateway(line: Int, [UInt8])
        case toClient(line: Int, [UInt8])
        case gatewayLooks(line: Int)
        case gatewayCloses(line: Int)
        case gatewayTick(gateway: Int)
        case gatewayBack(gateway: Int)
        case takesMore(line: Int)
        case turn(connection: Int)
    }

    /// A request as the host sees it.
    struct Asked {
        var connection: Int
        var serialNo: UInt32
        var code: Int
        /// When it must be complete, and how much time had been skipped when it was asked.
        var latest: Int64
        var skipped: Int64
        var isDone = false
        var isCancelled = false
    }

    static let millisecond: Int64 = 1_000_000

    var chance: Chance
    var now: Int64 = 1_000_000_000
    var instant: Core.Instant { Core.Instant(nanoseconds: now) }
    var agenda = Agenda<Event>()
    var connections: [any SimulatedClient] = []
    var gateways: [SimulatedGateway] = []
    var groups: [QuotaGroup] = []
    var lines: [Line] = []
    var asked: [Int: Asked] = [:]
    /// How requests completed.
    private(set) var outcomes: [Status: Int] = [:]
    var nextToken = 0
    var steps = 0
    /// Time in which nobody looked: deadlines that fell into it are met late.
    var skipped: Int64 = 0
    /// Until when a refusal for frequency keeps each group from sending.
    var gatesOpen: [Int64]
    /// Whether a group sent before.
    var isGateIgnored = false
    /// Of each group: the first request, whose answer must come before more are sent, and whether that was so.
    struct First {
        var token: Int
        var connection: Int
        var line: Int
        var until: Int64
    }
    var firsts: [First?]
    var isKnown: [Bool]
    /// Whether a request was sent beside a first one.
    var isFirstOvertaken = false
    /// Whether a gateway saw a serial number that was not above the line's last.
    var isOutOfOrder = false
    /// What happened, for a rerun that prints it.
    let narrate: ((String) -> Void)?
    let seed: UInt64
    private let runsLibrary: Bool
    /// Callbacks of the library that are running, and a promise that was broken in one.
    var depth = 0
    var broken: Broken?

    let limit: Int
    let window: Int64
    let faultEvery: Int
    let horizon: Int64

    /// - Parameter runsLibrary: whether the connections are the library's, driver and all.
    init(seed: UInt64, runsLibrary: Bool, narrate: ((String) -> Void)? = nil) {
        chance = Chance(seed: seed)
        self.seed = seed
        self.runsLibrary = runsLibrary
        self.narrate = narrate
        limit = chance.pick([0, 1, 2, 5, 30])
        window = Int64(chance.pick([100, 1_000, 30_000])) * Self.millisecond
        faultEvery = chance.pick([3, 10, 50, 1_000_000])
        horizon = now + Int64(chance.pick([2, 5, 10, 30, 200])) * 1_000 * Self.millisecond
        let count = chance.pick([1, 2, 3, 8, 30])
        let groupCount = chance.pick(1...2)
        gatesOpen = Array(repeating: .min, count: groupCount)
        firsts = Array(repeating: nil, count: groupCount)
        isKnown = Array(repeating: false, count: groupCount)
        for index in 0..<groupCount {
            groups.append(QuotaGroup(limit: limit, window: TimeAmount(nanoseconds: window)))
            gateways.append(SimulatedGateway(self, index))
        }
        for index in 0..<count {
            let group = chance.pick(0...gateways.count - 1)
            connections.append(
                runsLibrary ? LibraryConnection(self, index, group) : SimulatedConnection(self, index, group))
        }
    }

    /// Lives through the whole schedule.
    /// - Throws: `Broken`.
    func run() throws(Broken) {
        if runsLibrary { VirtualSystem.begin(self) }
        for connection in connections { try connection.start() }
        for index in gateways.indices { agenda.add(.gatewayTick(gateway: index), at: now) }
        agenda.add(.host, at: now)
        while now < horizon, let next = agenda.next() {
            // Sometimes the whole machine is looked away from for a while.
            now = max(now, next.at)
            if chance.oneIn(2_000) { skip(5_000) }
            try perform(next.event)
            if let broken { throw broken }
            steps += 1
            try checkQuotas()
        }
        try finish()
    }

    private func perform(_ event: Event) throws(Broken) {
        switch event {
        case .host:
            try act()
            agenda.add(.host, at: now + chance.time(0...400) * Self.millisecond)
        case .wake(let index, let at): try connections[index].happened(.timer(at))
        case .quotaWake(let index): try connections[index].happened(.wake)
        case .connectDone(let index, let line): try connections[index].happened(.connected(line))
        case .toGateway(let line, let bytes): gateways[lines[line].gateway].receive(line, bytes)
        case .toClient(let line, let bytes):
            if lines[line].isOpenAtClient { try connections[lines[line].connection].happened(.bytes(bytes, line)) }
        case .gatewayLooks(let line): gateways[lines[line].gateway].look(line)
        case .gatewayCloses(let line):
            lines[line].isOpenAtGateway = false
            if lines[line].isOpenAtClient { try connections[lines[line].connection].happened(.lineEnd(line)) }
        case .gatewayTick(let index): gateways[index].tick()
        case .gatewayBack(let index): gateways[index].isUp = true
        case .takesMore(let line):
            if lines[line].isOpenAtClient { try connections[lines[line].connection].happened(.takesMore(line)) }
        case .turn(let index): try connections[index].turn()
        }
    }

    /// One thing a host does.
    func act() throws(Broken) {
        let connection = connections[chance.pick(0...connections.count - 1)]
        switch chance.pick(0...99) {
        case 0...74:
            for _ in 0..<chance.pick([1, 1, 1, 2, 10, 60]) { try connection.ask() }
        case 75...84: try connection.cancelOne()
        case 85...87: if chance.oneIn(4) { try connection.release() }
        case 88...89: gateways[chance.pick(0...gateways.count - 1)].restart()
        case 90: skip(40_000)
        default: break
        }
    }

    /// Nobody looks for a while: the whole machine was suspended.
    private func skip(_ milliseconds: Int64) {
        let length = chance.time(0...milliseconds) * Self.millisecond
        now += length
        skipped += length
    }

    private func finish() throws(Broken) {
        for connection in connections { try connection.release() }
        if let broken { throw broken }
        for (token, request) in asked where !request.isDone {
            throw Broken(promise: "request \(token) of connection \(request.connection) never completed")
        }
        for index in groups.indices {
            guard groups[index].waiting == 0 else {
                throw Broken(promise: "requests of released connections still wait")
            }
            guard groups[index].used(Core.Instant(nanoseconds: now + window + 1)) == 0 else {
                throw Broken(promise: "a slot was never given back")
            }
        }
    }

    /// Promise 4: the gateways count no more than the limit in any window.
    private func checkQuotas() throws(Broken) {
        if isOutOfOrder { throw Broken(promise: "a wire serial number did not increase") }
        if isGateIgnored { throw Broken(promise: "sent while a refusal for frequency closed the gate") }
        if isFirstOvertaken { throw Broken(promise: "sent before the first request of a group was answered") }
        guard limit > 0 else { return }
        for gateway in gateways {
            let counted = gateway.counted
            guard counted.count > limit, let last = counted.last else { continue }
            let first = counted[counted.count - 1 - limit]
            guard last - first > window else {
                throw Broken(promise: "\(limit + 1) requests were counted within \((last - first) / 1_000) us")
            }
        }
    }

    /// A request for a capital distribution goes out.
    func sent(_ request: Request<Int>, by connection: SimulatedConnection) {
        guard limit > 0 else { return }
        let group = connection.group
        if now <= gatesOpen[group] { isGateIgnored = true }
        if let first = firsts[group] {
            let sender = connections[first.connection]
            let isInFlight =
                sender.line == first.line && !sender.isReleased && asked[first.token]?.isCancelled == false
            if now < first.until, isInFlight { isFirstOvertaken = true }
            isKnown[group] = isKnown[group] || now >= first.until
            firsts[group] = nil
        }
        guard !isKnown[group] else { return }
        firsts[group] = First(
            token: request.payload, connection: connection.index, line: connection.line,
            until: (instant + request.terms.replyTimeout).nanoseconds)
    }

    func completed(_ token: Int, _ status: Status, by connection: Int) throws(Broken) {
        guard let request = asked[token] else { throw Broken(promise: "completed what was never accepted") }
        guard !request.isDone else { throw Broken(promise: "request \(token) completed twice, now as \(status)") }
        guard request.connection == connection else { throw Broken(promise: "completed by another connection") }
        asked[token]?.isDone = true
        outcomes[status, default: 0] += 1
        for group in firsts.indices {
            guard let first = firsts[group], first.token == token else { continue }
            isKnown[group] =
                switch status {
                // Once its time is over another member may have gone on without its answer.
                case .cancelled, .released, .disconnected: now >= first.until
                default: true
                }
            firsts[group] = nil
        }
        // Where the host drives, the loop may be late for both of a request's deadlines.
        let late = now - request.latest - (skipped - request.skipped) - 2 * (connections[connection].longestTurn ?? 0)
        // Deadlines are kept to the millisecond.
        guard late < Self.millisecond else {
            throw Broken(promise: "request \(token) completed \(late / 1_000) us too late")
        }
        if request.isCancelled, status != .cancelled, status != .released {
            throw Broken(promise: "request \(token) was cancelled and completed as \(status)")
        }
    }

    /// Wakes the members of a group that wait, as their wakers would.
    func wakeMembers(of group: Int) {
        for connection in connections where connection.group == group && !connection.isOver {
            agenda.add(.quotaWake(connection: connection.index), at: now)
        }
    }

    func withGroup<R>(_ index: Int, _ body: (inout QuotaGroup) -> R) -> R {
        let result = body(&groups[index])
        if groups[index].takeWakeUp() { wakeMembers(of: index) }
        return result
    }
}

/// A connection in the world, and the application that uses it.
protocol SimulatedClient: AnyObject {
    var index: Int { get }
    var group: Int { get }
    var line: Int { get }
    var isOver: Bool { get }
    var isReleased: Bool { get }
    /// How long the application's loop may be busy elsewhere before it comes back; nil: a thread drives.
    var longestTurn: Int64? { get }

    func start() throws(Broken)
    func ask() throws(Broken)
    func cancelOne() throws(Broken)
    func release() throws(Broken)
    func happened(_ what: Happening) throws(Broken)
    func turn() throws(Broken)
}

/// What a driver is waiting for.
enum Happening {
    case timer(Int64)
    case wake
    case connected(Int)
    case bytes([UInt8], Int)
    case lineEnd(Int)
    case takesMore(Int)
}

/// One TCP connection.
struct Line {
    var connection: Int
    var gateway: Int
    var greeting: Greeting
    var isOpenAtClient = true
    var isOpenAtGateway = true
    /// When what was sent last arrives: nothing overtakes anything on a line.
    var lastArrivalAtGateway: Int64 = 0
    var lastArrivalAtClient: Int64 = 0
    /// Whether the client's InitConnect was answered.
    var isGreeted = false
    var highestSerialNo: UInt32 = 0
    /// Serial numbers whose answers have other figures than the gateway meant.
    var altered: Set<UInt32> = []
}
