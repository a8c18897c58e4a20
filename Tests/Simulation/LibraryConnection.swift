import CCapDist
import CMessages
import Codec
import Core
import Glibc
import Simulator

/// A connection of the library itself, through its C interface, and the application that uses and drives it.
final class LibraryConnection: SimulatedClient {
    /// The one whose call is under way.
    nonisolated(unsafe) static var atWork: LibraryConnection?

    unowned let world: World
    let index: Int
    let group: Int
    let longestTurn: Int64?
    private(set) var isOver = false
    private(set) var isReleased = false
    private(set) var line = -1
    /// Of the line.
    private var socket: Int32 = -1
    /// What its descriptor is.
    var set: Int32 = -1

    private var handle: OpaquePointer?
    private let queueTimeout: Int64
    private let replyTimeout: Int64
    private let reconnects: Bool
    private let maxQueue: Int
    private let isWebSocket: Bool
    private let key: Int?
    private let cipher: CipherAlgorithm
    /// What the application has been told.
    private var isReady = false
    private var isFailed = false
    /// Requests accepted and not completed.
    private var open: Set<Int> = []
    /// While a lost line's requests complete: the number of the last.
    private var lastLost = -1
    private var isReadable = false
    /// When the last turn was, and how many there were before it at that time.
    private var turnedAt = Int64.min
    private var turnsNow = 0

    init(_ world: World, _ index: Int, _ group: Int) {
        self.world = world
        self.index = index
        self.group = group
        reconnects = !world.chance.oneIn(5)
        maxQueue = world.chance.pick([1, 5, 100, 4096])
        queueTimeout = Int64(world.chance.pick([50, 2_000, 120_000])) * World.millisecond
        replyTimeout = Int64(world.chance.pick([50, 2_000, 12_000])) * World.millisecond
        longestTurn = Int64(world.chance.pick([0, 0, 0, 1, 30, 500])) * World.millisecond
        isWebSocket = world.chance.oneIn(3)
        key = isWebSocket ? nil : world.gateways[group].clientKeyIndex()
        cipher = key == nil ? .none : world.chance.pick(CipherAlgorithm.allCases)
    }

    // MARK: - The application

    func start() throws(Broken) {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.mode = Int32(CAPDIST_MODE_HOST_DRIVEN)
        options.port = 11111
        options.recv_notify = 1
        options.reconnect = reconnects ? 1 : 0
        options.connect_timeout_ms = Int32(world.chance.pick([200, 3_000]))
        options.queue_timeout_ms = Int32(queueTimeout / World.millisecond)
        options.reply_timeout_ms = Int32(replyTimeout / World.millisecond)
        options.quota_requests = Int32(world.limit)
        options.quota_window_ms = Int32(world.window / World.millisecond)
        options.max_queue = Int32(maxQueue)
        options.transport = Int32(isWebSocket ? CAPDIST_TRANSPORT_WEBSOCKET : CAPDIST_TRANSPORT_TCP)
        if cipher != .none || key != nil { options.packet_cipher = cipher.rawValue }
        options.on_init_connect = { _, error, _, user in LibraryConnection.of(user) { $0.initConnect(error) } }
        options.on_disconnect = { _, _, _, user in LibraryConnection.of(user) { $0.disconnected() } }
        options.on_attempt_failed = { _, _, _, user in LibraryConnection.of(user) { $0.attemptFailed() } }
        options.on_push = { _, _, _, _, user in
            LibraryConnection.of(user) { if !$0.isReady { $0.broken("a push before on_init_connect") } }
        }
        options.on_log = { _, _, _, user in LibraryConnection.of(user) { _ in } }
        options.on_closed = { user in LibraryConnection.of(user) { $0.closed() } }
        options.user_data = Unmanaged.passUnretained(self).toOpaque()
        let status = "\(world.seed) \(group)".withCString { name in
            (key.map { Keys.files[$0] } ?? "").withCString { file in
                options.quota_group = name
                if key != nil { options.rsa_private_key_file = file }
                VirtualSystem.maker = self
                defer { VirtualSystem.maker = nil }
                return working { capdist_init_connect(&options, &handle) }
            }
        }
        guard status == CAPDIST_OK else {
            throw Broken(promise: "no connection: \(String(cString: capdist_last_error()))")
        }
        becomeReadable()
    }

    /// - Parameter tell: what the callback is for, if that is a connection's.
    private static func of(_ user: UnsafeMutableRawPointer?, _ tell: (LibraryConnection) -> Void) {
        guard let user else { return }
        Unmanaged<LibraryConnection>.fromOpaque(user).takeUnretainedValue().told(tell)
    }

    /// Calls of other connections may come inside one.
    private func working<R>(_ call: () -> R) -> R {
        let before = Self.atWork
        Self.atWork = self
        defer { Self.atWork = before }
        return call()
    }

