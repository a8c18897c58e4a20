import Codec
import Foundation
import Testing

@testable import Simulator

let second: Instant = 1_000_000_000

/// A frame of a gateway, decoded.
struct Answer: Equatable {
    var protoID: UInt32
    var serialNo: UInt32
    var body: [UInt8]

    func head() throws -> AnyResponse { try decode(body, AnyResponse.init) }

    /// The figures; a refusal fails the test.
    func figures() throws -> CapitalDistribution {
        let response = try decode(body, CapitalDistributionResponse.init)
        return try #require(response.content, "refused: \(response.head)")
    }

    func initConnect() throws -> InitConnectResponse.Content {
        try #require(try decode(body, InitConnectResponse.init).content)
    }
}

/// Splits a byte stream into answers, and checks every frame.
func answers(_ bytes: some Sequence<UInt8>) throws -> [Answer] {
    var reader = FrameReader(maxBodyLength: 1 << 20)
    Array(bytes).withUnsafeBytes { reader.append($0) }
    var answers: [Answer] = []
    while let frame = try reader.next() {
        try #require(SHA1Digest(of: frame.body) == frame.header.sha1)
        answers.append(
            Answer(protoID: frame.header.protoID, serialNo: frame.header.serialNo, body: Array(frame.body)))
    }
    let left = reader.bufferedCount
    try #require(left == 0, "half a frame is left")
    return answers
}

/// A gateway in virtual time, with everything that it has sent.
final class VirtualGateway {
    private var gateway: Gateway
    var now: Instant = 0
    private(set) var sent: [(client: Int, at: Instant, bytes: [UInt8])] = []
    private(set) var closed: [Int] = []
    private let traced: Lines?
    private let observed = Observed()

    private final class Lines {
        var text = ""
    }

    private final class Observed {
        var frames: [RecordedFrame] = []
        var notRecorded: [String] = []
    }

    /// The events for a recording.
    var recorded: [RecordedFrame] { observed.frames }
    /// Requests that a replay had no answer for.
    var notRecorded: [String] { observed.notRecorded }

    init(traces: Bool = false, _ change: (inout GatewayConfiguration) -> Void = { _ in }) {
        var configuration = GatewayConfiguration()
        change(&configuration)
        let lines = traces ? Lines() : nil
        traced = lines
        gateway = Gateway(
            configuration,
            observers: .init(
                trace: lines.map { lines in { lines.text += $0.line } },
                record: { [observed] in observed.frames.append($0) },
                notRecorded: { [observed] in observed.notRecorded.append($0) }))
    }

    var nextTick: Instant? { gateway.nextTick }

    /// The trace so far, decoded.
    func trace() throws -> [[String: Any]] {
        try #require(traced).text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    func connect(_ client: Int, isWebSocket: Bool = false) {
        perform(gateway.connected(client, isWebSocket: isWebSocket, now))
    }

    /// A message over WebSocket.
    func receive(_ command: UInt32, _ section: UInt64, _ body: [UInt8], from client: Int) {
        perform(
            body.withUnsafeBytes {
                gateway.received(SectionHeader(command: command, section: section), $0, from: client, now)
            })
    }

    /// A frame of a WebSocket came, or the upgrade to it.
    func hear(_ client: Int) { gateway.heard(client, now) }

    var isLoggedIn: Bool { gateway.isLoggedIn(now) }

    func close(_ client: Int) { gateway.closed(client, now) }

    func tick() { perform(gateway.tick(now)) }

    func receive(_ bytes: some Collection<UInt8>, from client: Int) {
        perform(Array(bytes).withUnsafeBytes { gateway.received($0, from: client, now) })
    }

    private func perform(_ outputs: [Gateway.Output]) {
        for output in outputs {
            switch output {
            case .send(let client, let frame, let at): sent.append((client, at, frame.bytes))
            case .close(let client, _): closed.append(client)
            }
        }
    }

    /// The data that was sent since the last call.
    func takeAnswers() throws -> [Answer] {
        defer { sent = [] }
        return try answers(sent.flatMap(\.bytes))
    }

