import Codec
import Core
import Simulator

/// A promise was broken.
struct Broken: Error {
    var promise: String
}

/// A schedule: connections of the library, gateways and the network between them in virtual time, and an application
/// that makes random calls, also in callbacks. All random choices follow from one seed.
final class World {
    enum Event {
        case application
        case wake(connection: Int, at: Int64)
        case connectDone(connection: Int, stream: Int)
        case toGateway(stream: Int, [UInt8])
        case toClient(stream: Int, [UInt8])
        case gatewayLooks(stream: Int)
        case gatewayCloses(stream: Int)
        case gatewayTick(gateway: Int)
        case gatewayBack(gateway: Int)
        case takesMore(stream: Int)
        case turn(connection: Int)
        case waitEnds(connection: Int, wait: Int)
    }

    /// A request, as the application sees it.
    struct Asked {
        var connection: Int
        var serialNo: UInt32
        /// When it must have completed, and how much time had been skipped when it was made.
        var latest: Int64
        var skipped: Int64
        /// If it takes shared answers.
        var question: Sharing.Question?
        var isDone = false
        var isCancelled = false
    }

    static let millisecond: Int64 = 1_000_000

    var chance: Chance
    var sharing: Sharing
    var now: Int64 = 1_000_000_000
    var instant: Core.Instant { Core.Instant(nanoseconds: now) }
    var agenda = Agenda<Event>()
    var connections: [LibraryConnection] = []
    var gateways: [SimulatedGateway] = []
    var streams: [SimulatedStream] = []
    var asked: [Int: Asked] = [:]
    /// Requests whose answers have other figures than the gateway intended.
    var altered: Set<Int> = []
    /// How requests completed.
    private(set) var outcomes: [Status: Int] = [:]
    var nextToken = 0
    var steps = 0
    /// Time that was skipped: deadlines in it are met late.
    var skipped: Int64 = 0
    /// By quota group.
    var rules: [QuotaRules]
    /// Whether a gateway saw a serial number that was not above the stream's last.
    var isOutOfOrder = false
    /// What happened, for a rerun that prints it.
    let narrate: ((String) -> Void)?
    let seed: UInt64
    /// Callbacks of the library that are running, and a promise that was broken in one.
    var depth = 0
    var broken: Broken?

    let arena = MessageArena()
    let limit: Int
    let window: Int64
    let faultEvery: Int
    let horizon: Int64

    init(seed: UInt64, narrate: ((String) -> Void)? = nil) {
        chance = Chance(seed: seed)
        sharing = Sharing(seed: seed)
        self.seed = seed
        self.narrate = narrate
        limit = chance.pick([0, 1, 2, 5, 30])
        window = Int64(chance.pick([100, 1_000, 30_000])) * Self.millisecond
        faultEvery = chance.pick([3, 10, 50, 1_000_000])
        horizon = now + Int64(chance.pick([2, 5, 10, 30, 200])) * 1_000 * Self.millisecond
        let count = chance.pick([1, 2, 3, 8, 30])
        let groupCount = chance.pick(1...2)
        rules = Array(repeating: QuotaRules(), count: groupCount)
        for index in 0..<groupCount { gateways.append(SimulatedGateway(self, index)) }
        for index in 0..<count {
            let group = chance.pick(0...gateways.count - 1)
            connections.append(LibraryConnection(self, index, group))
        }
    }

    /// Runs the whole schedule.
    /// - Throws: `Broken`.
    func run() throws(Broken) {
        VirtualSystem.begin(self)
        for connection in connections { try connection.start() }
        for index in gateways.indices { agenda.add(.gatewayTick(gateway: index), at: now) }
        agenda.add(.application, at: now)
        while now < horizon, let next = agenda.next() {
            // Sometimes the whole machine is suspended for a while.
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
        case .application:
            try act()
            agenda.add(.application, at: now + chance.time(0...400) * Self.millisecond)
        case .wake(let index, let at): try connections[index].happened(.timer(at))
        case .connectDone(let index, let stream): try connections[index].happened(.connected(stream))
        case .toGateway(let stream, let bytes): gateways[streams[stream].gateway].receive(stream, bytes)
        case .toClient(let stream, let bytes):
            if streams[stream].isOpenAtClient {
                try connections[streams[stream].connection].happened(.bytes(bytes, stream))
            }
        case .gatewayLooks(let stream): gateways[streams[stream].gateway].look(stream)
        case .gatewayCloses(let stream):
            streams[stream].isOpenAtGateway = false
            if streams[stream].isOpenAtClient {
                try connections[streams[stream].connection].happened(.streamEnd(stream))
            }
        case .gatewayTick(let index): gateways[index].tick()
        case .gatewayBack(let index): gateways[index].isUp = true
        case .takesMore(let stream):
            if streams[stream].isOpenAtClient {
                try connections[streams[stream].connection].happened(.takesMore(stream))
            }
        case .turn(let index): try connections[index].turn()
        case .waitEnds(let index, let wait): if connections[index].waits == wait { try connections[index].turn() }
        }
    }

