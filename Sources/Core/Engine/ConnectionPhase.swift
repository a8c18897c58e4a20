/// The phase of a connection, with the values that only exist in that phase. Those with a cause are `indirect`: each
/// request replaces the values of `ready` twice, and the code for that frees whatever was there before.
enum ConnectionPhase {
    case idle
    indirect case connecting(Attempt)
    indirect case upgrading(Attempt)
    indirect case handshaking(Attempt, isFirstMessageSent: Bool)
    case ready(ReadyStream)
    /// The pause before the next attempt.
    indirect case pausing(Attempt)
    indirect case failed(Cause)
    case released

    /// An attempt to connect, or the pause before it.
    struct Attempt {
        /// When it times out, or when the pause ends.
        let deadline: Instant
        let setback: Setback?
    }

    /// Why the last attempt failed or the stream was lost.
    struct Setback {
        let cause: Cause
        /// Whether this is an outage: an attempt failed, or streams are lost again and again after a short time. A
        /// stream that lasted long enough and was lost just now is not an outage until the first attempt since has
        /// failed.
        let isOutage: Bool
    }

    /// A stream whose handshake is done. Two of its numbers change with each request. They are stored without padding
    /// and changed in place, so that each change is one instruction. Otherwise they cost 2 % of a request's
    /// instructions.
    struct ReadyStream {
        /// The next wire serial number.
        private(set) var nextSerialNo: UInt64
        /// The highest number that was answered; 0 if only the first message was.
        private(set) var highestAnswered: UInt32 = 0
        var due: Signs = []
        let since: Instant
        let keepAlivePeriod: TimeAmount
        var keepAliveAt: Instant
        var silenceAt: Instant
        /// The `silenceAt` for which the log already has a warning.
        var warnedOfSilenceAt: Instant = .max
        private var probes = Probes()

        /// - Parameters:
        ///   - firstSerialNo: the number of the first message.
        ///   - interval: the gateway's keep-alive interval in seconds; it is limited to 1 to 30.
        init(firstSerialNo: UInt32, keepAliveInterval interval: Int32, silenceLimit: TimeAmount, _ now: Instant) {
            nextSerialNo = UInt64(firstSerialNo) + 1
            since = now
            // The vendor's client sends at 4/5 of the interval.
            keepAlivePeriod = .seconds(Int64(min(max(interval, 1), 30))) * 4 / 5
            keepAliveAt = now + keepAlivePeriod
            silenceAt = now + silenceLimit
        }

        /// Whether there are no more numbers.
        var isExhausted: Bool { nextSerialNo > UInt64(UInt32.max) }

        mutating func takeSerialNo() -> UInt32 {
            defer { nextSerialNo += 1 }
            return UInt32(truncatingIfNeeded: nextSerialNo)
        }

        /// - Returns: whether this number was sent, and no later one was answered before.
        mutating func answered(_ serialNo: UInt32) -> Bool {
            guard serialNo > highestAnswered, UInt64(serialNo) < nextSerialNo else { return false }
            highestAnswered = serialNo
            return true
        }

        mutating func takeProbeSerialNo() -> UInt32 {
            let serialNo = takeSerialNo()
            probes.sent(serialNo)
            return serialNo
        }

        mutating func probeAnswered(_ serialNo: UInt32) -> Bool { probes.answered(serialNo) }
    }

    /// The messages that are due to keep the connection alive, and to see whether the gateway is alive.
    struct Signs: OptionSet {
        let rawValue: UInt32
        static let keepAlive = Self(rawValue: 1)
        static let probe = Self(rawValue: 2)
    }

    /// Over WebSocket: the probes, whose answers show what OpenD has read.
    struct Probes {
        /// The numbers of the first and the last unanswered probe; 0 if there is none.
        private var first: UInt32 = 0
        private var last: UInt32 = 0

        mutating func sent(_ serialNo: UInt32) {
            if first == 0 { first = serialNo }
            last = serialNo
        }

        /// - Returns: whether the number is from the first to the last probe. Earlier probes then count as answered,
        ///   too.
        mutating func answered(_ serialNo: UInt32) -> Bool {
            guard first != 0, serialNo >= first, serialNo <= last else { return false }
            first = serialNo == last ? 0 : serialNo + 1
            return true
        }
    }
}
