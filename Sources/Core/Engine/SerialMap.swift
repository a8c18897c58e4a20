/// Indices by serial number; a number is never 0. Open addressing with linear probing: requests come and go at the rate of
/// the wire, and since nobody but the library chooses these numbers there is no need for a Dictionary's seeded hash.
struct SerialMap {
    private struct Slot {
        /// 0: empty.
        var serialNo: UInt32 = 0
        var index: Int32 = 0
    }

    /// A power of two of them, at most half in use.
    private var slots: [Slot]
    private(set) var count = 0

    private static var minCapacity: Int { 16 }

    init() { slots = [Slot](repeating: Slot(), count: Self.minCapacity) }

    subscript(serialNo: UInt32) -> Int32? {
        let slot = slots[place(of: serialNo)]
        return slot.serialNo == serialNo && serialNo != 0 ? slot.index : nil
    }

    /// - Parameter serialNo: not 0; if it is known, its index is replaced.
    mutating func insert(_ serialNo: UInt32, _ index: Int32) {
        if 2 * (count + 1) > slots.count { grow() }
        let place = place(of: serialNo)
        if slots[place].serialNo == 0 { count += 1 }
        slots[place] = Slot(serialNo: serialNo, index: index)
    }

    mutating func remove(_ serialNo: UInt32) {
        var hole = place(of: serialNo)
        guard serialNo != 0, slots[hole].serialNo == serialNo else { return }
        count -= 1
        // Who was pushed past the hole on the way from its home moves up.
        let mask = slots.count - 1
        var next = (hole + 1) & mask
        while slots[next].serialNo != 0 {
            let distance = (next - home(of: slots[next].serialNo)) & mask
            if distance >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = Slot()
    }

    /// Where `serialNo` is, or else the empty slot where it belongs.
    private func place(of serialNo: UInt32) -> Int {
        var place = home(of: serialNo)
        while slots[place].serialNo != 0, slots[place].serialNo != serialNo { place = (place + 1) & (slots.count - 1) }
        return place
    }

    /// Numbers that follow each other are spread by the golden ratio: a run of them would make one long cluster.
    private func home(of serialNo: UInt32) -> Int {
        let hash = serialNo &* 0x9e37_79b1
        return Int(hash >> UInt32(truncatingIfNeeded: 32 - slots.count.trailingZeroBitCount)) & (slots.count - 1)
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(), count: 2 * old.count)
        for slot in old where slot.serialNo != 0 { slots[place(of: slot.serialNo)] = slot }
    }
}
