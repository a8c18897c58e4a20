/// The quota slots of requests of one stream that were given up after they were sent: the gateway may count them yet, or has
/// counted them later than is known (docs/promises.md, 4).
struct UnconfirmedSlots {
    private struct Slot {
        var protoID: UInt32
        /// The slot's last instant; nil as long as the gateway may not have read the request.
        var release: Instant?
    }

    private var slots: [UInt32: Slot] = [:]
    /// The numbers of those not read, the lowest first; some of them may be gone.
    private var unread = MinHeap()
    /// Slots in the order of their last instants; some of them have been given a later one.
    private var ending: [(wireSerialNo: UInt32, release: Instant)] = []
    private var firstEnding = 0

    /// Whether some wait for a sign that the gateway has read what came after them.
    var hasUnread: Bool { unread.min != nil }

    /// - Parameter wasRead: whether the gateway has answered a later frame.
    mutating func add(
        protoID: UInt32, wireSerialNo: UInt32, wasRead: Bool, _ now: Instant, _ quota: inout QuotaGroup
    ) {
        forget(now)
        slots[wireSerialNo] = Slot(protoID: protoID, release: nil)
        if wasRead {
            confirm(wireSerialNo, now, &quota)
        } else {
            unread.insert(wireSerialNo)
        }
    }

    /// The answer to one of them came after all.
    /// - Returns: whether it is one of them.
    mutating func answered(
        protoID: UInt32, wireSerialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup
    ) -> Bool {
        guard slots[wireSerialNo]?.protoID == protoID else { return false }
        confirm(wireSerialNo, now, &quota)
        slots[wireSerialNo] = nil
        return true
    }

    /// The gateway has read all requests before this number.
    mutating func read(before wireSerialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) {
        while let lowest = unread.min, lowest < wireSerialNo {
            unread.removeMin()
            if let slot = slots[lowest], slot.release == nil { confirm(lowest, now, &quota) }
        }
    }

    /// No answer will come over this stream any more.
    mutating func streamEnded(_ now: Instant, _ quota: inout QuotaGroup) {
        for wireSerialNo in slots.keys { confirm(wireSerialNo, now, &quota) }
        self = UnconfirmedSlots()
    }

    /// News of a request: the gateway may have counted it as late as now.
    private mutating func confirm(_ wireSerialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) {
        let known = slots[wireSerialNo]?.release
        let release = known.map { quota.extend($0, now) } ?? quota.confirm(now)
        slots[wireSerialNo]?.release = release
        if release != known { ending.append((wireSerialNo, release)) }
    }

    /// Drops those whose slots are free again.
    private mutating func forget(_ now: Instant) {
        while firstEnding < ending.count, ending[firstEnding].release < now {
            let (wireSerialNo, release) = ending[firstEnding]
            if slots[wireSerialNo]?.release == release { slots[wireSerialNo] = nil }
            firstEnding += 1
        }
        if firstEnding > ending.count / 2 {
            ending.removeFirst(firstEnding)
            firstEnding = 0
        }
    }
}
