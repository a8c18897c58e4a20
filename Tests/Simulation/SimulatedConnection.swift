import CMessages
import Codec
import Core
import Simulator

/// A connection whose driver is the simulation, and the host that uses it.
final class SimulatedConnection: SimulatedClient {
    unowned let world: World
    let index: Int
    /// Quota group and gateway.
    let group: Int
    private(set) var isOver = false
    let configuration: ConnectionConfiguration
    var machine: World.Machine
    private var reader = FrameReader(maxBodyLength: 1 << 20)
    let arena = MessageArena()
    private let key: RSAKey?
    /// Of the line under way, over WebSocket.
    var bridged: BridgedStream?
    private let cipher: CipherAlgorithm
    private var decryption: Decryption
    /// Of what goes to the gateway, once InitConnect has agreed on it.
    private var encryption: BodyCipher?
    /// The line under way, -1 for none.
    var line = -1
    private var wakeAt = Int64.max
    /// What the host has been told.
    private var isReady = false
    private var isFailed = false
    private(set) var isReleased = false
    private var isWorking = false
    /// In application-driven mode how long the host's loop may be busy elsewhere before it comes back; nil: a thread of
    /// its own.
    let longestTurn: Int64?
    /// What the loop has not looked at yet, and whether it has been told that there is something.
    private var inbox: [Happening] = []
    private var isReadable = false
    private var isDriving = false
    /// While a lost line's requests complete: the order number of the last.
    private var lastLost = -1

    init(_ world: World, _ index: Int, _ group: Int) {
        self.world = world
        self.index = index
        self.group = group
        var configuration = ConnectionConfiguration()
        configuration.reconnects = !world.chance.oneIn(5)
        configuration.maxQueue = world.chance.pick([1, 5, 100, 4096])
        configuration.terms.queueTimeout = .milliseconds(Int64(world.chance.pick([50, 2_000, 120_000])))
        configuration.terms.replyTimeout = .milliseconds(Int64(world.chance.pick([50, 2_000, 12_000])))
        configuration.connectTimeout = .milliseconds(Int64(world.chance.pick([200, 3_000])))
        configuration.seed = world.chance.next()
        longestTurn = world.chance.oneIn(3) ? Int64(world.chance.pick([0, 1, 30, 500])) * World.millisecond : nil
        if world.chance.oneIn(20) { configuration.firstWireSerialNo = .max - UInt32(world.chance.pick(1...30)) }
        if world.chance.oneIn(3) { configuration.transport = .webSocket }
        key = configuration.transport == .tcp ? world.gateways[group].clientKey() : nil
        cipher = key == nil ? .none : world.chance.pick(CipherAlgorithm.allCases)
        decryption = Decryption(key, cipher)
        configuration.isEncrypted = key != nil
        configuration.tellsAttempts = true
        self.configuration = configuration
        machine = World.Machine(configuration, member: UInt64(index + 1))
    }

    // MARK: - The host

    func start() throws(Broken) {
        machine.start(world.instant)
        try called()
    }

    func ask() throws(Broken) {
        let token = world.nextToken
        world.nextToken += 1
        let code = world.chance.pick(1...40)
        let isRaw = world.chance.oneIn(10)
        let queueTimeout = world.chance.oneIn(10) ? world.chance.time(1...5_000) * World.millisecond : nil
        let isImpatient = world.chance.oneIn(10)
        var terms = configuration.terms
        if let queueTimeout { terms.queueTimeout = TimeAmount(nanoseconds: queueTimeout) }
        terms.failsWithoutSlot = world.chance.oneIn(10)
        terms.failsInOutage = isImpatient
        terms.isRaw = isRaw
        let before = machine.requestCount
        let result = world.withGroup(group) {
            machine.ask(
                isRaw ? -token - 1 : token,
                protoID: isRaw ? ProtoID.getGlobalState : ProtoID.getCapitalDistribution, terms, world.instant, &$0)
        }
        switch result {
        case .success(let serialNo):
            guard !isReleased, !isFailed, serialNo != 0 else { throw Broken(promise: "accepted when it could not be") }
            guard before < configuration.maxQueue else { throw Broken(promise: "more than max_queue accepted") }
            let latest = (world.instant + terms.queueTimeout + terms.replyTimeout).nanoseconds
            world.asked[token] = World.Asked(
                connection: index, serialNo: serialNo, code: code, latest: latest, skipped: world.skipped)
        case .failure(let refusal):
            switch refusal.status {
            case .released where isReleased, .notConnected, .queueFull, .quotaExhausted: break
            case _ where isImpatient && machine.outage?.status == refusal.status: break
            default: throw Broken(promise: "refused for no reason: \(refusal.status)")
            }
        }
        try called()
    }

