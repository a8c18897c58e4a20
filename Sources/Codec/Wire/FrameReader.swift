/// A whole frame inside a `FrameReader`'s buffer; `body` is valid until the reader is next written to.
package struct Frame {
    package let header: FrameHeader
    package let body: UnsafeRawBufferPointer
}

/// Cuts a byte stream into frames, however it arrives split. It does no I/O: the owner receives into `space` and tells
/// how much came. Memory follows the bytes that came, never a length that was only announced.
package struct FrameReader: ~Copyable {
    /// What an idle reader keeps.
    package static let baseCapacity = 16 * 1024
    /// Above this much, memory is given back once the reader is empty.
    static let keptCapacity = 256 * 1024
    /// Room below which the buffer is tidied, so that no receive is a short one for want of it.
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

    /// Bytes received and not yet part of a frame handed out.
    package var bufferedCount: Int { end - start }

    /// The first of them.
    package var firstByte: UInt8? { start < end ? buffer[start] : nil }

    /// Where to receive to; never empty. Invalidates frames handed out before.
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

    /// Tells that `count` bytes were written to the beginning of `space()`.
    package mutating func received(_ count: Int) {
        end = min(end + max(count, 0), buffer.count)
    }

    /// Copies `bytes` in, for owners that have them elsewhere.
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

    /// The next whole frame, or nil until more bytes come.
    package mutating func next() throws(FrameError) -> Frame? {
        if start == end { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        guard let header = try FrameHeader(bytes, maxBodyLength: maxBodyLength) else { return nil }
        let total = FrameHeader.size + Int(header.bodyLength)
        guard bytes.count >= total else { return nil }
        start += total
        return Frame(header: header, body: UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size..<total]))
    }

    /// Whether the next frame, or what is none, is there.
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

    /// Forgets what was received: for the next stream.
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
