import CCapDist
import CapDist
import CMessages
import Codec
import Core
import Glibc
import Simulator

/// A connection of the library, used through its C interface, with an application that uses it and perhaps drives it.
final class LibraryConnection {
    /// The connection whose call is running.
    nonisolated(unsafe) static var atWork: LibraryConnection?

    unowned let world: World
    let index: Int
    let group: Int
    /// Application-driven mode: how long the application's loop may be busy with other work.
    let longestTurn: Int64
    /// Only in thread mode.
    let thread: ConnectionThread?
    /// How often the thread has waited for events.
    private(set) var waits = 0
    private(set) var isOver = false
    private(set) var isReleased = false
    private(set) var stream = -1
    /// Of the stream.
    private var socket: Int32 = -1
    /// The kind of its descriptor.
    var set: Int32 = -1

    private var handle: OpaquePointer?
    private let queueTimeout: Int64
    private let replyTimeout: Int64
    private let reconnects: Bool
    private let maxQueue: Int
    private let isWebSocket: Bool
    private let key: Int?
    private let cipher: CipherAlgorithm
    /// The state that callbacks have reported to the application.
    private var isReady = false
    private var isFailed = false
    private var hasStood = false
    /// For each security of `Sharing`: when a request for it was cancelled last.
    private var cancelledAt: [Int: Int64] = [:]
    /// Requests that were accepted and have not completed.
    private var open: Set<Int> = []
    /// While the requests of a lost stream complete: the last one's serial number.
    private var lastLost = -1
    private var isReadable = false
    /// The stream that was read last, and when.
    private var lastRead = -1
    private var lastReadAt = Int64.min
    /// The time of the last turn, and the number of turns at that time before it.
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
        thread = world.chance.oneIn(3) ? ConnectionThread() : nil
        longestTurn = thread == nil ? Int64(world.chance.pick([0, 0, 0, 1, 30, 500])) * World.millisecond : 0
        isWebSocket = world.chance.oneIn(3)
        key = isWebSocket ? nil : world.gateways[group].clientKeyIndex()
        cipher = key == nil ? .none : world.chance.pick(CipherAlgorithm.allCases)
    }

    // MARK: - The application

    func start() throws(Broken) {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.mode = Int32(thread == nil ? CAPDIST_MODE_HOST_DRIVEN : CAPDIST_MODE_THREAD)
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
        // No stream here that starts at 1 reaches the largest wire serial number.
        let firstSerialNo: UInt32 = world.chance.oneIn(20) ? .max - UInt32(world.chance.pick(1...30)) : 1
        let status = world.quotaGroup(group).withCString { name in
            (key.map { Keys.files[$0] } ?? "").withCString { file in
                options.quota_group = name
                if key != nil { options.rsa_private_key_file = file }
                VirtualSystem.maker = self
                defer { VirtualSystem.maker = nil }
                return working { openConnection(&options, &handle) { $0.behaviour.firstWireSerialNo = firstSerialNo } }
            }
        }
        guard status == CAPDIST_OK else {
            throw Broken(promise: "no connection: \(String(cString: capdist_last_error()))")
        }
        becomeReadable()
    }

    /// - Parameter tell: handles the event, if it is a callback of the connection.
    private static func of(_ user: UnsafeMutableRawPointer?, _ tell: (LibraryConnection) -> Void) {
        guard let user else { return }
        Unmanaged<LibraryConnection>.fromOpaque(user).takeUnretainedValue().told(tell)
    }

    /// Calls of other connections may run inside one.
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
        let isRaw = world.chance.oneIn(10)
        let queue = world.chance.oneIn(10) ? world.chance.time(1...5_000) * World.millisecond : nil
        var options = capdist_request_options()
        capdist_request_options_init(&options, MemoryLayout<capdist_request_options>.size)
        if let queue { options.queue_timeout_ms = Int32(queue / World.millisecond) }
        if world.chance.oneIn(10) { options.quota_mode = Int32(CAPDIST_QUOTA_FAIL) }
        let isImpatient = world.chance.oneIn(10)
        if isImpatient { options.outage_mode = Int32(CAPDIST_OUTAGE_FAIL) }
        let question = isRaw ? nil : world.sharing.next(world.now)
        if let question { options.max_age_ms = Int32(question.maxAge / World.millisecond) }
        let code = question.map { Sharing.code($0.security) } ?? World.code(token)
        var serialNo: UInt32 = 0
        let user = UnsafeMutableRawPointer(bitPattern: token << 12 | index << 1 | 1)
        let before = open.count
        let status = working {
            isRaw ? askRaw(&options, user, &serialNo) : askFigures(code, &options, user, &serialNo)
        }
        switch Int(status) {
        case CAPDIST_OK:
            guard !isFailed, serialNo != 0 else { throw Broken(promise: "accepted when it could not be") }
            guard before < maxQueue else { throw Broken(promise: "more than max_queue accepted") }
            open.insert(token)
            world.asked[token] = World.Asked(
                connection: index, serialNo: serialNo,
                latest: world.now + (queue ?? queueTimeout) + replyTimeout, skipped: world.skipped,
                question: question)
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
                LibraryConnection.completed(user) {
                    if status == CAPDIST_OK, !$0.isReady { $0.broken("an answer before on_init_connect") }
                    $0.completed($1, status)
                }
            }, user, &serialNo)
    }

    func cancelOne() throws(Broken) {
        guard !isReleased, !open.isEmpty else { return }
        let token = world.chance.pick(open.sorted())
        guard let serialNo = world.asked[token]?.serialNo else { return }
        guard working({ capdist_cancel(handle, serialNo) }) == CAPDIST_OK else { return }
        world.asked[token]?.isCancelled = true
        if let question = world.asked[token]?.question { cancelledAt[question.security] = world.now }
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

    /// A callback of this connection. The application may do things in it.
    private func told(_ body: (LibraryConnection) -> Void) {
        if isOver { broken("something after on_closed") }
        if world.depth > 0 { broken("a callback inside another") }
        world.depth += 1
        body(self)
        if !isReleased, world.chance.oneIn(40) { trying { () throws(Broken) in try world.act() } }
        if !isReleased, world.chance.oneIn(400) { trying { () throws(Broken) in try release() } }
        world.depth -= 1
    }

    /// The application's thread is about to join the connection's.
    func runToItsEnd() {
        guard let thread else { return }
        var turns = 0
        while !thread.hasEnded {
            working { thread.run() }
            turns += 1
            guard turns < 1_000 else {
                print("seed \(world.seed): the thread of connection \(index) does not end after its release")
                exit(1)
            }
        }
    }

    private static func completed(_ user: UnsafeMutableRawPointer?, _ body: (LibraryConnection, Int) -> Void) {
        let bits = Int(bitPattern: user)
        guard let world = VirtualSystem.world else { return }
        world.connections[bits >> 1 & 2047].told { body($0, bits >> 12) }
    }

    private func initConnect(_ error: Int64) {
        if isReleased { broken("on_init_connect after release") }
        if isReady { broken("connected twice without a disconnect") }
        if error == 0, !isWebSocket, key != world.gateways[group].keyIndex {
            broken("connected without the gateway's key")
        }
        if error != 0, reconnects { broken("gave up though it reconnects") }
        isReady = error == 0
        if isReady { hasStood = true }
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
        if let words = reply.ret_msg, let refusal = FrequencyRefusal(words) {
            world.rules[group].refused(world.wait(after: refusal), at: lastReadAt)
        }
        let question = world.asked[token]?.question
        if reply.status == CAPDIST_OK {
            let code = question.map { Sharing.code($0.security) } ?? World.code(token)
            let right = world.gateways[group].figures(code)
            let isRight = reply.distribution.map { LibraryConnection.isSame($0.pointee, right) } ?? false
            let number = question.map { Sharing.token($0.security, of: group) } ?? token
            if !isRight, !world.altered.contains(number) { broken("another request's figures were called success") }
        }
        if reply.from_cache != 0 {
            guard let question else { return broken("a shared answer for a request that takes none") }
            trying { () throws(Broken) in try question.check(reply, world.now) }
            // A release keeps the beginning of a connection from being told, but not what completed then.
            if !hasStood, !isReleased { broken("a shared answer before the gateway was known") }
        } else if reply.status == CAPDIST_OK, !isReady {
            broken("an answer before on_init_connect")
        }
        if let question, reply.was_sent != 0 {
            world.rules[group].completed(
                Sharing.token(question.security, of: index), Status(rawValue: reply.status) ?? .systemError, world.now)
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
        trying { () throws(Broken) in try world.completed(token, Status(rawValue: status) ?? .systemError, by: index) }
        // Applications often request the next security now.
        if !isReleased, world.chance.oneIn(10) { trying { () throws(Broken) in try ask() } }
    }

    // MARK: - Its thread, or the loop that drives it

    /// There is work for its thread, or the loop will call.
    func becomeReadable() {
        guard !isReadable, !isOver else { return }
        isReadable = true
        let delay = world.chance.time(0...longestTurn / World.millisecond) * World.millisecond
        world.agenda.add(.turn(connection: index), at: world.now + delay)
    }

    /// Its thread waits for events, with this timeout.
    func parkThread(_ milliseconds: Int32) {
        guard let thread else { return }
        waits += 1
        if milliseconds >= 0 {
            world.agenda.add(
                .waitEnds(connection: index, wait: waits), at: world.now + Int64(milliseconds) * World.millisecond)
        }
        thread.park()
    }

    func turn() throws(Broken) {
        isReadable = false
        guard !isOver, thread != nil || !isReleased else { return }
        turnsNow = world.now == turnedAt ? turnsNow + 1 : 0
        turnedAt = world.now
        guard turnsNow < 300 else { throw Broken(promise: "readable again and again while no time passes") }
        if let thread {
            working { thread.run() }
        } else {
            let status = working { capdist_process(handle) }
            guard status == CAPDIST_OK || isReleased else { throw Broken(promise: "capdist_process: \(status)") }
        }
        try heed()
        if VirtualSystem.isReady(set) { becomeReadable() }
    }

    func happened(_ what: Happening) throws(Broken) {
        switch what {
        case .timer(let at): VirtualSystem.timerFired(self, at)
        case .connected(let stream): connectDone(stream)
        case .bytes(let bytes, let stream): if stream == self.stream { VirtualSystem.arrived(bytes, socket) }
        case .streamEnd(let stream): if stream == self.stream { VirtualSystem.ended(socket) }
        case .takesMore(let stream): if stream == self.stream { VirtualSystem.takesMore(socket) }
        }
    }

    // MARK: - Streams

    /// The library connects.
    func beginStream(_ socket: Int32) -> Int {
        if stream >= 0 { broken("two streams at a time") }
        let greeting: Greeting =
            world.chance.oneIn(world.faultEvery) ? world.chance.pick(Greeting.allCases) : .normal
        self.socket = socket
        stream = world.streams.count
        world.streams.append(SimulatedStream(connection: index, gateway: group, greeting: greeting))
        world.agenda.add(
            .connectDone(connection: index, stream: stream),
            at: world.now + world.chance.time(0...300) * World.millisecond)
        return stream
    }

    private func connectDone(_ done: Int) {
        guard done == stream, !isOver else { return }
        let gateway = world.gateways[group]
        if world.streams[stream].greeting == .refusesConnection || !gateway.isUp {
            return VirtualSystem.connected(socket, ECONNREFUSED)
        }
        gateway.accepted(stream, isWebSocket: isWebSocket)
        if world.streams[stream].greeting == .acceptsAndCloses {
            world.agenda.add(.gatewayCloses(stream: stream), at: world.now)
        }
        VirtualSystem.connected(socket, 0)
    }

    func sentFrames() -> SentFrames { SentFrames(isWebSocket: isWebSocket, isEncrypted: key != nil) }

    /// The library has made a frame.
    func sends(_ frame: SentFrames.Frame) {
        guard world.limit > 0, frame.protoID == ProtoID.getCapitalDistribution else { return }
        var next: QuotaRules.First?
        // With encryption, the simulation cannot see which request it is.
        let isClear = world.gateways[group].keyIndex == nil
        let request =
            isClear ? frame.body.withUnsafeBytes { try? CapitalDistributionRequest($0, world.arena) } : nil
        let security = request.flatMap { Sharing.security($0.code) }
        let token = security.map { Sharing.token($0, of: index) } ?? request.flatMap { World.token($0.code) }
        if let token {
            next = QuotaRules.First(
                token: token, security: security, connection: index, stream: stream, until: world.now + replyTimeout)
        }
        trying { () throws(Broken) in
            try world.rules[group].sent(next, world.now) { first in
                let sender = world.connections[first.connection]
                return sender.stream == first.stream && !sender.isReleased && sender.mayBeAnswered(first)
            }
        }
    }

    /// Whether nobody has cancelled the request.
    private func mayBeAnswered(_ first: QuotaRules.First) -> Bool {
        guard let security = first.security else { return world.asked[first.token]?.isCancelled == false }
        // Which of those for the security was sent is not known.
        return cancelledAt[security] ?? .min < first.until - replyTimeout
    }

    /// The library has read bytes.
    func hasRead(_ count: Int) {
        if stream >= 0 { world.streams[stream].readByClient += count }
        lastRead = stream
        lastReadAt = world.now
    }

    /// The library has handled what it has read.
    private func heed() throws(Broken) {
        guard lastRead >= 0 else { return }
        let stream = world.streams[lastRead]
        let seen = stream.landmarks.prefix { $0.end <= stream.readByClient }
        world.streams[lastRead].landmarks.removeFirst(seen.count)
        guard stream.isOpenAtClient else { return }
        for landmark in seen {
            switch landmark.what {
            // Without a session cipher, InitConnect's answer may have any order.
            case .unencrypted where cipher == .none: break
            case .unencrypted: throw Broken(promise: "a body was taken that the session's key had not encrypted")
            case .refusal(let wait): world.rules[group].refused(wait, at: lastReadAt)
            }
        }
    }

    func send(_ bytes: [UInt8], _ stream: Int) {
        let at = max(
            world.now + world.chance.time(0...30) * World.millisecond, world.streams[stream].lastArrivalAtGateway)
        world.streams[stream].lastArrivalAtGateway = at
        world.agenda.add(.toGateway(stream: stream, bytes), at: at)
    }

    /// The library closed its end.
    func endStream(_ ended: Int) {
        world.streams[ended].isOpenAtClient = false
        world.gateways[group].lost(ended)
        if ended == stream { stream = -1 }
    }
}
