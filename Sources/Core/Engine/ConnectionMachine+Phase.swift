/// Values that depend on the phase.
extension ConnectionMachine {
    var isReady: Bool { if case .ready = phase { true } else { false } }

    /// The deadline of the attempt in progress, or the end of the pause before it.
    package var attemptDeadline: Instant? { attempt?.deadline }

    private var attempt: ConnectionPhase.Attempt? {
        switch phase {
        case .connecting(let attempt), .upgrading(let attempt), .handshaking(let attempt, _), .pausing(let attempt):
            attempt
        case .idle, .ready, .failed, .released: nil
        }
    }

    /// Why the last attempt failed or the stream was lost; nil while the connection is established.
    package var lastCause: Cause? { if case .failed(let cause) = phase { cause } else { attempt?.setback?.cause } }

    /// The cause of the outage, with which requests that do not wait are refused; nil if there is no outage.
    package var outage: Cause? {
        guard let setback = attempt?.setback, setback.isOutage else { return nil }
        return setback.cause
    }

    /// The highest wire serial number that was answered on this stream; 0 if none was.
    var highestAnswered: UInt32 {
        guard case .ready(let ready) = phase else { return 0 }
        return ready.highestAnswered
    }
}
