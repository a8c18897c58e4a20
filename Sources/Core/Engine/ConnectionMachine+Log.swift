/// The messages for the log. Successful requests cost nothing here.
extension ConnectionMachine {
    mutating func log(_ level: LogLevel, _ text: @autoclosure () -> String) {
        if configuration.wantsLog { actions.append(.log(level, text())) }
    }

    /// Each failure is a debug message, and a run of failures is a warning.
    mutating func noteFailure(_ request: Request<Payload>, _ status: Status, _ text: String) {
        guard configuration.wantsLog, status != .cancelled, status != .released else { return }
        let line = Texts.failed(request.serialNo, name(request), text)
        log(.debug, line)
        guard let kind = FailureRun.Kind(status) else { return }
        failures.add(kind, line, latest)
        wake(failures.warnAt)
    }

    /// The warnings that are due.
    mutating func warn(_ now: Instant) {
        guard configuration.wantsLog else { return }
        if let text = failures.warning(now) { log(.warning, text) }
        wake(failures.warnAt)
        guard case .ready(var ready) = phase, ready.warnedOfSilenceAt != ready.silenceAt else { return }
        // Half of the limit: with OpenD's interval of 10 s, two KeepAlives had no answer by then.
        let quietAt = ready.silenceAt - Self.silenceLimit / 2
        guard now >= quietAt else { return wake(quietAt) }
        ready.warnedOfSilenceAt = ready.silenceAt
        phase = .ready(ready)
        let (quiet, left) = (now - ready.silenceAt + Self.silenceLimit, ready.silenceAt - now)
        log(.warning, Texts.quiet(quiet.seconds, endsIn: left.seconds))
    }
}
