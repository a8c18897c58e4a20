/// Where a connection stands, with all that belongs to it there and nowhere else.
enum ConnectionPhase {
    case idle
    case connecting(Attempt)
    case upgrading(Attempt)
    case handshaking(Attempt, isFirstMessageSent: Bool)
    case ready(ReadyStream)
    /// Until the next attempt begins.
    case pausing(Attempt)
    case failed(Cause)
    case released

    /// An attempt to connect, or the pause before it.
    struct Attempt {
        /// When it must be done.
        let deadline: Instant
        let setback: Setback?
    }

    /// Why the last attempt failed or the stream was lost.
    struct Setback {
        let cause: Cause
        /// Whether requests that do not wait for an outage to pass are refused: an attempt failed, or streams do not hold. A stream
        /// that held and was lost just now is no outage until the first attempt since has failed.
        let isOutage: Bool
    }

    /// A stream whose handshake is done. Two of its numbers change with each request: without padding, and stored right where the
    /// phase is looked at, each change is one instruction. Otherwise they cost 2 % of a request's.
    struct ReadyStream {
        /// The next serial number on the wire.
        private(set) var nextSerialNo: UInt64
        /// The highest that was answered; 0: none but the first message's.
        private(set) var highestAnswered: UInt32 = 0
        var due: Signs = []
        let since: Instant
        let keepAlivePeriod: Instant
        var keepAliveAt: Instant
        var silenceAt: Instant
        /// The `silenceAt` that the log has been warned of.
        var warnedOfSilenceAt: Instant = .max
        private var probes = Probes()

        /// - Parameters:
        ///   - firstSerialNo: the first message's.
        ///   - interval: seconds between signs of life, as the gateway gave it; taken as 1 to 30.
        init(firstSerialNo: UInt32, keepAliveInterval interval: Int32, silenceLimit: Instant, _ now: Instant) {
            nextSerialNo = UInt64(firstSerialNo) + 1
            since = now
            // The vendor's client sends at 4/5 of the interval.
            keepAlivePeriod = Instant(min(max(interval, 1), 30)) * 800_000_000
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

    /// What is to be sent to show that this end lives, and to see whether the other does.
    struct Signs: OptionSet {
        let rawValue: UInt32
        static let keepAlive = Self(rawValue: 1)
        static let probe = Self(rawValue: 2)
    }

    /// Over WebSocket: messages whose answers show what OpenD has read.
    struct Probes {
        /// The numbers of the first and of the last that are not answered; 0: there is none.
        private var first: UInt32 = 0
        private var last: UInt32 = 0

        mutating func sent(_ serialNo: UInt32) {
            if first == 0 { first = serialNo }
            last = serialNo
        }

        /// - Returns: whether it answers one of them, or what was sent between; those before it are answered with it.
        mutating func answered(_ serialNo: UInt32) -> Bool {
            guard first != 0, serialNo >= first, serialNo <= last else { return false }
            first = serialNo == last ? 0 : serialNo + 1
            return true
        }
    }
}
