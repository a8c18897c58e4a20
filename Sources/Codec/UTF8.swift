/// Whether these bytes are UTF-8. Nearly all that come are ASCII, which is seen eight bytes at a time; no String is made then.
package func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var seen: UInt64 = 0
    let word = MemoryLayout<UInt64>.size
    if bytes.count >= word {
        for offset in stride(from: 0, to: bytes.count - word, by: word) {
            seen |= bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        seen |= bytes.loadUnaligned(fromByteOffset: bytes.count - word, as: UInt64.self)
    } else {
        for byte in bytes { seen |= UInt64(byte) }
    }
    return seen & 0x8080_8080_8080_8080 == 0 || String(validating: bytes, as: UTF8.self) != nil
}
