/// Bytes that wait to be sent, without gaps. It does no I/O: the owner sends `pending`, then calls `sent`. Its memory
/// is its own and no array's, so that frames are made in place without zeroing, and keys in it can be wiped.
package struct ByteQueue: ~Copyable {
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    static let baseCapacity = 4 * 1024
    static let keptCapacity = 256 * 1024

    package init() {
        buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The bytes to send next. Valid until the queue is changed.
    package var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[start..<end]) }

    package var isEmpty: Bool { start == end }

    package var count: Int { end - start }

    /// The first `count` bytes of `pending` were sent.
    package mutating func sent(_ count: Int) {
        start = min(start + max(count, 0), end)
        if start == end { reset() }
    }

    /// Drops all that was not sent, before the next stream.
    package mutating func reset() {
        start = 0
        end = 0
        if buffer.count > Self.keptCapacity {
            buffer.deallocate()
            buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
        }
    }

    /// Overwrites bytes that were sent and are still in memory. `pending` does not change.
    mutating func wipeSent() {
        Crypto.wipe(UnsafeMutableRawBufferPointer(rebasing: buffer[..<start]))
        Crypto.wipe(UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    }

    /// Room for at least `count` bytes after those that wait. Write to its beginning, then call `filled`.
    @inline(__always)
    mutating func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        reserve(count)
        return UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
    }

    @inline(__always)
    mutating func filled(_ count: Int) { end += count }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        room(bytes.count).copyMemory(from: bytes)
        filled(bytes.count)
    }

    private mutating func reserve(_ count: Int) {
        if buffer.count - end >= count { return }
        let used = end - start
        if buffer.count - used >= count, start >= used {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        } else {
            let new = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(buffer.count * 2, used + count), alignment: 16)
            new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            buffer.deallocate()
            buffer = new
        }
        start = 0
        end = used
    }
}
