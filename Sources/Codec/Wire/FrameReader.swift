/// A whole frame in a `FrameReader`'s buffer. `body` is valid until the next `space()`.
package struct Frame {
    package let header: FrameHeader
    package let body: UnsafeRawBufferPointer
}

/// Cuts a byte stream into frames, however it arrives split. It does no I/O: the owner receives into `space()`, then
/// calls `received`. It allocates for bytes that have arrived, never for a length that was only announced. Its memory
/// is its own and no array's, so that it is received into without zeroing.
package struct FrameReader: ~Copyable {
    /// Bytes that an idle reader keeps allocated.
    package static let baseCapacity = 16 * 1024
    /// An empty reader with a larger buffer than this frees it.
    static let keptCapacity = 256 * 1024
    /// With less room than this, the buffer is compacted, so that receives are not cut short.
    static let leastSpace = 4 * 1024

    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private let maxBodyLength: Int

    /// - Parameter maxBodyLength: longest body accepted, in bytes, 0 or more.
    package init(maxBodyLength: Int) {
        self.maxBodyLength = maxBodyLength
        buffer = .allocate(byteCount: Self.baseCapacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Bytes that were received, and not returned in a frame yet.
    package var bufferedCount: Int { end - start }

    /// The first of them.
    package var firstByte: UInt8? { start < end ? buffer[start] : nil }

    /// Where to receive to; never empty. Frames that were returned before become invalid.
    package mutating func space() -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = 0
            if buffer.count > Self.keptCapacity { resize(to: Self.baseCapacity) }
        } else if buffer.count - end < Self.leastSpace {
            if start >= buffer.count / 2 {
                moveToFront()
            } else {
                resize(to: buffer.count * 2)
            }
        }
        return UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
    }

    /// `count` bytes were written to the beginning of `space()`.
    package mutating func received(_ count: Int) {
        end = min(end + max(count, 0), buffer.count)
    }

    /// Copies bytes that the owner has elsewhere into the buffer.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let target = space()
            let count = min(target.count, rest.count)
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            received(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// The next whole frame; nil if more bytes are needed.
    package mutating func next() throws(FrameError) -> Frame? {
        if start == end { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        guard let header = try FrameHeader(bytes, maxBodyLength: maxBodyLength) else { return nil }
        let total = FrameHeader.size + Int(header.bodyLength)
        guard bytes.count >= total else { return nil }
        start += total
        return Frame(header: header, body: UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size..<total]))
    }

    /// Whether `next` would return a frame or throw.
    package var hasFrame: Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        guard bytes.count >= FrameHeader.size else { return false }
        do {
            guard let header = try FrameHeader(bytes, maxBodyLength: maxBodyLength) else { return false }
            return bytes.count - FrameHeader.size >= Int(header.bodyLength)
        } catch {
            return true
        }
    }

    /// Drops all that was received, before the next stream.
    package mutating func reset() {
        start = 0
        end = 0
        if buffer.count > Self.baseCapacity { resize(to: Self.baseCapacity) }
    }

    private mutating func moveToFront() {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        end -= start
        start = 0
    }

    private mutating func resize(to capacity: Int) {
        let new = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
        buffer.deallocate()
        buffer = new
        end -= start
        start = 0
    }
}
