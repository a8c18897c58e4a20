/// The quota slots of one stream's requests that were given up after they were sent. The gateway may still count them,
/// or may have counted them at an unknown time (docs/promises.md, 4).
struct UnconfirmedSlots {
    private struct Slot {
        var protoID: UInt32
        /// The last instant at which the slot is in use; nil while the gateway may not have read the request yet.
        var release: Instant?
    }

    private var slots: [UInt32: Slot] = [:]
    /// The numbers of requests that may not have been read, the lowest first. Some may not be in `slots` any more.
    private var unread = MinHeap()
    /// Slots in the order of their last instants. Some have got a later one since.
    private var ending: [(wireSerialNo: UInt32, release: Instant)] = []
    private var firstEnding = 0

    /// Whether some requests may not have been read by the gateway yet.
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

    /// An answer came.
    /// - Returns: whether it answers one of these requests.
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

    /// The gateway may have counted this request as late as now.
    private mutating func confirm(_ wireSerialNo: UInt32, _ now: Instant, _ quota: inout QuotaGroup) {
        let known = slots[wireSerialNo]?.release
        let release = known.map { quota.extend($0, now) } ?? quota.confirm(now)
        slots[wireSerialNo]?.release = release
        if release != known { ending.append((wireSerialNo, release)) }
    }

    /// Removes requests whose slots are free again.
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
