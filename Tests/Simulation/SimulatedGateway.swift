import Codec
import Core
import Simulator

/// A gateway with faults, at the far end of the simulated network.
final class SimulatedGateway {
    unowned let world: World
    let index: Int
    var isUp = true
    /// When requests were counted. They are kept a little longer than a window.
    private(set) var counted: [Int64] = []
    let isOld: Bool
    /// The settings that its clients must have, too.
    let key: RSAKey?
    private var gateway: Gateway
    private var readers: [Int: Reader] = [:]

    private final class Reader {
        var reader = FrameReader(maxBodyLength: 1 << 20)
        /// Keeps the order of frames that faults have changed.
        var wire = SendSchedule()
        var nextLook = Int64.max
        /// Frames that the client must handle, before they are sent.
        var noted: [(bytes: [UInt8], what: Landmark)] = []
        /// nil: over TCP.
        let bridge: BridgeStream?

        init(_ bridge: BridgeStream?) { self.bridge = bridge }
    }

    init(_ world: World, _ index: Int) {
        self.world = world
        self.index = index
        var configuration = GatewayConfiguration()
        // The world checks the quota itself. Sometimes the gateway is stricter than the clients know.
        configuration.quota = nil
        if world.limit > 1, world.chance.oneIn(4) { configuration.quota = (world.limit - 1, world.window) }
        configuration.keepAliveInterval = Int32(world.chance.pick([10, 10, 10, 0, -5, 1, 30, 2_000_000_000]))
        configuration.seed = world.chance.next()
        configuration.pushInterval = world.chance.oneIn(2) ? 5_000 * World.millisecond : nil
        key = world.chance.oneIn(3) ? world.chance.pick(Keys.all) : nil
        configuration.rsaKey = key
        isOld = world.chance.oneIn(10)
        configuration.isOld = isOld
        gateway = Gateway(configuration)
    }

    /// Its answer for HK.`code`.
    func figures(_ code: String) -> CapitalDistribution {
        let figures = CapitalDistribution.derived(market: 1, code: code)
        return isOld ? figures.old : figures
    }

    /// Its index.
    var keyIndex: Int? { key.flatMap { key in Keys.all.firstIndex { $0 === key } } }

    /// The same for `clientKey`.
    func clientKeyIndex() -> Int? { clientKey().flatMap { key in Keys.all.firstIndex { $0 === key } } }

    /// The configuration of a client. Sometimes the key is wrong.
    func clientKey() -> RSAKey? {
        world.chance.oneIn(20) ? world.chance.pick(Keys.all + [nil]) : key
    }

    /// Goes down with all its streams, and comes back after a while.
    func restart() {
        world.narrate?("gateway \(index) restarts")
        isUp = false
        for stream in world.streams.indices
        where world.streams[stream].gateway == index && world.streams[stream].isOpenAtGateway {
            closeSoon(stream)
        }
        world.agenda.add(.gatewayBack(gateway: index), at: world.now + world.chance.time(0...8_000) * World.millisecond)
    }

    func accepted(_ stream: Int, isWebSocket: Bool) {
        _ = gateway.connected(stream, isWebSocket: isWebSocket, world.now)
        let answersPings = world.streams[stream].greeting != .ignoresKeepAlive
        readers[stream] = Reader(isWebSocket ? BridgeStream(nil, answersPings: answersPings) : nil)
    }

    /// The client closed its end.
    func lost(_ stream: Int) {
        world.streams[stream].isOpenAtGateway = false
        gateway.closed(stream, world.now)
        readers[stream] = nil
    }

    func receive(_ stream: Int, _ bytes: [UInt8]) {
        guard world.streams[stream].isOpenAtGateway, isUp, let reader = readers[stream] else { return }
        if world.streams[stream].greeting == .acceptsAndIsSilent { return }
        if let bridge = reader.bridge { return receive(stream, bytes, bridge) }
        bytes.withUnsafeBytes { reader.reader.append($0) }
        while let frame = try? reader.reader.next() { note(frame.header.protoID, frame.header.serialNo, stream) }
        let outputs = bytes.withUnsafeBytes { gateway.received($0, from: stream, world.now) }
        for output in outputs { perform(output) }
    }

