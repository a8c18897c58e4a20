/// A map from serial numbers (never 0) to indices. Open addressing with linear probing, because it is used for every
/// request. The seeded hash of a Dictionary is not needed, because only the library chooses these numbers.
struct SerialMap {
    private struct Slot {
        /// 0: empty.
        var serialNo: UInt32 = 0
        var index: Int32 = 0
    }

    /// Their number is a power of two, and at most half of them are in use.
    private var slots: [Slot]
    private(set) var count = 0

    private static var minCapacity: Int { 16 }

    init() { slots = [Slot](repeating: Slot(), count: Self.minCapacity) }

    subscript(serialNo: UInt32) -> Int32? {
        let slot = slots[place(of: serialNo)]
        return slot.serialNo == serialNo && serialNo != 0 ? slot.index : nil
    }

    /// - Parameter serialNo: not 0. If it is in the map, its index is replaced.
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
        // Close the gap: entries that could not be at their home place, and are behind the gap, move into it.
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

    /// The slot of `serialNo`, or else the empty slot where it belongs.
    private func place(of serialNo: UInt32) -> Int {
        var place = home(of: serialNo)
        while slots[place].serialNo != 0, slots[place].serialNo != serialNo { place = (place + 1) & (slots.count - 1) }
        return place
    }

    /// The first slot to try. Consecutive numbers are spread by the golden ratio; otherwise they would make one long
    /// cluster.
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