    func cancelOne() throws(Broken) {
        let open = world.asked.filter { $0.value.connection == index && !$0.value.isDone }.keys.sorted()
        guard !open.isEmpty else { return }
        let token = world.chance.pick(open)
        guard let request = world.asked[token] else { return }
        let serialNo = request.serialNo
        if world.withGroup(group, { machine.cancel(serialNo, world.instant, &$0) }) {
            world.asked[token]?.isCancelled = true
        }
        try called()
    }

    func release() throws(Broken) {
        guard !isReleased else { return }
        world.narrate?("connection \(index) is released")
        isReleased = true
        world.withGroup(group) { machine.release(world.instant, &$0) }
        try work()
        if !isWorking, !isOver { throw Broken(promise: "released, and not over") }
    }

    // MARK: - The driver

    func happened(_ what: Happening) throws(Broken) {
        guard longestTurn != nil else { return try handle(what) }
        inbox.append(what)
        becomeReadable()
    }

    /// The descriptor is readable: the loop will come by.
    private func becomeReadable() {
        guard let longestTurn, !isReadable, !isOver else { return }
        isReadable = true
        let delay = world.chance.time(0...longestTurn / World.millisecond) * World.millisecond
        world.agenda.add(.turn(connection: index), at: world.now + delay)
    }

    /// The host's loop drives. What came over the line is handled before the timer.
    func turn() throws(Broken) {
        let all = inbox
        inbox = []
        isReadable = false
        guard !isOver else { return }
        isDriving = true
        defer { isDriving = false }
        for what in all { if case .timer = what { continue } else { try handle(what) } }
        for what in all { if case .timer = what { try handle(what) } }
        try work()
    }

    private func handle(_ what: Happening) throws(Broken) {
        switch what {
        case .timer(let at): try timerFired(at)
        case .wake: try work()
        case .connected(let line): try connectDone(line)
        case .bytes(let bytes, let line): try receive(bytes, line)
        case .lineEnd(let line): try streamEnded(line)
        case .takesMore: break
        }
    }

    /// After a call of the host's: in application-driven mode it sends what may be sent, and leaves the rest to the next
    /// turn.
    private func called() throws(Broken) {
        if longestTurn == nil || isDriving || isOver { return try work() }
        guard !isWorking else { return }
        sendWaiting()
        if machine.hasActions { becomeReadable() }
        setTimer()
    }

    private func timerFired(_ at: Int64) throws(Broken) {
        guard at == wakeAt, !isOver else { return }
        wakeAt = .max
        world.withGroup(group) { machine.tick(world.instant, &$0) }
        try work()
    }

    private func connectDone(_ done: Int) throws(Broken) {
        guard done == line, !isOver else { return }
        let gateway = world.gateways[world.lines[line].gateway]
        if world.lines[line].greeting == .refusesConnection || !gateway.isUp {
            fail(Cause(.connectFailed, .connect, 111, "refused"))
        } else {
            gateway.accepted(line, isWebSocket: configuration.transport != .tcp)
            if world.lines[line].greeting == .acceptsAndCloses {
                world.agenda.add(.gatewayCloses(line: line), at: world.now)
            }
            machine.connected(world.instant)
            if configuration.transport != .tcp { beginUpgrade() }
        }
        try work()
    }

    private func streamEnded(_ ended: Int) throws(Broken) {
        guard ended == line, !isOver else { return }
        let cause = Cause(.disconnected, .receive, 0, "closed")
        world.withGroup(group) { machine.streamLost(cause, world.instant, &$0) }
        try work()
    }

    private func receive(_ bytes: [UInt8], _ from: Int) throws(Broken) {
        guard from == line, !isOver else { return }
        if bridged != nil { return try receiveSections(bytes, from) }
        bytes.withUnsafeBytes { reader.append($0) }
        do {
            while from == line, !isOver, let frame = try reader.next() {
                try handle(frame)
                try work()
            }
        } catch let broken as Broken {
            throw broken
        } catch {
            let cause = Cause(.protocolError, .receive, 71, "\(error)")
            world.withGroup(group) { machine.streamLost(cause, world.instant, &$0) }
        }
        try work()
    }

