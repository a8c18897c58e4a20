import Codec
import Testing
@testable import Core

let millisecond: TimeAmount = .milliseconds(1)
let second: TimeAmount = .seconds(1)

// In tests a plain number is in nanoseconds.
extension Instant: ExpressibleByIntegerLiteral {
    public init(integerLiteral nanoseconds: Int64) { self.init(nanoseconds: nanoseconds) }
}

extension TimeAmount: ExpressibleByIntegerLiteral {
    public init(integerLiteral nanoseconds: Int64) { self.init(nanoseconds: nanoseconds) }

    static func * (count: Int64, time: TimeAmount) -> TimeAmount { time * count }
}

/// A time after the clock's beginning.
func at(_ time: TimeAmount) -> Instant { .zero + time }

extension Instant {
    static func random(in range: ClosedRange<Instant>, using generator: inout some RandomNumberGenerator) -> Instant {
        range.lowerBound + .random(in: .zero...(range.upperBound - range.lowerBound), using: &generator)
    }
}

/// A state machine under test. It is given events with times, and its actions become plain words.
final class Bench {
    var machine: ConnectionMachine<String>
    /// The quota group, which other benches may be in.
    let group: Group
    var quota: QuotaGroup {
        _read { yield group.quota }
        _modify { yield &group.quota }
    }
    var now = at(1_000 * second)
    /// The lines of the log.
    var lines: [(level: LogLevel, text: String)] = []

    /// The next wire serial number after the handshake; 1 before it.
    var nextWireSerialNo: UInt64 {
        if case .ready(let ready) = machine.phase { ready.nextSerialNo } else { 1 }
    }

    final class Group {
        var quota: QuotaGroup
        var members: QuotaGroup.Member = 0
        init(_ quota: QuotaGroup) { self.quota = quota }
    }

    /// - Parameters:
    ///   - isFirst: whether the quota group has had no answer yet.
    ///   - other: the bench whose quota group this one joins; nil: it has a group of its own.
    init(
        limit: Int = 0, window: TimeAmount = 30 * second, isFirst: Bool = false, beside other: Bench? = nil,
        _ configure: (inout ConnectionConfiguration) -> Void = { _ in }
    ) {
        var configuration = ConnectionConfiguration()
        configuration.wantsLog = false
        configure(&configuration)
        group = other?.group ?? Group(QuotaGroup(limit: limit, window: window))
        group.members += 1
        // Requests "a/1" and "a/2" ask the same.
        machine = ConnectionMachine(configuration, member: group.members) {
            $0.payload
        } key: {
            Array($0.utf8.prefix { $0 != UInt8(ascii: "/") })
        }
        if !isFirst, other == nil { quota.firstEnded(quota.sent(answerBy: now), isAnswered: true) }
        machine.start(now)
    }

    /// A machine with an established connection, and no actions left.
    static func ready(
        limit: Int = 0, window: TimeAmount = 30 * second, isFirst: Bool = false, beside other: Bench? = nil,
        _ configure: (inout ConnectionConfiguration) -> Void = { _ in }
    ) -> Bench {
        let bench = Bench(limit: limit, window: window, isFirst: isFirst, beside: other, configure)
        if let other { bench.now = other.now }
        bench.connect()
        _ = bench.actions()
        return bench
    }

    /// - Parameter gateway: names it and its account.
    func connect(keepAliveInterval: Int32 = 10, gateway: String = "") {
        machine.connected(now)
        _ = sent()
        machine.handshakeSucceeded(
            keepAliveInterval: keepAliveInterval, gateway: Array(gateway.utf8), now, &quota)
    }

    /// Makes a request with a name.
    @discardableResult
    func ask(
        _ name: String, _ protoID: UInt32 = ProtoID.getCapitalDistribution, queue: TimeAmount? = nil,
        reply: TimeAmount? = nil, fails: Bool = false, impatient: Bool = false, maxAge: TimeAmount = .zero
    ) -> UInt32 {
        switch tryAsk(
            name, protoID, queue: queue, reply: reply, fails: fails, impatient: impatient, maxAge: maxAge)
        {
        case .success(let serialNo): return serialNo
        case .failure(let refusal):
            Issue.record("\(name) was refused: \(refusal.status)")
            return 0
        }
    }

    func tryAsk(
        _ name: String, _ protoID: UInt32 = ProtoID.getCapitalDistribution, queue: TimeAmount? = nil,
        reply: TimeAmount? = nil, fails: Bool = false, impatient: Bool = false, maxAge: TimeAmount = .zero
    ) -> Result<UInt32, ConnectionMachine<String>.AskError> {
        var terms = machine.configuration.terms
        if let queue { terms.queueTimeout = queue }
        if let reply { terms.replyTimeout = reply }
        terms.failsWithoutSlot = fails
        terms.failsInOutage = impatient
        terms.maxAge = maxAge
        return machine.ask(name, protoID: protoID, terms, now, &quota)
    }

    func isAwaited(_ protoID: UInt32, _ serialNo: UInt32) -> Bool {
        machine.isAwaited(protoID: protoID, serialNo: serialNo)
    }

