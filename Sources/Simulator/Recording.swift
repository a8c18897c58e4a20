import Codec

/// The answers of a recorded session, by protocol and body of the request. A request that was recorded more than once
/// gets its answers in order, and the last one from then on.
package struct Recording: Sendable {
    private struct Request: Hashable {
        var protoID: UInt32
        /// nil: any request of this protocol.
        var body: [UInt8]?
    }

    private struct Answers {
        var bodies: [[UInt8]]
        var next = 0
    }

    /// A frame read from a recording.
    package struct Entry {
        package var client: Int64
        package var isRequest: Bool
        package var protoID: UInt32
        package var serialNo: UInt64
        package var isPush: Bool
        package var body: [UInt8]

        package init(
            client: Int64, isRequest: Bool, protoID: UInt32, serialNo: UInt64, isPush: Bool, body: [UInt8]
        ) {
            self.client = client
            self.isRequest = isRequest
            self.protoID = protoID
            self.serialNo = serialNo
            self.isPush = isPush
            self.body = body
        }
    }

    private struct Waiting: Hashable {
        var client: Int64
        var protoID: UInt32
        var serialNo: UInt64
    }

    private var answers: [Request: Answers] = [:]
    /// Requests whose answers were not read yet.
    private var waiting: [Waiting: [UInt8]] = [:]
    /// The recorded pushes, in order.
    package private(set) var pushes: [(protoID: UInt32, body: [UInt8])] = []

    package init() {}

    package init(_ entries: some Sequence<Entry>) {
        for entry in entries { add(entry) }
    }

    /// Takes the next frame of the recording; an answer comes after its request.
    package mutating func add(_ entry: Entry) {
        let key = Waiting(client: entry.client, protoID: entry.protoID, serialNo: entry.serialNo)
        if entry.isRequest {
            waiting[key] = entry.body
        } else if entry.isPush {
            pushes.append((entry.protoID, entry.body))
        } else if let request = waiting.removeValue(forKey: key) {
            // No two clients send the same handshake.
            let isGreeting = entry.protoID == ProtoID.initConnect || entry.protoID == ProtoID.initWebSocket
            for body in isGreeting ? [request, nil] : [request] {
                answers[Request(protoID: entry.protoID, body: body), default: Answers(bodies: [])].bodies
                    .append(entry.body)
            }
        }
    }

    /// How many answers it has.
    package var count: Int { answers.filter { $0.key.body != nil }.values.reduce(0) { $0 + $1.bodies.count } }

    /// - Parameter body: the decrypted body; nil: any body, for handshakes.
    mutating func answer(to protoID: UInt32, _ body: [UInt8]?) -> [UInt8]? {
        let key = Request(protoID: protoID, body: body)
        guard let found = answers[key] else { return nil }
        answers[key]?.next = min(found.next + 1, found.bodies.count - 1)
        return found.bodies[found.next]
    }
}
