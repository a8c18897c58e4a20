/// A binary heap of numbers.
struct MinHeap {
    private var numbers: [UInt32] = []

    var min: UInt32? { numbers.first }

    mutating func insert(_ number: UInt32) {
        numbers.append(number)
        var child = numbers.count - 1
        while child > 0, numbers[child] < numbers[(child - 1) / 2] {
            numbers.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeMin() {
        guard let last = numbers.popLast(), !numbers.isEmpty else { return }
        numbers[0] = last
        var parent = 0
        while 2 * parent + 1 < numbers.count {
            var least = 2 * parent + 1
            if least + 1 < numbers.count, numbers[least + 1] < numbers[least] { least += 1 }
            guard numbers[least] < numbers[parent] else { return }
            numbers.swapAt(parent, least)
            parent = least
        }
    }
}