    private func receive(_ stream: Int, _ bytes: [UInt8], _ bridge: BridgeStream) {
        var outputs: [Gateway.Output] = []
        let end = bytes.withUnsafeBytes { bytes in
            bridge.received(
                bytes, heard: { gateway.heard(stream, world.now) },
                message: { header, body in
                    note(header.command, UInt32(truncatingIfNeeded: header.section), stream)
                    outputs += gateway.received(header, body, from: stream, world.now)
                })
        }
        bridge.put(bridge.takeControls())
        deliver(bridge.takeOutput(), stream)
        for output in outputs { perform(output) }
        if let end { for output in gateway.broken(stream, end, world.now) { perform(output) } }
    }

    func tick() {
        for output in gateway.tick(world.now) { perform(output) }
        world.agenda.add(.gatewayTick(gateway: index), at: world.now + 1_000 * World.millisecond)
    }

    /// Counts a request when it reads it, as the real gateway does.
    private func note(_ protoID: UInt32, _ serialNo: UInt32, _ stream: Int) {
        if serialNo <= world.streams[stream].highestSerialNo { world.isOutOfOrder = true }
        world.streams[stream].highestSerialNo = serialNo
        guard protoID == ProtoID.getCapitalDistribution else { return }
        counted.append(world.now)
        if counted.count > 4 * (world.limit + 1) { counted.removeFirst(counted.count - world.limit - 1) }
    }

    private func perform(_ output: Gateway.Output) {
        switch output {
        case .close(let stream, _): closeSoon(stream)
        case .send(let stream, let frame, _): send(frame, stream)
        }
    }

    private func send(_ frame: Gateway.SentFrame, _ stream: Int) {
        guard world.streams[stream].isOpenAtGateway, let reader = readers[stream] else { return }
        let greeting = world.streams[stream].greeting
        var fault: Fault?
        switch frame.protoID {
        case ProtoID.initConnect, ProtoID.initWebSocket: fault = greeting.fault(&world.chance)
        case _ where greeting == .stopsAnswering: return
        case ProtoID.keepAlive where greeting == .ignoresKeepAlive: fault = .noKeepAlive
        default: if world.chance.oneIn(world.faultEvery) { fault = world.chance.pick(Fault.ofAnswers) }
        }
        if let fault {
            world.narrate?("fault \(fault) on stream \(stream), proto \(frame.protoID) serial \(frame.serialNo)")
            if fault.altersFigures(isWebSocket: reader.bridge != nil), let code = frame.request?.code {
                if let security = Sharing.security(code) {
                    world.altered.insert(Sharing.token(security, of: index))
                } else if let token = World.token(code) {
                    world.altered.insert(token)
                }
            }
        }
        if let error = bridgeError(frame, fault) { return reader.wire.add([.send(error)], at: world.now, world.now) }
        let steps = fault?.apply(argument(fault), to: frame, using: &world.chance) ?? [.send(frame.bytes)]
        if !world.streams[stream].isDamaged { note(frame, fault, steps, reader) }
        if let fault, !fault.leavesOthersWhole { world.streams[stream].isDamaged = true }
        reader.wire.add(steps, at: world.now, world.now)
        look(stream)
    }

    private func note(_ frame: Gateway.SentFrame, _ fault: Fault?, _ steps: [WireStep], _ reader: Reader) {
        switch (fault, steps.first) {
        case (.clear, .send(let bytes)) where !frame.isWebSocket && bytes != frame.bytes:
            reader.noted.append((bytes, .unencrypted))
        case (nil, _), (.late, _), (.delay, _):
            guard frame.protoID == ProtoID.getCapitalDistribution, world.limit > 0,
                let answer = frame.body.withUnsafeBytes({ try? AnyResponse($0, world.arena) }),
                let refusal = (answer.retMsg ?? "").withCString({ FrequencyRefusal($0) })
            else { return }
            reader.noted.append((frame.bytes, .refusal(wait: world.wait(after: refusal))))
        default: break
        }
    }

