import Codec
import Testing

@testable import Simulator

let second: Instant = 1_000_000_000

/// A gateway on the bench: frames in at an instant, frames out.
final class GatewayBench {
    var gateway: Gateway
    var now: Instant = 1_700_000_000 * second
    private(set) var trace: [String] = []
    private let arena = MessageArena()

    init(_ configure: (inout GatewayConfiguration) -> Void = { _ in }) {
        var configuration = GatewayConfiguration()
        configure(&configuration)
        gateway = Gateway(configuration)
        gateway = Gateway(configuration) { [unowned self] in trace.append($0.line) }
    }

    /// One client that has done its handshake.
    static func greeted(_ configure: (inout GatewayConfiguration) -> Void = { _ in }) -> GatewayBench {
        let bench = GatewayBench(configure)
        bench.greet(1)
        return bench
    }

    func greet(_ client: Int, pushes: Bool = false) {
        _ = gateway.connected(client, now)
        let hello = InitConnectRequest(clientVersion: 101, clientID: "bench", recvNotify: pushes)
        #expect(ask(client, ProtoID.initConnect, 1, hello.encoded()).count == 1)
    }

    /// Hands in one frame; what comes back, as (proto id, serial number, body).
    func ask(_ client: Int, _ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [(UInt32, UInt32, [UInt8])] {
        answers(receive(client, frame(protoID, serialNo, body)))
    }

    func receive(_ client: Int, _ bytes: [UInt8]) -> [Gateway.Output] {
        bytes.withUnsafeBytes { gateway.received($0, from: client, now) }
    }

    func frame(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [UInt8] {
        var writer = FrameWriter()
        _ = body.withUnsafeBytes { writer.append(protoID: protoID, serialNo: serialNo, body: $0) }
        return [UInt8](writer.pending)
    }

    func answers(_ outputs: [Gateway.Output]) -> [(UInt32, UInt32, [UInt8])] {
        outputs.compactMap { output in
            guard case .send(_, let sent, _) = output else { return nil }
            return (sent.protoID, sent.serialNo, Array(sent.bytes.dropFirst(FrameHeader.size)))
        }
    }

    /// Asks for a capital distribution.
    func distribution(
        _ market: Int32 = 1, _ code: String = "00700", client: Int = 1, serialNo: UInt32 = 9
    ) throws -> CapitalDistributionResponse {
        let request = CapitalDistributionRequest(market: market, code: code).encoded()
        let answer = try #require(ask(client, ProtoID.getCapitalDistribution, serialNo, request).first)
        #expect(answer.0 == ProtoID.getCapitalDistribution && answer.1 == serialNo)
        return try answer.2.withUnsafeBytes { try CapitalDistributionResponse($0, arena) }
    }

    func refusal(_ answer: (UInt32, UInt32, [UInt8])?) throws -> AnyResponse {
        try #require(answer).2.withUnsafeBytes { try AnyResponse($0, arena) }
    }
}