    func ask() throws(Broken) {
        guard !isReleased else { return }
        let token = world.nextToken
        world.nextToken += 1
        let code = world.chance.pick(1...40)
        let isRaw = world.chance.oneIn(10)
        let queue = world.chance.oneIn(10) ? world.chance.time(1...5_000) * World.millisecond : nil
        var options = capdist_request_options()
        capdist_request_options_init(&options, MemoryLayout<capdist_request_options>.size)
        if let queue { options.queue_timeout_ms = Int32(queue / World.millisecond) }
        if world.chance.oneIn(10) { options.quota_mode = Int32(CAPDIST_QUOTA_FAIL) }
        let isImpatient = world.chance.oneIn(10)
        if isImpatient { options.outage_mode = Int32(CAPDIST_OUTAGE_FAIL) }
        var serialNo: UInt32 = 0
        let user = UnsafeMutableRawPointer(bitPattern: token << 12 | index << 1 | 1)
        let before = open.count
        let status = working {
            isRaw ? askRaw(&options, user, &serialNo) : askFigures(World.code(code), &options, user, &serialNo)
        }
        switch Int(status) {
        case CAPDIST_OK:
            guard !isFailed, serialNo != 0 else { throw Broken(promise: "accepted when it could not be") }
            guard before < maxQueue else { throw Broken(promise: "more than max_queue accepted") }
            open.insert(token)
            world.asked[token] = World.Asked(
                connection: index, serialNo: serialNo, code: code,
                latest: world.now + (queue ?? queueTimeout) + replyTimeout, skipped: world.skipped)
        case CAPDIST_NOT_CONNECTED where isFailed || !reconnects: break
        case CAPDIST_QUEUE_FULL where before >= maxQueue: break
        case CAPDIST_QUOTA_EXHAUSTED: break
        case CAPDIST_DISCONNECTED...CAPDIST_TLS_FAILED where isImpatient: break
        default: throw Broken(promise: "refused for no reason: \(status)")
        }
    }

    private func askFigures(
        _ code: String, _ options: inout capdist_request_options, _ user: UnsafeMutableRawPointer?,
        _ serialNo: inout UInt32
    ) -> capdist_status {
        var security = capdist_security()
        _ = capdist_security_parse("HK.\(code)", &security)
        return capdist_get_capital_distribution(
            handle, &security, &options,
            { _, _, reply, user in
                guard let reply = reply?.pointee else { return }
                LibraryConnection.completed(user) { $0.answered(reply, $1) }
            }, user, &serialNo)
    }

    private func askRaw(
        _ options: inout capdist_request_options, _ user: UnsafeMutableRawPointer?, _ serialNo: inout UInt32
    ) -> capdist_status {
        let body = GlobalState.encodedRequest(userID: 0)
        return capdist_send_proto(
            handle, ProtoID.getGlobalState, body, body.count, &options,
            { _, _, reply, user in
                guard let status = reply?.pointee.status else { return }
                LibraryConnection.completed(user) { $0.completed($1, status) }
            }, user, &serialNo)
    }

    func cancelOne() throws(Broken) {
        guard !isReleased, !open.isEmpty else { return }
        let token = world.chance.pick(open.sorted())
        guard let serialNo = world.asked[token]?.serialNo else { return }
        guard working({ capdist_cancel(handle, serialNo) }) == CAPDIST_OK else { return }
        world.asked[token]?.isCancelled = true
        // It completes in the loop's next turn.
        world.asked[token]?.latest = world.now
        world.asked[token]?.skipped = world.skipped
    }

    func release() throws(Broken) {
        guard !isReleased else { return }
        world.narrate?("connection \(index) is released")
        isReleased = true
        lastLost = -1
        let isInside = world.depth > 0
        let status = working { capdist_release(handle) }
        guard status == CAPDIST_OK else { throw Broken(promise: "release: \(status)") }
        if !isInside, !isOver { throw Broken(promise: "released, and not over") }
    }

    // MARK: - Callbacks

    private func broken(_ promise: String) { if world.broken == nil { world.broken = Broken(promise: promise) } }

    private func trying(_ body: () throws(Broken) -> Void) {
        do throws(Broken) { try body() } catch { if world.broken == nil { world.broken = error } }
    }

    /// Something of this connection's; the application does things in it.
    private func told(_ body: (LibraryConnection) -> Void) {
        if isOver { broken("something after on_closed") }
        if world.depth > 0 { broken("a callback inside another") }
        world.depth += 1
        body(self)
        if !isReleased, world.chance.oneIn(40) { trying { () throws(Broken) in try world.act() } }
        if !isReleased, world.chance.oneIn(400) { trying { () throws(Broken) in try release() } }
        world.depth -= 1
    }

    private static func completed(_ user: UnsafeMutableRawPointer?, _ body: (LibraryConnection, Int) -> Void) {
        let bits = Int(bitPattern: user)
        guard let world = VirtualSystem.world,
            let connection = world.connections[bits >> 1 & 2047] as? LibraryConnection
        else { return }
        connection.told { body($0, bits >> 12) }
    }

