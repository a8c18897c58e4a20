/// Checks whether a text that arrives in pieces is UTF-8 (RFC 3629). It fails at the first wrong byte. Nearly all texts
/// are ASCII, so eight bytes are checked at a time.
package struct UTF8Validator {
    /// How many bytes the current character still needs.
    private var missing = 0
    /// The range for the next byte: the second byte shows overlong forms, surrogates, and values above U+10FFFF.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xbf

    package init() {}

    /// Whether the text may end here.
    package var isWhole: Bool { missing == 0 }

    /// Takes the next piece.
    /// - Returns: false if the text so far is not UTF-8.
    package mutating func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var place = 0
        while place < bytes.count {
            if missing == 0 {
                place = Self.afterASCII(bytes, from: place)
                if place == bytes.count { return true }
            }
            let byte = bytes[place]
            guard missing == 0 ? begins(byte) : continues(byte) else { return false }
            place += 1
        }
        return true
    }

    private mutating func begins(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7f: return true
        case 0xc2...0xdf: missing = 1
        case 0xe0...0xef:
            missing = 2
            if byte == 0xe0 { lowest = 0xa0 }
            if byte == 0xed { highest = 0x9f }
        case 0xf0...0xf4:
            missing = 3
            if byte == 0xf0 { lowest = 0x90 }
            if byte == 0xf4 { highest = 0x8f }
        default: return false
        }
        return true
    }

    private mutating func continues(_ byte: UInt8) -> Bool {
        guard byte >= lowest, byte <= highest else { return false }
        (lowest, highest) = (0x80, 0xbf)
        missing -= 1
        return true
    }

    /// The index, from here on, of the first byte that is not ASCII; the count if there is none.
    private static func afterASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let word = MemoryLayout<UInt64>.size
        var place = start
        while bytes.count - place >= word {
            let high =
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                & 0x8080_8080_8080_8080
            if high != 0 { return place + high.trailingZeroBitCount / 8 }
            place += word
        }
        while place < bytes.count, bytes[place] < 0x80 { place += 1 }
        return place
    }
}
