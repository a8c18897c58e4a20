/// The quota as an exact sliding window: between the answer to one request and the sending of the request `limit` places
/// later lies more than a window, whenever in between the gateway counted it (docs/protocol.md, The quota;
/// docs/promises.md, 4).
///
/// A slot is held from `reserve` until one of `giveBack` (never sent) or `confirm` (the gateway has counted it by now), and
/// after `confirm` for one more window. Pure: time comes in, answers go out; an instant before one seen earlier counts as
/// that earlier one, since threads may take the time in one order and get here in another.
package struct SlidingWindow {
    /// Slots a window.
    package let limit: Int
    /// Nanoseconds.
    package let window: Instant

    /// Slots whose request is not confirmed.
    package private(set) var held = 0
    /// The last instants at which confirmed slots are still in use, ascending from `first` on, each with how many: some with
    /// none, since what was confirmed can be extended.
    private var releases: [(at: Instant, slots: Int)] = []
    private var first = 0
    /// Slots in `releases`.
    private var confirmed = 0
    /// The last instant at which the gate is closed.
    private var gate = Instant.min
    private var latest = Instant.min

    /// - Parameters:
    ///   - limit: 1 or more.
    ///   - window: nanoseconds, 1 or more.
    package init(limit: Int, window: Instant) {
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

    /// The first instant from which `reserve` succeeds if nothing else happens; nil when only a confirmation can tell.
    package mutating func nextFree(_ now: Instant) -> Instant? {
        let mustEnd = used(now) - limit + 1
        let opens = max(latest, gate == .min ? .min : gate + 1)
        if mustEnd <= 0 { return opens }
        var ended = 0
        for (at, slots) in releases[first...] {
            ended += slots
            if ended >= mustEnd { return max(opens, at + 1) }
        }
        return nil
    }

    /// Takes a slot, if one is free and the gate is open.
    package mutating func reserve(_ now: Instant) -> Bool {
        guard available(now) > 0 else { return false }
        held += 1
        return true
    }

    /// Gives a slot back whose request never left: the gateway can not have counted it.
    package mutating func giveBack() {
        held = max(held - 1, 0)
    }

    /// The gateway has counted the slot's request by now, if it ever does.
    /// - Returns: the last instant at which the slot is in use, for `extend`.
    @discardableResult
    package mutating func confirm(_ now: Instant) -> Instant {
        advance(now)
        held = max(held - 1, 0)
        return add(latest + window)
    }

    /// News of a confirmed slot's request: it may have been counted as late as now. Of no effect once the slot is free.
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

    /// The gateway refused for frequency: nothing is given for `duration` nanoseconds.
    package mutating func closeGate(_ now: Instant, for duration: Instant) {
        advance(now)
        gate = max(gate, latest + duration)
    }

    /// Nanoseconds until the gate opens; 0 when it is open.
    package mutating func gateClosed(_ now: Instant) -> Instant {
        advance(now)
        return gate >= latest ? gate - latest + 1 : 0
    }

    /// Whether nothing remains to be remembered.
    package mutating func isIdle(_ now: Instant) -> Bool {
        used(now) == 0 && latest > gate
    }

    /// The same history under other figures.
    package func with(limit: Int, window: Instant) -> SlidingWindow {
        var other = SlidingWindow(limit: limit, window: window)
        other.held = held
        // A release is an event plus the window: what changes is the window.
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