    /// How long a refusal keeps a group from sending.
    func wait(after refusal: FrequencyRefusal) -> Int64 {
        refusal.wait(orFor: TimeAmount(nanoseconds: window)).nanoseconds
    }

    /// The name of a quota group.
    func quotaGroup(_ group: Int) -> String { "\(seed) \(group)" }

    /// One step of the application.
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

    /// Skips time, as if the machine was suspended.
    private func skip(_ milliseconds: Int64) {
        let length = chance.time(0...milliseconds) * Self.millisecond
        now += length
        skipped += length
    }

    private func finish() throws(Broken) {
        var watchers: [QuotaWatcher] = []
        if limit > 0 { for group in gateways.indices { watchers.append(try QuotaWatcher(self, group)) } }
        for connection in connections { try connection.release() }
        // Connections that were released in a callback, and have a thread, end when that runs next.
        for connection in connections where !connection.isOver { try connection.turn() }
        if let broken { throw broken }
        for connection in connections where !connection.isOver {
            throw Broken(promise: "connection \(connection.index) was released, and is not over")
        }
        for (token, request) in asked where !request.isDone {
            throw Broken(promise: "request \(token) of connection \(request.connection) never completed")
        }
        now += window + 1
        for watcher in watchers { try watcher.expectNothing() }
    }

    /// Promise 4: the gateways count no more than the limit in any window.
    private func checkQuotas() throws(Broken) {
        if isOutOfOrder { throw Broken(promise: "a wire serial number did not increase") }
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

    func completed(_ token: Int, _ status: Status, by connection: Int) throws(Broken) {
        guard let request = asked[token] else { throw Broken(promise: "completed what was never accepted") }
        guard !request.isDone else { throw Broken(promise: "request \(token) completed twice, now as \(status)") }
        guard request.connection == connection else { throw Broken(promise: "completed by another connection") }
        asked[token]?.isDone = true
        outcomes[status, default: 0] += 1
        rules[connections[connection].group].completed(token, status, now)
        // In application-driven mode the loop may be late for both of a request's deadlines.
        let late = now - request.latest - (skipped - request.skipped) - 2 * connections[connection].longestTurn
        // Deadlines are kept to the millisecond.
        guard late < Self.millisecond else {
            throw Broken(promise: "request \(token) completed \(late / 1_000) us too late")
        }
        if request.isCancelled, status != .cancelled, status != .released {
            throw Broken(promise: "request \(token) was cancelled and completed as \(status)")
        }
    }
}

/// What a driver waits for.
enum Happening {
    case timer(Int64)
    case connected(Int)
    case bytes([UInt8], Int)
    case streamEnd(Int)
    case takesMore(Int)
}

/// One TCP connection.
struct SimulatedStream {
    var connection: Int
    var gateway: Int
    var greeting: Greeting
    var isOpenAtClient = true
    var isOpenAtGateway = true
    /// When the last data arrives: data does not overtake other data on a stream.
    var lastArrivalAtGateway: Int64 = 0
    var lastArrivalAtClient: Int64 = 0
    /// Whether the client's InitConnect was answered.
    var isGreeted = false
    var highestSerialNo: UInt32 = 0
    /// Whether a fault may keep the client from reading what is sent after it.
    var isDamaged = false
    /// How many bytes were sent to the client, and how many it has read.
    var sentToClient = 0
    var readByClient = 0
    /// Frames that the client must handle, in order: where each ends.
    var landmarks: [(end: Int, what: Landmark)] = []
}

/// A frame of the gateway that the client must handle once it has read it.
enum Landmark {
    /// A refusal because of the rate limit, and how long nothing may be sent after it.
    case refusal(wait: Int64)
    /// A body that is not encrypted, although it must be.
    case unencrypted
}

extension World {
    private static let firstCode = 10_000

    /// The code of the security of a request. Each has its own, so that answers can be told apart.
    static func code(_ token: Int) -> String { String(firstCode + token) }

    /// The request that asks for the security of this code.
    static func token(_ code: String) -> Int? { Int(code).map { $0 - firstCode } }
}
