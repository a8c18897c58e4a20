import Codec
import Connection
import Simulator

/// A gateway with faults, at the far end of the simulated network.
final class SimulatedGateway {
    unowned let world: World
    let index: Int
    var isUp = true
    /// When requests were counted; a little longer than a window is kept.
    private(set) var counted: [Int64] = []
    private var gateway: Gateway
    private var readers: [Int: Reader] = [:]

    private final class Reader {
        var reader = FrameReader(maxBodyLength: 1 << 20)
    }

    init(_ world: World, _ index: Int) {
        self.world = world
        self.index = index
        var configuration = GatewayConfiguration()
        // The world checks the quota itself; sometimes the gateway is stricter than the clients know.
        configuration.quota = nil
        if world.limit > 1, world.chance.oneIn(4) { configuration.quota = (world.limit - 1, world.window) }
        configuration.keepAliveInterval = Int32(world.chance.pick([10, 10, 10, 0, -5, 1, 30, 2_000_000_000]))
        configuration.seed = world.chance.number()
        configuration.pushInterval = world.chance.oneIn(2) ? 5_000 * World.millisecond : nil
        gateway = Gateway(configuration)
    }

    /// Goes away with all its lines, and is back after a while.
    func restart() {
        world.narrate?("gateway \(index) restarts")
        isUp = false
        for line in world.lines.indices where world.lines[line].gateway == index && world.lines[line].isOpenAtGateway {
            closeSoon(line)
        }
        world.agenda.add(.gatewayBack(gateway: index), at: world.now + world.chance.time(0...8_000) * World.millisecond)
    }

    func accepted(_ line: Int) {
        _ = gateway.connected(line, world.now)
        readers[line] = Reader()
    }

    /// The client closed its end.
    func lost(_ line: Int) {
        world.lines[line].isOpenAtGateway = false
        gateway.closed(line, world.now)
        readers[line] = nil
    }

    func receive(_ line: Int, _ bytes: [UInt8]) {
        guard world.lines[line].isOpenAtGateway, isUp, let reader = readers[line] else { return }
        if world.lines[line].greeting == .acceptsAndIsSilent { return }
        bytes.withUnsafeBytes { reader.reader.append($0) }
        while let frame = try? reader.reader.next() { note(frame, line) }
        let outputs = bytes.withUnsafeBytes { gateway.received($0, from: line, world.now) }
        for output in outputs { perform(output) }
    }

    func tick() {
        for output in gateway.tick(world.now) { perform(output) }
        world.agenda.add(.gatewayTick(gateway: index), at: world.now + 1_000 * World.millisecond)
    }

    /// Counts a request as the gateway does: when it reads it.
    private func note(_ frame: Frame, _ line: Int) {
        if frame.header.serialNo <= world.lines[line].highestSerialNo { world.isOutOfOrder = true }
        world.lines[line].highestSerialNo = frame.header.serialNo
        guard frame.header.protoID == ProtoID.getCapitalDistribution else { return }
        counted.append(world.now)
        if counted.count > 4 * (world.limit + 1) { counted.removeFirst(counted.count - world.limit - 1) }
    }

    private func perform(_ output: Gateway.Output) {
        switch output {
        case .close(let line, _): closeSoon(line)
        case .send(let line, let frame, _): send(frame, line)
        }
    }

    private func send(_ frame: Gateway.SentFrame, _ line: Int) {
        guard world.lines[line].isOpenAtGateway else { return }
        var frame = frame
        var fault: Fault?
        if frame.protoID == ProtoID.initConnect {
            switch world.lines[line].greeting {
            case .refusesInitConnect:
                frame.bytes = Frames.rebuilt(frame, AnyResponse(retType: -1, retMsg: "no").encoded())
            case .noContent: fault = .noContent
            case .damaged: fault = .flipped
            default: world.lines[line].isGreeted = true
            }
        } else if world.lines[line].greeting == .stopsAnswering {
            return
        } else if world.chance.oneIn(world.faultEvery) {
            fault = world.chance.pick(Fault.allCases)
            if frame.protoID == ProtoID.keepAlive, world.chance.oneIn(2) { fault = .dropped }
        }
        if let fault {
            world.narrate?("fault \(fault) on line \(line), proto \(frame.protoID) serial \(frame.serialNo)")
        }
        for piece in Frames.pieces(frame, fault, &world.chance) {
            if piece.delay == 0 {
                deliver(piece.bytes, line)
            } else {
                let at = world.now + piece.delay * World.millisecond
                world.agenda.add(.gatewaySends(line: line, piece.bytes), at: at)
            }
        }
        if let fault, fault.endsLine { closeSoon(line) }
    }

    /// Sends bytes in pieces of any size, in their order.
    func deliver(_ bytes: [UInt8], _ line: Int) {
        guard world.lines[line].isOpenAtGateway else { return }
        var rest = bytes[...]
        var at = max(
            world.now + world.chance.time(0...3) * World.millisecond, world.lines[line].lastArrivalAtClient)
        let isWhole = world.chance.oneIn(2)
        while !rest.isEmpty {
            let count = isWhole ? rest.count : min(rest.count, world.chance.pick([1, 2, 44, 45, 100]))
            world.agenda.add(.toClient(line: line, Array(rest.prefix(count))), at: at)
            rest = rest.dropFirst(count)
            if world.chance.oneIn(8) { at += world.chance.time(0...20) * World.millisecond }
        }
        world.lines[line].lastArrivalAtClient = at
    }

    private func closeSoon(_ line: Int) {
        gateway.closed(line, world.now)
        readers[line] = nil
        world.agenda.add(.gatewayCloses(line: line), at: max(world.now, world.lines[line].lastArrivalAtClient))
    }
}
