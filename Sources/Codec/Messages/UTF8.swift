/// Whether these bytes are UTF-8. Nearly all are ASCII: eight bytes are checked at a time, and no String is made.
package func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var seen: UInt64 = 0
    let word = MemoryLayout<UInt64>.size
    if bytes.count >= word {
        let last = bytes.count - word
        var offset = 0
        while offset < last {
            seen |= bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += word
        }
        seen |= bytes.loadUnaligned(fromByteOffset: last, as: UInt64.self)
    } else {
        for byte in bytes { seen |= UInt64(byte) }
    }
    if seen & 0x8080_8080_8080_8080 == 0 { return true }
    var text = UTF8Validator()
    return text.accepts(bytes) && text.isWhole
}

/// The text without characters that end a line or control a terminal. Parts of it may come from the gateway.
package func onOneLine(_ text: String) -> String {
    func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }
    guard text.utf8.contains(where: isControl) else { return text }
    return String(decoding: text.utf8.map { isControl($0) ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
}
