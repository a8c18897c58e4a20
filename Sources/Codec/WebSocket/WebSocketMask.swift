import CSystem

/// The four bytes that a client's payload is XORed with (RFC 6455, 5.3).
package struct WebSocketMask: Sendable {
    /// The bytes in wire order: the first one is the lowest byte.
    let key: UInt32

    package init(key: UInt32) { self.key = key }

    init(_ bytes: (UInt8, UInt8, UInt8, UInt8)) {
        key = UInt32(bytes.0) | UInt32(bytes.1) << 8 | UInt32(bytes.2) << 16 | UInt32(bytes.3) << 24
    }

    /// XORs `source` into `target`, which may be the same memory.
    /// - Parameters:
    ///   - target: at least as long as `source`.
    ///   - offset: how many bytes of the payload came before these.
    @inline(__always)
    func apply(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, offset: Int) {
        guard let from = source.baseAddress, let to = target.baseAddress, target.count >= source.count else { return }
        let count = source.count
        let turned = turned(by: offset)
        let word = (UInt64(turned) | UInt64(turned) << 32).littleEndian
        let words = SIMD4<UInt64>(repeating: word)
        let wide = MemoryLayout<SIMD4<UInt64>>.size
        let narrow = MemoryLayout<UInt64>.size
        var place = 0
        while count - place >= wide {
            let block = from.loadUnaligned(fromByteOffset: place, as: SIMD4<UInt64>.self)
            to.storeBytes(of: block ^ words, toByteOffset: place, as: SIMD4<UInt64>.self)
            place += wide
        }
        while count - place >= narrow {
            let block = from.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            to.storeBytes(of: block ^ word, toByteOffset: place, as: UInt64.self)
            place += narrow
        }
        var rest = UInt64(littleEndian: word)
        while place < count {
            let byte = from.load(fromByteOffset: place, as: UInt8.self)
            to.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: place, as: UInt8.self)
            rest >>= 8
            place += 1
        }
    }

    /// The key, rotated for the byte at `offset` in the payload.
    private func turned(by offset: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: offset & 3) * 8
        return key &>> bits | key &<< (32 &- bits)
    }
}

/// Random masks, each used once (RFC 6455, 5.3 and 10.3). Many are taken from the system at a time, because a system
/// call for each frame would cost more than the frame.
package struct MaskSource {
    private var block = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    private var used = Int.max

    package init() {}

    /// - Returns: nil if the system has no random bytes.
    package mutating func next() -> WebSocketMask? {
        withUnsafeMutableBytes(of: &block) { block in
            let size = MemoryLayout<UInt32>.size
            if used > block.count - size {
                guard csystem_random(block.baseAddress, block.count) == 0 else { return nil }
                used = 0
            }
            defer { used += size }
            return WebSocketMask(key: block.loadUnaligned(fromByteOffset: used, as: UInt32.self))
        }
    }
}