    private func initConnect(_ error: Int64) {
        if isReleased { broken("on_init_connect after release") }
        if isReady { broken("connected twice without a disconnect") }
        if error == 0, !isWebSocket, key != world.gateways[group].keyIndex {
            broken("connected without the gateway's key")
        }
        if error != 0, reconnects { broken("gave up though it reconnects") }
        isReady = error == 0
        isFailed = error != 0
    }

    private func disconnected() {
        if isReleased { broken("on_disconnect after release") }
        if !isReady { broken("a disconnect without a connection") }
        isReady = false
        isFailed = !reconnects
        lastLost = -1
    }

    private func attemptFailed() {
        if isReleased || isReady || !reconnects { broken("no attempt that is repeated") }
    }

    private func closed() {
        if !isReleased { broken("closed without release") }
        if !open.isEmpty { broken("closed with \(open.count) requests open") }
        isOver = true
        VirtualSystem.forget(self)
    }

    private func answered(_ reply: capdist_reply, _ token: Int) {
        if reply.status == CAPDIST_OK {
            let right = world.gateways[group].figures(World.code(world.asked[token]?.code ?? 0))
            let isRight = reply.distribution.map { LibraryConnection.isSame($0.pointee, right) } ?? false
            if !isRight, line < 0 || world.lines[line].altered.isEmpty {
                broken("another request's figures were called success")
            }
        }
        completed(token, reply.status)
    }

    private static func isSame(_ told: capdist_capital_distribution, _ right: CapitalDistribution) -> Bool {
        told.capital_in_big == right.inBig && told.capital_in_mid == right.inMid
            && told.capital_in_small == right.inSmall && told.capital_out_big == right.outBig
            && told.capital_out_mid == right.outMid && told.capital_out_small == right.outSmall
    }

    private func completed(_ token: Int, _ status: capdist_status) {
        open.remove(token)
        if status == CAPDIST_DISCONNECTED {
            if token < lastLost { broken("lost requests completed out of order") }
            lastLost = token
        }
        if status == CAPDIST_OK, !isReady { broken("an answer before on_init_connect") }
        trying { () throws(Broken) in try world.completed(token, Status(rawValue: status) ?? .systemError, by: index) }
    }

    // MARK: - The loop that drives it

    /// Its descriptor is readable: the loop will come by.
    func becomeReadable() {
        guard let longestTurn, !isReadable, !isOver else { return }
        isReadable = true
        let delay = world.chance.time(0...longestTurn / World.millisecond) * World.millisecond
        world.agenda.add(.turn(connection: index), at: world.now + delay)
    }

    func turn() throws(Broken) {
        isReadable = false
        guard !isReleased else { return }
        turnsNow = world.now == turnedAt ? turnsNow + 1 : 0
        turnedAt = world.now
        guard turnsNow < 300 else { throw Broken(promise: "readable again and again while no time passes") }
        let status = working { capdist_process(handle) }
        guard status == CAPDIST_OK || isReleased else { throw Broken(promise: "capdist_process: \(status)") }
        if VirtualSystem.isReady(set) { becomeReadable() }
    }

    func happened(_ what: Happening) throws(Broken) {
        switch what {
        case .timer(let at): VirtualSystem.timerFired(self, at)
        case .wake: break
        case .connected(let line): connectDone(line)
        case .bytes(let bytes, let line): if line == self.line { VirtualSystem.arrived(bytes, socket) }
        case .lineEnd(let line): if line == self.line { VirtualSystem.ended(socket) }
        case .takesMore(let line): if line == self.line { VirtualSystem.takesMore(socket) }
        }
    }

    // MARK: - Lines

    /// The library connects.
    func beginLine(_ socket: Int32) -> Int {
        if line >= 0 { broken("two lines at a time") }
        let greeting: Greeting =
            world.chance.oneIn(world.faultEvery) ? world.chance.pick(Greeting.allCases) : .normal
        self.socket = socket
        line = world.lines.count
        world.lines.append(Line(connection: index, gateway: group, greeting: greeting))
        world.agenda.add(
            .connectDone(connection: index, line: line),
            at: world.now + world.chance.time(0...300) * World.millisecond)
        return line
    }

    private func connectDone(_ done: Int) {
        guard done == line, !isOver else { return }
        let gateway = world.gateways[group]
        if world.lines[line].greeting == .refusesConnection || !gateway.isUp {
            return VirtualSystem.connected(socket, ECONNREFUSED)
        }
        gateway.accepted(line, isWebSocket: isWebSocket)
        if world.lines[line].greeting == .acceptsAndCloses {
            world.agenda.add(.gatewayCloses(line: line), at: world.now)
        }
        VirtualSystem.connected(socket, 0)
    }

    func send(_ bytes: [UInt8], _ line: Int) {
        let at = max(world.now + world.chance.time(0...30) * World.millisecond, world.lines[line].lastArrivalAtGateway)
        world.lines[line].lastArrivalAtGateway = at
        world.agenda.add(.toGateway(line: line, bytes), at: at)
    }

    /// The library closed its end.
    func endLine(_ ended: Int) {
        world.lines[ended].isOpenAtClient = false
        world.gateways[group].lost(ended)
        if ended == line { line = -1 }
    }
}