    private func handle(_ frame: Frame) throws(Broken) {
        let body: UnsafeRawBufferPointer
        let isIntact: Bool
        do throws(Cause) {
            (body, isIntact) = try decryption.open(frame, arena)
        } catch {
            return world.withGroup(group) { machine.streamLost(error, world.instant, &$0) }
        }
        if case .none = cipher {
        } else if !isIntact || frame.body.elementsEqual(body) {
            // No cipher text is its own clear text.
            throw Broken(promise: "a body that was not encrypted with the session's key was taken")
        }
        let answer = summary(protoID: frame.header.protoID, body, isIntact: isIntact)
        let incoming = world.withGroup(group) { group in
            machine.received(
                protoID: frame.header.protoID, serialNo: frame.header.serialNo, answer: answer, world.instant, &group)
        }
        try take(incoming, frame.header.serialNo, body, answer, isIntact: isIntact)
    }

    /// What an answer's body says, as the driver reads it.
    func summary(protoID: UInt32, _ body: UnsafeRawBufferPointer, isIntact: Bool) -> AnswerSummary {
        guard isIntact else { return .damaged }
        guard protoID == ProtoID.getCapitalDistribution else { return .success }
        return AnswerSummary(AnswerContent(distribution: body, arena))
    }

    func take(
        _ incoming: World.Machine.Incoming, _ serialNo: UInt32, _ body: UnsafeRawBufferPointer,
        _ answer: AnswerSummary, isIntact: Bool
    ) throws(Broken) {
        if case .refusal(_, let words) = answer, let refusal = words.withCString({ FrequencyRefusal($0) }),
            world.limit > 0
        {
            switch incoming {
            case .failure, .late:
                let length = refusal.wait(orFor: TimeAmount(nanoseconds: world.window)).nanoseconds
                world.gatesOpen[group] = max(world.gatesOpen[group], world.now + length)
                world.firsts[group] = nil
                world.isKnown[group] = false
            default: break
            }
        }
        switch incoming {
        case .handshake: handshake(body, isIntact: isIntact)
        case .answer(let request): try answered(request.payload, .ok, serialNo, body)
        case .failure(let completion):
            try answered(completion.request.payload, completion.status, serialNo, body)
        case .push:
            guard isReady else { throw Broken(promise: "a push before on_init_connect") }
        case .late, .nothing: break
        }
    }

    private func handshake(_ body: UnsafeRawBufferPointer, isIntact: Bool) {
        if configuration.transport != .tcp { return handshakeWithBridge(body) }
        guard isIntact, let response = try? InitConnectResponse(body, arena) else {
            return fail(Cause(.protocolError, .initConnect, 0, "damaged"))
        }
        guard response.head.retType == 0 else {
            return fail(Cause(.connectRefused, .initConnect, 5, "refused"))
        }
        guard let content = response.content else { return fail(Cause(.protocolError, .initConnect, 0, "empty")) }
        do throws(Cause) {
            encryption = try decryption.agree(content)
        } catch {
            return fail(error)
        }
        world.withGroup(group) {
            machine.handshakeSucceeded(keepAliveInterval: content.keepAliveInterval, world.instant, &$0)
        }
    }

    private func answered(
        _ token: Int, _ status: Status, _ wireSerialNo: UInt32, _ body: UnsafeRawBufferPointer
    ) throws(Broken) {
        guard isReady else { throw Broken(promise: "an answer before on_init_connect") }
        if case .ok = status, token >= 0 {
            let code = world.asked[token]?.code ?? 0
            guard
                (try? CapitalDistributionResponse(body, arena))?.content
                    == world.gateways[group].figures(World.code(code))
                    || world.lines[line].altered.contains(wireSerialNo)
            else {
                throw Broken(promise: "another request's figures were called success")
            }
        }
        try completed(token, status)
    }

    func fail(_ cause: Cause) {
        world.withGroup(group) { machine.attemptFailed(cause, world.instant, &$0) }
    }

    /// Performs actions, sends, and sets the timer, as the driver does after every event.
    func work() throws(Broken) {
        guard !isWorking, !isOver else { return }
        isWorking = true
        defer { isWorking = false }
        repeat {
            while let action = machine.popAction() { try perform(action) }
            sendWaiting()
        } while machine.hasActions
        setTimer()
    }

    private func sendWaiting() {
        while !isOver, line >= 0, let next = world.withGroup(group, { machine.nextToSend(world.instant, &$0) }) {
            send(next)
        }
    }

    private func setTimer() {
        if !isOver, machine.wakeAt.nanoseconds < wakeAt {
            wakeAt = machine.wakeAt.nanoseconds
            world.agenda.add(.wake(connection: index, at: wakeAt), at: max(wakeAt, world.now))
        }
    }

