/// The quota as an exact sliding window. Between the answer to a request and the sending of the request `limit` places
/// later there is more than one window. So the limit holds whenever the gateway counts a request between sending and
/// answer (docs/protocol.md, The quota; docs/promises.md, 4).
///
/// A slot is in use from `reserve` until `giveBack` (the request was never sent), or until one window after `confirm`
/// (the gateway has counted the request by now). Pure: the time is passed in. An instant before an earlier one counts
/// as that earlier one, because threads may read the clock in one order and get here in another.
package struct SlidingWindow {
    /// Slots in a window.
    package let limit: Int
    package let window: TimeAmount

    /// Slots whose request is not confirmed yet.
    package private(set) var held = 0
    /// The last instants at which confirmed slots are in use, in ascending order from `first` on, and how many slots
    /// each has. Some have none, because `extend` moved their slots.
    private var releases: [(at: Instant, slots: Int)] = []
    private var first = 0
    /// Slots in `releases`.
    private var confirmed = 0
    /// The last instant at which the gate is closed.
    private var gate = Instant.min
    private var latest = Instant.min

    /// - Parameters:
    ///   - limit: 1 or more.
    ///   - window: longer than zero.
    package init(limit: Int, window: TimeAmount) {
        self.limit = limit
        self.window = window
    }

    /// Slots in use.
    package mutating func used(_ now: Instant) -> Int {
        advance(now)
        return held + confirmed
    }

    /// Slots that `reserve` would give now.
    package mutating func available(_ now: Instant) -> Int {
        let free = limit - used(now)
        return latest > gate ? max(free, 0) : 0
    }

    /// The first instant at which `reserve` succeeds if nothing else happens; nil if that depends on a confirmation.
    package mutating func nextFree(_ now: Instant) -> Instant? {
        let mustEnd = used(now) - limit + 1
        let opens = max(latest, gate == .min ? .min : gate.next)
        if mustEnd <= 0 { return opens }
        var ended = 0
        for (at, slots) in releases[first...] {
            ended += slots
            if ended >= mustEnd { return max(opens, at.next) }
        }
        return nil
    }

    /// Takes a slot, if one is free and the gate is open.
    package mutating func reserve(_ now: Instant) -> Bool {
        guard available(now) > 0 else { return false }
        held += 1
        return true
    }

    /// Gives back a slot whose request was never sent: the gateway cannot have counted it.
    package mutating func giveBack() {
        held = max(held - 1, 0)
    }

    /// By now the gateway has counted the slot's request, or it never will.
    /// - Returns: the last instant at which the slot is in use, for `extend`.
    @discardableResult
    package mutating func confirm(_ now: Instant) -> Instant {
        advance(now)
        held = max(held - 1, 0)
        return add(latest + window)
    }

    /// A confirmed slot's request may have been counted as late as now. No effect if the slot is free already.
    /// - Parameter release: what `confirm` or the last `extend` returned.
    /// - Returns: the new last instant.
    package mutating func extend(_ release: Instant, _ now: Instant) -> Instant {
        advance(now)
        var (low, high) = (first, releases.count)
        while low < high {
            let middle = low + (high - low) / 2
            if releases[middle].at < release { low = middle + 1 } else { high = middle }
        }
        guard low < releases.count, releases[low].at == release, releases[low].slots > 0 else { return release }
        releases[low].slots -= 1
        confirmed -= 1
        return add(latest + window)
    }

    /// The gateway refused because of its rate limit: `reserve` fails for `duration`.
    package mutating func closeGate(_ now: Instant, for duration: TimeAmount) {
        advance(now)
        gate = max(gate, latest + duration)
    }

    /// How long until the gate opens; zero when it is open.
    package mutating func gateClosed(_ now: Instant) -> TimeAmount {
        advance(now)
        return gate >= latest ? gate.next - latest : .zero
    }

    /// Whether there is no history that still matters.
    package mutating func isIdle(_ now: Instant) -> Bool {
        used(now) == 0 && latest > gate
    }

    /// The same history with another limit and window.
    package func with(limit: Int, window: TimeAmount) -> SlidingWindow {
        var other = SlidingWindow(limit: limit, window: window)
        other.held = held
        // A release is the instant of an event plus the window.
        other.releases = releases[first...].map { ($0.at - self.window + window, $0.slots) }
        other.confirmed = confirmed
        other.gate = gate
        other.latest = latest
        return other
    }

    /// - Parameter release: not before the last.
    private mutating func add(_ release: Instant) -> Instant {
        confirmed += 1
        if let last = releases.indices.last, last >= first, releases[last].at == release {
            releases[last].slots += 1
        } else {
            releases.append((release, 1))
        }
        return release
    }

    private mutating func advance(_ now: Instant) {
        latest = max(latest, now)
        while first < releases.count, releases[first].at < latest {
            confirmed -= releases[first].slots
            first += 1
        }
        if first > 64, first > releases.count / 2 {
            releases.removeFirst(first)
            first = 0
        }
    }
}
