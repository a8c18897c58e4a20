/// A map from serial numbers (never 0) to indices. Open addressing with linear probing, because it is used for every
/// request. The seeded hash of a Dictionary is not needed, because only the library chooses these numbers.
///
/// It never grows by itself, since that may fail: `reserve` does.
struct SerialMap: ~Copyable {
    private struct Slot {
        /// 0: empty.
        var serialNo: UInt32 = 0
        var index: Int32 = 0
    }

    /// Their number is a power of two, and at most half of them are in use.
    private var slots = GrowableBuffer<Slot>()
    private(set) var count = 0

    subscript(serialNo: UInt32) -> Int32? {
        guard serialNo != 0, count > 0 else { return nil }
        let slots = slots.elements
        let slot = slots[Self.place(of: serialNo, slots)]
        return slot.serialNo == serialNo ? slot.index : nil
    }

    /// Makes room for so many numbers: a power of two, 2 or more.
    /// - Returns: false if there is no memory. Then nothing has changed.
    mutating func reserve(_ capacity: Int) -> Bool {
        guard 2 * capacity > slots.count else { return true }
        var new = GrowableBuffer<Slot>()
        guard new.grow(to: 2 * capacity, filledWith: Slot()) else { return false }
        let (old, all) = (slots.elements, new.elements)
        for index in old.indices where old[index].serialNo != 0 {
            all[Self.place(of: old[index].serialNo, all)] = old[index]
        }
        swap(&slots, &new)
        return true
    }

    /// - Parameter serialNo: not 0. If it is in the map, its index is replaced. Else there must be room for it.
    mutating func insert(_ serialNo: UInt32, _ index: Int32) {
        let slots = slots.elements
        let place = Self.place(of: serialNo, slots)
        if slots[place].serialNo == 0 { count += 1 }
        slots[place] = Slot(serialNo: serialNo, index: index)
    }

    mutating func remove(_ serialNo: UInt32) {
        guard serialNo != 0, count > 0 else { return }
        let slots = slots.elements
        var hole = Self.place(of: serialNo, slots)
        guard slots[hole].serialNo == serialNo else { return }
        count -= 1
        // Close the gap: entries that could not be at their home place, and are behind the gap, move into it.
        let mask = slots.count - 1
        var next = (hole + 1) & mask
        while slots[next].serialNo != 0 {
            let distance = (next - Self.home(of: slots[next].serialNo, slots.count)) & mask
            if distance >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = Slot()
    }

    /// The slot of `serialNo`, or else the empty slot where it belongs.
    @inline(__always)
    private static func place(of serialNo: UInt32, _ slots: GrowableBuffer<Slot>.Elements) -> Int {
        var place = home(of: serialNo, slots.count)
        while slots[place].serialNo != 0, slots[place].serialNo != serialNo { place = (place + 1) & (slots.count - 1) }
        return place
    }

    /// The first slot to try. Consecutive numbers are spread by the golden ratio; otherwise they would make one long
    /// cluster.
    @inline(__always)
    private static func home(of serialNo: UInt32, _ count: Int) -> Int {
        let hash = serialNo &* 0x9e37_79b1
        return Int(hash >> UInt32(truncatingIfNeeded: 32 - count.trailingZeroBitCount)) & (count - 1)
    }
}