    private func perform(_ action: World.Machine.Action) throws(Broken) {
        guard !isOver else { throw Broken(promise: "something after on_closed") }
        switch action {
        case .connect:
            guard line < 0 else { throw Broken(promise: "two lines at a time") }
            let greeting: Greeting =
                world.chance.oneIn(world.faultEvery) ? world.chance.pick(Greeting.allCases) : .normal
            line = world.lines.count
            world.lines.append(Line(connection: index, gateway: group, greeting: greeting))
            reader.reset()
            bridged = nil
            decryption.reset()
            encryption = nil
            world.agenda.add(
                .connectDone(connection: index, line: line),
                at: world.now + world.chance.time(0...300) * World.millisecond)
        case .closeStream:
            // Also when a release keeps the disconnect from being told.
            lastLost = -1
            if line >= 0 {
                world.lines[line].isOpenAtClient = false
                world.gateways[group].lost(line)
            }
            line = -1
            world.withGroup(group) { machine.streamClosed(world.instant, &$0) }
        case .initConnect(let cause):
            guard !isReleased else { throw Broken(promise: "on_init_connect after release") }
            guard !isReady else { throw Broken(promise: "connected twice without a disconnect") }
            guard cause != nil || configuration.transport != .tcp || key === world.gateways[group].key else {
                throw Broken(promise: "connected without the gateway's key")
            }
            isReady = cause == nil
            isFailed = cause != nil
            if let cause, configuration.reconnects, !cause.isFinal {
                throw Broken(promise: "gave up though it reconnects")
            }
        case .disconnect:
            guard !isReleased else { throw Broken(promise: "on_disconnect after release") }
            guard isReady else { throw Broken(promise: "a disconnect without a connection") }
            isReady = false
            isFailed = !configuration.reconnects
        case .complete(let completion):
            if completion.status == .disconnected {
                let token = abs(completion.request.payload)
                guard token >= lastLost else { throw Broken(promise: "lost requests completed out of order") }
                lastLost = token
            }
            try completed(completion.request.payload, completion.status)
        case .attemptFailed:
            guard !isReleased, !isReady, configuration.reconnects else {
                throw Broken(promise: "no attempt that is repeated")
            }
        case .log: break
        case .closed:
            guard isReleased else { throw Broken(promise: "closed without release") }
            isOver = true
            world.withGroup(group) { $0.setWaiting(UInt64(index + 1), 0) }
        }
        if !isReleased, world.chance.oneIn(40) { try world.act() }
        // In a callback of its own, whatever it tells, and whatever was to be told after it.
        if !isReleased, world.chance.oneIn(400) { try release() }
    }

    private func completed(_ payload: Int, _ status: Status) throws(Broken) {
        try world.completed(payload >= 0 ? payload : -payload - 1, status, by: index)
        // A host does things in its callbacks.
        if world.chance.oneIn(20) { try world.act() }
    }

    // MARK: - Sending

    private func send(_ next: World.Machine.Outgoing) {
        if let bridged { return send(bridged.bytes(next, self)) }
        var writer = FrameWriter()
        switch next {
        case .initConnect(let serialNo):
            let body = InitConnectRequest(
                clientVersion: 101, clientID: "simulated", recvNotify: true, packetEncAlgo: cipher.rawValue
            ).encoded()
            _ = body.withUnsafeBytes { body in
                if let encrypted = key?.encrypt(body) {
                    writer.append(protoID: ProtoID.initConnect, serialNo: serialNo, body: body, encrypted: encrypted)
                } else {
                    writer.append(protoID: ProtoID.initConnect, serialNo: serialNo, body: body)
                }
            }
        case .keepAlive(let serialNo):
            let body = KeepAlive.encodedRequest(time: world.now)
            _ = body.withUnsafeBytes {
                writer.append(protoID: ProtoID.keepAlive, serialNo: serialNo, body: $0, cipher: encryption)
            }
        case .ping, .probe: return
        case .request(let request):
            _ = body(request).withUnsafeBytes {
                writer.append(
                    protoID: request.protoID, serialNo: request.wireSerialNo, body: $0, cipher: encryption)
            }
        }
        send([UInt8](writer.pending))
    }

    func body(_ request: Request<Int>) -> [UInt8] {
        let isRaw = request.payload < 0
        if !isRaw { world.sent(request, by: self) }
        let code = World.code(world.asked[request.payload]?.code ?? 0)
        return isRaw
            ? GlobalState.encodedRequest(userID: 0) : CapitalDistributionRequest(market: 1, code: code).encoded()
    }

    func send(_ bytes: [UInt8]) {
        let at = max(world.now + world.chance.time(0...30) * World.millisecond, world.lines[line].lastArrivalAtGateway)
        world.lines[line].lastArrivalAtGateway = at
        world.agenda.add(.toGateway(line: line, bytes), at: at)
    }
}

extension World {
    static func code(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 5 - digits.count) + digits
    }
}