    // Sometimes the bridge has no answer, or has lost OpenD.
    private func bridgeError(_ frame: Gateway.SentFrame, _ fault: Fault?) -> [UInt8]? {
        guard fault == nil, frame.isWebSocket, world.chance.oneIn(2 * world.faultEvery) else { return nil }
        world.narrate?("the bridge fails, proto \(frame.protoID) serial \(frame.serialNo)")
        var header = SectionHeader(command: frame.protoID, section: UInt64(frame.serialNo), errorText: "simulated")
        header.error = Int32(world.chance.pick(1...4))
        if world.chance.oneIn(4) { header = SectionHeader(command: ProtoID.lostOpenD, section: 0) }
        var queue = ByteQueue()
        header.reply([]).withUnsafeBytes { WebSocketFrame.append(.binary, $0, mask: nil, to: &queue) }
        return Array(queue.pending)
    }

    /// nil: the fault's own.
    private func argument(_ fault: Fault?) -> Int64? {
        switch fault {
        // Before and after most requests have been given up.
        case .late: world.chance.time(50...60_000)
        case .delay: 2_000
        case .longText: world.chance.pick([1_000, 1 << 19])
        case .retType, .retTypeBare: world.chance.pick([-1, -100, -200, -400, -500, 1, Int64(Int32.min)])
        // No gateway names longer windows, and they are not believed.
        case .tooFrequent: world.chance.pick([0, 1, 2, 30, 601])
        default: nil
        }
    }

    /// Does what is due on a stream, and schedules the next time.
    func look(_ stream: Int) {
        guard let reader = readers[stream] else { return }
        while let action = reader.wire.next(world.now) {
            switch action {
            case .send(let bytes):
                let noted = reader.noted.firstIndex { $0.bytes == bytes }
                reader.bridge?.put(bytes)
                deliver(reader.bridge?.takeOutput() ?? bytes, stream)
                if let noted {
                    world.streams[stream].landmarks.append(
                        (world.streams[stream].sentToClient, reader.noted.remove(at: noted).what))
                }
            case .close, .reset: return closeSoon(stream)
            }
        }
        guard let next = reader.wire.nextTime, next < reader.nextLook || reader.nextLook <= world.now else { return }
        reader.nextLook = max(next, world.now + 1)
        world.agenda.add(.gatewayLooks(stream: stream), at: reader.nextLook)
    }

    /// Sends bytes in pieces of any size, in order.
    private func deliver(_ bytes: [UInt8], _ stream: Int) {
        guard world.streams[stream].isOpenAtGateway else { return }
        var rest = bytes[...]
        world.streams[stream].sentToClient += bytes.count
        var at = max(
            world.now + world.chance.time(0...3) * World.millisecond, world.streams[stream].lastArrivalAtClient)
        let isWhole = world.chance.oneIn(2)
        while !rest.isEmpty {
            let count = isWhole ? rest.count : min(rest.count, world.chance.pick([1, 2, 44, 45, 100]))
            world.agenda.add(.toClient(stream: stream, Array(rest.prefix(count))), at: at)
            rest = rest.dropFirst(count)
            if world.chance.oneIn(8) { at += world.chance.time(0...20) * World.millisecond }
        }
        world.streams[stream].lastArrivalAtClient = at
    }

    private func closeSoon(_ stream: Int) {
        gateway.closed(stream, world.now)
        readers[stream] = nil
        world.agenda.add(.gatewayCloses(stream: stream), at: max(world.now, world.streams[stream].lastArrivalAtClient))
    }
}