    /// The frames to send now: "init 1", "alive 2", "a 3".
    func sent() -> [String] {
        var words: [String] = []
        while let next = machine.nextToSend(now, &quota) {
            switch next {
            case .initConnect(let serialNo): words.append("init \(serialNo)")
            case .keepAlive(let serialNo): words.append("alive \(serialNo)")
            case .ping: words.append("ping")
            case .probe(let serialNo): words.append("probe \(serialNo)")
            case .request(let request): words.append("\(request.payload) \(request.wireSerialNo)")
            }
        }
        return words
    }

    /// The actions to perform now: "connect", "close", "ready", "failed refused", "lost", "a: disconnected", "closed", and for a
    /// shared answer "a: ok BODY 20 ms".
    func actions() -> [String] {
        machine.settle(now, &quota)
        var words: [String] = []
        while let action = machine.popAction() {
            switch action {
            case .connect: words.append("connect")
            case .closeStream:
                words.append("close")
                machine.streamClosed(now, &quota)
            case .initConnect(nil): words.append("ready")
            case .initConnect(.some(let cause)): words.append("failed \(cause.status)")
            case .disconnect(let cause): words.append("lost \(cause.code)")
            case .complete(let completion):
                let mark = completion.request.wasSent ? "" : " unsent"
                let shared = completion.shared.map {
                    " \(String(decoding: $0.body, as: UTF8.self)) \($0.age.milliseconds) ms"
                }
                words.append("\(completion.request.payload): \(completion.status)\(shared ?? mark)")
            case .attemptFailed(let cause): words.append("attempt \(cause.status)")
            case .log(let level, let text):
                words.append("log")
                lines.append((level, text))
            case .closed: words.append("closed")
            }
        }
        return words
    }

    /// - Returns: "a", "a: again in 30000 ms", "a: refused", "push" and so on.
    func receive(
        _ serialNo: UInt32, _ protoID: UInt32 = ProtoID.getCapitalDistribution, answer: AnswerSummary = .success,
        body: String = ""
    ) -> String {
        let body = Array(body.utf8)
        let incoming = body.withUnsafeBytes {
            machine.received(protoID: protoID, serialNo: serialNo, answer: answer, body: $0, now, &quota)
        }
        return switch incoming {
        case .handshake: "handshake"
        case .answer(let request): request.payload
        case .failure(let completion):
            switch completion.status {
            case .rateLimited: "\(completion.request.payload): again in \(completion.retryAfter.milliseconds) ms"
            default: "\(completion.request.payload): \(completion.status)"
            }
        case .late: "late"
        case .push: "push"
        case .nothing: "nothing"
        }
    }

    func bridgeFailed(
        _ serialNo: UInt32, _ protoID: UInt32 = ProtoID.getCapitalDistribution, error: Int32, words: String = ""
    ) -> ConnectionMachine<String>.Completion? {
        machine.bridgeFailed(protoID: protoID, serialNo: serialNo, error: error, words: words, now, &quota)
    }

    /// Whether the others of the group are woken by what was done.
    func isWoken() -> Bool { quota.takeWakeUp() }

    func tick() { machine.tick(now, &quota) }

    /// Lets time pass, and ticks only when the machine has asked for it.
    func pass(_ time: TimeAmount) {
        let end = now + time
        while machine.wakeAt <= end {
            now = max(now, machine.wakeAt)
            tick()
        }
        now = end
    }

    func lose(_ cause: Cause = Bench.closed) { machine.streamLost(cause, now, &quota) }

    func fail(_ cause: Cause) { machine.attemptFailed(cause, now, &quota) }

    func cancel(_ serialNo: UInt32) -> Bool { machine.cancel(serialNo, now, &quota) }

    func withdraw(_ serialNo: UInt32) -> Status? { machine.withdraw(serialNo, now, &quota)?.status }

    func release() { machine.release(now, &quota) }

    /// "connecting", "ready", "failed TEXT" or "released".
    var state: String {
        switch machine.state {
        case .connecting: "connecting"
        case .ready: "ready"
        case .failed(let cause): "failed \(cause.text)"
        case .released: "released"
        }
    }

    // A copy, so that the quota does not change.

    func used(at instant: Instant) -> Int {
        var copy = quota
        return copy.used(instant)
    }

    func couldReserve(at instant: Instant) -> Bool {
        var copy = quota
        return copy.reserve(77, instant)
    }

    var nextFree: Instant? {
        var copy = quota
        return copy.nextFree(now)
    }

    static let closed = Cause(.disconnected, .receive, 0, "closed")
    static let unreachable = Cause(.connectFailed, .connect, 111, "refused")
    static let refused = Cause(.connectRefused, .initConnect, 5, "no")
    static let untrusted = Cause(.tlsFailed, .initConnect, 0, "not trusted", isFinal: true)
}

extension AnswerSummary {
    /// A refusal because of the rate limit, with a window or without.
    static func tooFrequent(seconds: Int64? = nil) -> AnswerSummary {
        .refusal(retType: -1, words: "频率太高" + (seconds.map { "，每\($0)秒最多1次" } ?? ""))
    }
}

extension ConnectionMachine {
    /// A frame that is due and will not be sent.
    mutating func dropKeepAlive() {
        guard case .ready(var ready) = phase else { return }
        ready.due.remove(.keepAlive)
        phase = .ready(ready)
    }
}