    /// Connects and does the handshake.
    @discardableResult
    func greet(_ client: Int = 1, recvNotify: Bool? = nil) throws -> InitConnectResponse.Content {
        connect(client)
        return try ask(Requests.initConnect(1, recvNotify: recvNotify), from: client).initConnect()
    }

    /// Sends a request and takes its only answer, which must have its protocol and serial number.
    func ask(_ request: [UInt8], from client: Int = 1) throws -> Answer {
        receive(request, from: client)
        let answers = try takeAnswers()
        try #require(answers.count == 1)
        let header = try #require(
            try request.withUnsafeBytes { try FrameHeader($0, maxBodyLength: Gateway.maxBodyLength) })
        try #require(answers[0].protoID == header.protoID && answers[0].serialNo == header.serialNo)
        return answers[0]
    }
}

/// Frames of clients.
enum Requests {
    static func frame(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [UInt8] {
        var writer = FrameWriter()
        _ = body.withUnsafeBytes { writer.append(protoID: protoID, serialNo: serialNo, body: $0) }
        return Array(writer.pending)
    }

    static func initConnect(_ serialNo: UInt32, recvNotify: Bool? = nil) -> [UInt8] {
        frame(
            ProtoID.initConnect, serialNo,
            InitConnectRequest(
                clientVersion: 101, clientID: "test", recvNotify: recvNotify, programmingLanguage: "Swift"
            )
            .encoded())
    }

    static func keepAlive(_ serialNo: UInt32, time: Int64 = 1_654_656_261) -> [UInt8] {
        frame(ProtoID.keepAlive, serialNo, KeepAlive.encodedRequest(time: time))
    }

    static func globalState(_ serialNo: UInt32) -> [UInt8] {
        frame(ProtoID.getGlobalState, serialNo, GlobalState.encodedRequest(userID: 0))
    }

    static func figures(_ serialNo: UInt32, _ market: Market = .hk, _ code: String = "00700") -> [UInt8] {
        figures(serialNo, market: market.rawValue, code)
    }

    static func figures(_ serialNo: UInt32, market: Int32, _ code: String) -> [UInt8] {
        frame(
            ProtoID.getCapitalDistribution, serialNo,
            CapitalDistributionRequest(market: market, code: code).encoded())
    }
}

func decode<Value>(
    _ bytes: [UInt8], _ decoder: (UnsafeRawBufferPointer, borrowing MessageArena) throws(MessageError) -> Value
) throws -> Value {
    let arena = MessageArena()
    return try bytes.withUnsafeBytes { try decoder($0, arena) }
}

/// The package's folder.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// The bytes of a message that was made with the vendor's own code (Tests/vectors/opend.json).
func vector(_ name: String) throws -> [UInt8] {
    struct Vectors: Decodable {
        struct Message: Decodable {
            let message: String
            let bytes: String
        }
        let messages: [Message]
    }
    let data = try Data(contentsOf: root.appending(path: "Tests/vectors/opend.json"))
    let messages = try JSONDecoder().decode(Vectors.self, from: data).messages
    let digits = try #require(messages.first { $0.message == name }, "no vector \(name)").bytes
        .compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

/// A random number generator with a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// The test's seed, which is printed so that a failure can be repeated. `CAPDIST_TEST_SEED=n` sets it.
    init(for test: String = #function) {
        let set = ProcessInfo.processInfo.environment["CAPDIST_TEST_SEED"].flatMap(UInt64.init)
        state = set ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(test): CAPDIST_TEST_SEED=\(state)")
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }
}

extension Fault {
    /// Whether a client's connection does not survive this fault.
    var endsConnection: Bool {
        switch self {
        case .closeInHeader, .closeInBody, .reset, .badMagic, .hugeLength, .shortLength, .unknownFormat, .jsonFormat,
            .randomBytes, .clear, .truncatedBlock, .wrongTail, .initRefused, .initNoContent, .acceptClose, .dropAfter,
            .restart:
            true
        default: false
        }
    }
}
