import Glibc

/// Elements side by side in memory that grows, unless there is none: then growing fails, where an Array would end the
/// process.
struct GrowableBuffer<Element>: ~Copyable {
    /// The elements, for a function that grows nothing: it keeps them in registers, where the buffer itself would be
    /// read again after each write.
    struct Elements {
        fileprivate let start: UnsafeMutablePointer<Element>?
        let count: Int

        subscript(index: Int) -> Element {
            @inline(__always)
            unsafeAddress { UnsafePointer(address(index)) }
            @inline(__always)
            nonmutating unsafeMutableAddress { address(index) }
        }

        @inline(__always)
        private func address(_ index: Int) -> UnsafeMutablePointer<Element> {
            // One comparison. Where there is an element there is a start.
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return start.unsafelyUnwrapped + index
        }

        var indices: Range<Int> { 0..<count }
    }

    private(set) var elements = Elements(start: nil, count: 0)

    init() {}

    deinit {
        elements.start?.deinitialize(count: count)
        free(elements.start)
    }

    var count: Int { elements.count }

    /// Adds elements until there are `newCount`.
    /// - Returns: false if there is no memory. Then nothing has changed.
    mutating func grow(to newCount: Int, filledWith element: Element) -> Bool {
        let (stride, count) = (MemoryLayout<Element>.stride, count)
        guard newCount > count else { return true }
        guard newCount <= Int.max / stride, let memory = malloc(newCount * stride) else { return false }
        let grown = memory.bindMemory(to: Element.self, capacity: newCount)
        if let start = elements.start { grown.moveInitialize(from: start, count: count) }
        (grown + count).initialize(repeating: element, count: newCount - count)
        free(elements.start)
        elements = Elements(start: grown, count: newCount)
        return true
    }
}
