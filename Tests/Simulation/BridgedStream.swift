import Codec
import Core

/// A simulated connection's end of a line to the bridge.
final class BridgedStream {
    var upgrade: WebSocketUpgrade?
    var reader = WebSocketReader(.client, maxMessageLength: SectionHeader.replySize + 1 << 20)
    private var framesTold = 0

    init() {
        upgrade = WebSocketUpgrade(host: "simulated", port: 33333, defaultPort: 80)
    }

    /// What goes out.
    func bytes(_ next: World.Machine.Outgoing, _ connection: SimulatedConnection) -> [UInt8] {
        var writer = FrameWriter(MaskSource())
        switch next {
        case .initConnect(let serialNo):
            let body = InitWebSocketRequest(websocketKey: [], clientID: "simulated", programmingLanguage: nil).encoded()
            _ = body.withUnsafeBytes { writer.append(protoID: ProtoID.initWebSocket, serialNo: serialNo, body: $0) }
        case .ping: _ = writer.append(.ping, UnsafeRawBufferPointer(start: nil, count: 0))
        case .probe(let serialNo):
            _ = GlobalState.encodedRequest(userID: 0).withUnsafeBytes {
                writer.append(protoID: ProtoID.getGlobalState, serialNo: serialNo, body: $0)
            }
        case .keepAlive: break
        case .request(let request):
            _ = connection.body(request).withUnsafeBytes {
                writer.append(protoID: request.protoID, serialNo: request.wireSerialNo, body: $0)
            }
        }
        return [UInt8](writer.pending)
    }

    /// What pings and closes are answered with.
    func controls() -> [UInt8] {
        var writer = FrameWriter(MaskSource())
        reader.takeControls { _ = writer.append($0, $1) }
        return [UInt8](writer.pending)
    }

    /// Frames that came to their end since it was last asked.
    func takeFrames() -> Int {
        defer { framesTold = reader.frameCount }
        return reader.frameCount - framesTold
    }
}

extension SimulatedConnection {
    func beginUpgrade() {
        bridged = BridgedStream()
        if let upgrade = bridged?.upgrade { send(upgrade.request) }
    }

    func receiveSections(_ bytes: [UInt8], _ from: Int) throws(Broken) {
        guard let bridged else { return }
        var bytes = bytes
        if bridged.upgrade != nil {
            let taken: Int?
            do {
                taken = try bytes.withUnsafeBytes { try bridged.upgrade?.received($0) }
            } catch {
                fail(Cause(.protocolError, .initConnect, 0, "\(error)"))
                return try work()
            }
            guard let taken else { return }
            bytes.removeFirst(taken)
            bridged.upgrade = nil
            machine.upgraded(world.instant)
            try work()
        }
        bytes.withUnsafeBytes { bridged.reader.received($0) }
        if bridged.reader.hasControls { send(bridged.controls()) }
        if bridged.takeFrames() > 0 { machine.heard(world.instant) }
        var failure: WebSocketFailure?
        while from == line, !isOver {
            var message: UnsafeRawBufferPointer?
            do throws(WebSocketFailure) { message = try bridged.reader.next() } catch { failure = error }
            guard let message else { break }
            try handle(message)
            try work()
        }
        if let failure, from == line, !isOver { lose(Cause(.protocolError, .receive, 71, "\(failure)")) }
        try work()
    }

    private func handle(_ message: UnsafeRawBufferPointer) throws(Broken) {
        guard let header = try? SectionHeader(reply: message) else {
            return lose(Cause(.protocolError, .receive, 71, "no section"))
        }
        if header.command == ProtoID.lostOpenD || header.error == 3 {
            return lose(Cause(.disconnected, .receive, 0, "the bridge lost OpenD"))
        }
        let serialNo = UInt32(exactly: header.section) ?? 0
        let body = UnsafeRawBufferPointer(rebasing: message[SectionHeader.replySize...])
        let answer = header.error == 0 ? summary(protoID: header.command, body, isIntact: true) : .success
        let incoming = world.withGroup(group) { group in
            header.error == 0
                ? machine.received(
                    protoID: header.command, serialNo: serialNo, answer: answer, world.instant, &group)
                : machine.bridgeFailed(
                    protoID: header.command, serialNo: serialNo, .replyTimeout, header.errorText, world.instant, &group)
        }
        if case .handshake = incoming, header.error != 0 {
            return fail(Cause(.connectTimeout, .initConnect, 0, header.errorText))
        }
        try take(incoming, serialNo, body, answer, isIntact: true)
    }

    func handshakeWithBridge(_ body: UnsafeRawBufferPointer) {
        guard let response = try? InitWebSocketResponse(body, arena) else {
            return fail(Cause(.protocolError, .initConnect, 0, "damaged"))
        }
        guard response.head.retType == 0 else {
            return fail(Cause(.connectRefused, .initConnect, 5, "refused"))
        }
        world.withGroup(group) { machine.handshakeSucceeded(keepAliveInterval: 10, world.instant, &$0) }
    }

    private func lose(_ cause: Cause) {
        world.withGroup(group) { machine.streamLost(cause, world.instant, &$0) }
    }
}
