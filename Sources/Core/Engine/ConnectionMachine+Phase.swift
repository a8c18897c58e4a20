/// What the phase tells.
extension ConnectionMachine {
    var isReady: Bool { if case .ready = phase { true } else { false } }

    /// When the attempt under way, or the pause before it, must be done.
    package var attemptDeadline: Instant? { attempt?.deadline }

    private var attempt: ConnectionPhase.Attempt? {
        switch phase {
        case .connecting(let attempt), .upgrading(let attempt), .handshaking(let attempt, _), .pausing(let attempt):
            attempt
        case .idle, .ready, .failed, .released: nil
        }
    }

    /// Why the last attempt failed or the stream was lost; nil while the connection stands.
    package var lastCause: Cause? { if case .failed(let cause) = phase { cause } else { attempt?.setback?.cause } }

    /// Why requests that do not wait for an outage to pass are refused; nil: they are not.
    package var outage: Cause? {
        guard let setback = attempt?.setback, setback.isOutage else { return nil }
        return setback.cause
    }

    /// The highest number that was answered on this stream; 0: none.
    var highestAnswered: UInt32 {
        guard case .ready(let ready) = phase else { return 0 }
        return ready.highestAnswered
    }
}
