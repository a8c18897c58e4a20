import Core

/// A quota group, and a gateway that counts its requests as late as it may (docs/promises.md, 4).
final class FuzzedQuota {
    struct Slot {
        var machine: UInt64
        var stream: Int
        var wireSerialNo: UInt32
        /// Until when the slot is in use at least; without a limit while the gateway may still count it later.
        var endsAt = Instant.max
        /// When its request was given up, and when the gateway has read it for sure.
        var gaveUpAt: Instant?
        var readAt: Instant?
    }

    var group: QuotaGroup
    let limit: Int
    let window: TimeAmount
    private var slots: [Slot] = []
    private var gateOpensAt = Instant.min
    /// The first request, whose answer must come before more are sent; and whether one was answered or has timed out.
    private var first: (machine: UInt64, stream: Int, wireSerialNo: UInt32, until: Instant)?
    private var isKnown = false

    init(limit: Int, window: TimeAmount) {
        group = QuotaGroup(limit: limit, window: window)
        self.limit = limit
        self.window = window
    }

    func sent(_ machine: UInt64, _ stream: Int, _ wireSerialNo: UInt32, answerBy until: Instant, _ now: Instant) {
        guard limit > 0 else { return }
        require(now > gateOpensAt, "nothing is sent while the gate is closed")
        require(first.map { now >= $0.until } ?? true, "nothing is sent beside a first request")
        if first != nil { isKnown = true }
        first = isKnown ? nil : (machine, stream, wireSerialNo, until)
        slots.removeAll { $0.endsAt < now }
        slots.append(Slot(machine: machine, stream: stream, wireSerialNo: wireSerialNo))
        require(slots.count <= limit, "no more than \(limit) slots are in use")
    }

    func answered(_ machine: UInt64, _ stream: Int, _ wireSerialNo: UInt32, _ now: Instant) {
        endFirst(machine, stream, wireSerialNo, isAnswered: true, now)
        // A late answer to a request whose slot is free changes nothing.
        change(machine, stream, wireSerialNo) { if $0.endsAt >= now { $0.endsAt = now + window } }
    }

    /// The requests in flight on that stream end without an answer.
    func streamLost(_ machine: UInt64, _ stream: Int, _ now: Instant) {
        guard let first, first.machine == machine, first.stream == stream else { return }
        endFirst(machine, stream, first.wireSerialNo, isAnswered: false, now)
    }

    private func endFirst(
        _ machine: UInt64, _ stream: Int, _ wireSerialNo: UInt32, isAnswered: Bool, _ now: Instant
    ) {
        guard let first, first.machine == machine, first.stream == stream, first.wireSerialNo == wireSerialNo else {
            return
        }
        // After its timeout another member may send without its answer, while its own thread is blocked.
        isKnown = isAnswered || now >= first.until
        self.first = nil
    }

    func gaveUp(_ machine: UInt64, _ stream: Int, _ wireSerialNo: UInt32, hadTime: Bool, _ now: Instant) {
        endFirst(machine, stream, wireSerialNo, isAnswered: hadTime, now)
        change(machine, stream, wireSerialNo) { slot in
            guard slot.gaveUpAt == nil else { return }
            slot.gaveUpAt = now
            if slot.readAt != nil { slot.endsAt = now + window }
        }
    }

    /// The gateway has read all frames before that one; nil: all that it will ever read.
    func read(_ machine: UInt64, _ stream: Int, before wireSerialNo: UInt32?, _ now: Instant) {
        for index in slots.indices where slots[index].machine == machine && slots[index].stream == stream {
            guard wireSerialNo.map({ slots[index].wireSerialNo < $0 }) ?? true, slots[index].readAt == nil else {
                continue
            }
            slots[index].readAt = now
            if slots[index].gaveUpAt != nil, slots[index].endsAt == .max { slots[index].endsAt = now + window }
        }
    }

    func closed(for length: TimeAmount, _ now: Instant) {
        guard limit > 0 else { return }
        gateOpensAt = max(gateOpensAt, now + length)
        first = nil
        isKnown = false
    }

    func requireEmpty(_ now: Instant) {
        require(group.waiting == 0, "nobody waits once all are released")
        require(group.used((now + window).next) == 0, "all slots are free a window later")
        require(!group.answers.hasRequests, "no question is left behind")
    }

    private func change(_ machine: UInt64, _ stream: Int, _ wireSerialNo: UInt32, _ body: (inout Slot) -> Void) {
        let index = slots.firstIndex {
            $0.machine == machine && $0.stream == stream && $0.wireSerialNo == wireSerialNo
        }
        if let index { body(&slots[index]) }
    }
}
