import Codec

/// All faults of a gateway: decides what the rules do to each connection and each frame, without a socket or a clock.
/// All random choices follow from the seed. For one thread at a time.
package struct FaultPlan {
    private let rules: [FaultRule]
    private var random: SplitMix64
    private var connections: [Gateway.ClientID: ConnectionFaults] = [:]
    /// Answers since the last restart.
    private var answers: Int64 = 0
    /// When the outage that a rule began ends, by the rule's index.
    private var outages: [Int: Instant] = [:]

    /// The faults of one connection.
    private struct ConnectionFaults {
        var isSilent = false
        /// How many answers to 3212 are sent before it closes.
        var answersLeft: Int64?
        /// How many requests are read before it stops reading.
        var requestsLeft: Int64?
    }

    /// What happens to a frame.
    package struct Outcome: Equatable {
        /// What to do on its connection, in order.
        package var steps: [WireStep] = []
        /// Read nothing more from this client.
        package var stopsReading = false
        /// Close all connections, and refuse new ones for `restartPause`. Then `restarted` must be called.
        package var restarts = false
    }

    /// How long a restarting gateway refuses connections, in nanoseconds.
    package static let restartPause: Instant = 100_000_000

    package init(_ rules: [FaultRule], seed: UInt64) {
        self.rules = rules
        // A different sequence from the gateway's connection ids.
        random = SplitMix64(state: seed ^ 0x6661_756c_7473_2121)
    }

    /// - Returns: whether to close the connection at once.
    package mutating func connected(_ client: Gateway.ClientID) -> Bool {
        var faults = ConnectionFaults()
        var closes = false
        for rule in rules {
            guard case .fault(let fault, let argument) = rule.what, fault.scope == .connection, draws(rule)
            else { continue }
            switch fault {
            case .acceptClose: closes = true
            case .acceptSilent: faults.isSilent = true
            case .dropAfter: faults.answersLeft = argument
            case .stopReading: faults.requestsLeft = argument
            default: break
            }
        }
        if closes { return true }
        connections[client] = faults
        return false
    }

    package mutating func closed(_ client: Gateway.ClientID) { connections[client] = nil }

    /// Whether this client is never answered.
    package func isSilent(_ client: Gateway.ClientID) -> Bool { connections[client]?.isSilent ?? false }

    /// All connections are closed.
    package mutating func restarted() {
        connections = [:]
        outages = [:]
    }

    /// A frame is about to be sent. Nothing is sent to a client for which `connected` was not called.
    package mutating func send(
        _ frame: Gateway.SentFrame, to client: Gateway.ClientID, _ now: Instant
    ) -> Outcome {
        guard var faults = connections[client] else { return Outcome() }
        defer { connections[client] = faults }
        var outcome = Outcome()
        // A push is not an answer.
        if frame.protoID != ProtoID.notify {
            answers += 1
            if let limit = restartLimit, answers >= limit {
                answers = 0
                return Outcome(restarts: true)
            }
            if let left = faults.requestsLeft {
                faults.requestsLeft = left - 1
                outcome.stopsReading = left <= 1
                if left <= 0 { return outcome }
            }
        } else if let left = faults.requestsLeft, left <= 0 {
            return outcome
        }
        if faults.isSilent { return outcome }
        outcome.steps = steps(frame, now)
        if let left = faults.answersLeft, frame.protoID == ProtoID.getCapitalDistribution {
            faults.answersLeft = left - 1
            if left <= 1 { outcome.steps.append(.close) }
        }
        return outcome
    }

    /// Decides by the first rule that applies.
    private mutating func steps(_ frame: Gateway.SentFrame, _ now: Instant) -> [WireStep] {
        for (place, rule) in rules.enumerated() {
            switch rule.what {
            case .any:
                guard applies(rule, ProtoID.getCapitalDistribution, frame) else { continue }
                guard let fault = Fault.ofAnswers.randomElement(using: &random) else { continue }
                return fault.apply(to: frame, using: &random)
            case .fault(.upstreamLost, let seconds):
                guard isOut(rule, place, seconds ?? 0, frame, now) else { continue }
                return Fault.upstreamLost.apply(seconds, to: frame, using: &random)
            case .fault(let fault, let argument):
                guard fault.scope == .frame, applies(rule, fault.protoID, frame) else { continue }
                return fault.apply(argument, to: frame, using: &random)
            }
        }
        return [.send(frame.bytes)]
    }

    /// Whether the vendor's servers are lost. That happens once, with the first answer that the rule affects; with a
    /// random rule it happens again and again.
    private mutating func isOut(
        _ rule: FaultRule, _ place: Int, _ seconds: Int64, _ frame: Gateway.SentFrame, _ now: Instant
    ) -> Bool {
        if let until = outages[place] {
            var meant = rule
            if case .oneIn = rule.which { meant = FaultRule(rule.what, .all) }
            if now < until { return applies(meant, Fault.upstreamLost.protoID, frame) }
            guard case .oneIn = rule.which else { return false }
        }
        guard applies(rule, Fault.upstreamLost.protoID, frame) else { return false }
        outages[place] = now + seconds * 1_000_000_000
        return true
    }

    /// - Parameter protoID: the protocol that the fault affects without WHICH.
    private mutating func applies(_ rule: FaultRule, _ protoID: UInt32, _ frame: Gateway.SentFrame) -> Bool {
        switch rule.which {
        case .all: frame.ruleProtoID == protoID
        case .oneIn: frame.ruleProtoID == protoID && draws(rule)
        case .proto(let named): frame.ruleProtoID == named || frame.protoID == named
        case .stock(let market, let code): frame.request?.market == market && frame.request?.code == code
        }
    }

    private mutating func draws(_ rule: FaultRule) -> Bool {
        guard case .oneIn(let count) = rule.which else { return true }
        return Int.random(in: 0..<count, using: &random) == 0
    }

    private var restartLimit: Int64? {
        for rule in rules {
            if case .fault(.restart, let limit) = rule.what { return limit }
        }
        return nil
    }
}
