/// Deadlines in a hierarchical timing wheel (Varghese and Lauck). Setting a deadline, removing one, and finding those
/// that are due take the same time for any number of deadlines. Deadlines are rounded up to milliseconds.
///
/// There are six levels of 64 slots. A slot of a level covers as much time as the whole level below. A distant deadline
/// waits on a high level, and moves down when the time of its slot begins.
///
/// It never grows by itself, since that may fail: `reserve` does.
struct TimerWheel: ~Copyable {
    typealias Index = Int32
    private static var none: Index { -1 }
    private static var levels: Int { 6 }
    private static var tick: TimeAmount { .milliseconds(1) }

    private struct Link {
        var previous = TimerWheel.none
        var next = TimerWheel.none
        /// The deadline in ticks.
        var deadline: UInt64 = 0
        /// The slot whose list it is in; -1 if it is in none.
        var slot: Int16 = -1
    }

    private var links = GrowableBuffer<Link>()
    /// The first entry of each slot's list, level by level.
    private var heads = GrowableBuffer<Index>()
    /// For each level, one bit for each slot: whether the slot has entries.
    private var occupied = InlineArray<6, UInt64>(repeating: 0)
    /// The tick up to which all deadlines were handled.
    private var elapsed: UInt64 = 0
    private(set) var count = 0

    /// Makes room for the indices below `count`.
    /// - Returns: false if there is no memory.
    mutating func reserve(_ count: Int) -> Bool {
        heads.grow(to: 64 * Self.levels, filledWith: Self.none) && links.grow(to: count, filledWith: Link())
    }

    /// Sets the deadline of `index`, which must have none, and have room.
    mutating func insert(_ index: Index, _ deadline: Instant, _ now: Instant) {
        if count == 0 { elapsed = max(elapsed, Self.lastTick(now)) }
        let (ticks, rest) = max(deadline, .zero).nanoseconds.quotientAndRemainder(dividingBy: Self.tick.nanoseconds)
        count += 1
        link(index, max(UInt64(ticks) + (rest > 0 ? 1 : 0), elapsed + 1))
    }

    /// Removes the deadline of `index`, which has room, if it has one.
    mutating func remove(_ index: Index) {
        let (links, heads) = (links.elements, heads.elements)
        let removed = links[Int(index)]
        guard removed.slot >= 0 else { return }
        let slot = Int(removed.slot)
        if removed.previous == Self.none {
            heads[slot] = removed.next
            if removed.next == Self.none { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        } else {
            links[Int(removed.previous)].next = removed.next
        }
        if removed.next != Self.none { links[Int(removed.next)].previous = removed.previous }
        links[Int(index)].slot = -1
        count -= 1
    }

    /// Takes out all that are due, in any order.
    mutating func takeDue(_ now: Instant) -> [Index] {
        let end = Self.lastTick(now)
        let (links, heads) = (links.elements, heads.elements)
        var due: [Index] = []
        while let (slot, begin) = nextSlot(), begin <= end {
            elapsed = max(elapsed, begin)
            var index = heads[slot]
            heads[slot] = Self.none
            occupied[slot / 64] &= ~(1 << UInt64(slot % 64))
            while index != Self.none {
                let next = links[Int(index)].next
                links[Int(index)].slot = -1
                let deadline = links[Int(index)].deadline
                if deadline <= elapsed {
                    count -= 1
                    due.append(index)
                } else {
                    link(index, deadline)
                }
                index = next
            }
        }
        elapsed = max(elapsed, end)
        return due
    }

    /// Nothing is due before this instant; `.max` if there are no deadlines.
    var next: Instant {
        guard let (_, begin) = nextSlot() else { return .max }
        return .zero + Self.tick * Int64(clamping: begin)
    }

    /// The last tick that has begun.
    private static func lastTick(_ now: Instant) -> UInt64 { UInt64(max(now, .zero).nanoseconds / tick.nanoseconds) }

    /// Puts `index` into the slot of its deadline, a tick after `elapsed`.
    private mutating func link(_ index: Index, _ deadline: UInt64) {
        // The highest digit, in base 64, in which the deadline differs from now.
        let digit = (63 - ((deadline ^ elapsed) | 63).leadingZeroBitCount) / 6
        let level = min(digit, Self.levels - 1)
        let slot = 64 * level + Int(deadline >> UInt64(6 * level) & 63)
        let (links, heads) = (links.elements, heads.elements)
        let first = heads[slot]
        links[Int(index)] = Link(next: first, deadline: deadline, slot: Int16(slot))
        if first != Self.none { links[Int(first)].previous = index }
        heads[slot] = index
        occupied[level] |= 1 << UInt64(slot % 64)
    }

    /// The first slot with entries, and the tick at which its time begins. Lower levels come before higher ones.
    private func nextSlot() -> (slot: Int, begin: UInt64)? {
        for level in 0..<Self.levels where occupied[level] != 0 {
            let shift = UInt64(6 * level)
            let current = elapsed >> shift & 63
            let rotated = occupied[level] >> current | occupied[level] << (64 - current)
            let slot = (UInt64(rotated.trailingZeroBitCount) + current) & 63
            let turn: UInt64 = 64 << shift
            var begin = elapsed & ~(turn - 1) + slot << shift
            // Only the highest level wraps around.
            if begin <= elapsed { begin += turn }
            return (64 * level + Int(slot), begin)
        }
        return nil
    }
}
