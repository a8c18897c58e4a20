import CCapDist
import Glibc

private let canary = UInt8(0xa5)

/// Any text is parsed and formatted again. Nothing is written outside the struct and the buffer.
///
/// Input: a byte for the size of the buffer, and the text. The first 64 bytes of the text are also used as a struct.
func fuzzSecurities(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let size = Int(script.byte())
    let text = script.rest.map { CChar(bitPattern: $0) } + [0]
    // Of exactly that size, so that a read beyond the NUL is detected.
    parse(Array(text[...(text.firstIndex(of: 0) ?? 0)]), size)

    var raw = capdist_security()
    withUnsafeMutableBytes(of: &raw) { raw in
        for (to, from) in zip(raw.indices, script.rest) { raw[to] = from }
    }
    raw.market = Int32(truncatingIfNeeded: Int(raw.market) % 100)
    if let formatted = format(raw, size) {
        let again = parsed(formatted)
        require(again?.market == raw.market, "a security that has a text is read from it again")
    }
}

/// - Parameter text: ends with a NUL, and has no other.
private func parse(_ text: [CChar], _ size: Int) {
    let length = text.count - 1
    guard let security = parsed(text) else {
        let why = strlen(capdist_last_error())
        require(why > 0 && why < 512, "a refusal says why, in less than 512 bytes")
        return
    }
    let code = codeBytes(security)
    require(code.count > 0 && code.count < Int(CAPDIST_CODE_SIZE), "a code is not empty and ends with a NUL")
    require(code.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "a code has no control characters")
    require(String(validating: code, as: UTF8.self) != nil, "a code is UTF-8")
    guard let formatted = format(security, size) else { return require(false, "what was parsed can be formatted") }
    // A market's number becomes its name, if it has one.
    let longer = "HK_FUTURE".utf8.count - "#2".utf8.count
    require(formatted.count <= length + longer + 1, "formatting makes no text longer, but for a market's number")
    require(parsed(formatted).flatMap { format($0, size) } == formatted, "what was formatted is read as it is")
    let again = parsed(formatted)
    require(again?.market == security.market && again.map(codeBytes) == code, "parsing it again gives the same")
}

private func codeBytes(_ security: capdist_security) -> [UInt8] {
    withUnsafeBytes(of: security.code) { Array($0.prefix { $0 != 0 }) }
}

/// Parses into a struct with canaries around it.
private func parsed(_ text: [CChar]) -> capdist_security? {
    let size = MemoryLayout<capdist_security>.size
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 3 * size, alignment: 8)
    defer { room.deallocate() }
    room.initializeMemory(as: UInt8.self, repeating: canary)
    let target = UnsafeMutableRawBufferPointer(rebasing: room[size..<(2 * size)])
    guard let security = target.baseAddress?.assumingMemoryBound(to: capdist_security.self) else { return nil }
    let status = capdist_security_parse(text, security)
    let isOutsideUntouched =
        room[..<size].allSatisfy { $0 == canary } && room[(2 * size)...].allSatisfy { $0 == canary }
    require(isOutsideUntouched, "nothing beside the security is written")
    if status == CAPDIST_OK { return security.pointee }
    require(status == CAPDIST_INVALID_ARGUMENT, "a text is refused as an invalid argument and not as \(status)")
    require(target.allSatisfy { $0 == canary }, "a refused text leaves the security unchanged")
    return nil
}

/// The text with its NUL; nil if it was refused. Also formats into a buffer of `size` bytes.
private func format(_ security: capdist_security, _ size: Int) -> [CChar]? {
    withUnsafePointer(to: security) { security in
        let length = capdist_security_format(security, nil, 0)
        guard length >= 0 else {
            require(length == -1 && strlen(capdist_last_error()) > 0, "a refusal is -1 and says why")
            return nil
        }
        var whole = [CChar](repeating: CChar(bitPattern: canary), count: Int(length) + 1)
        require(capdist_security_format(security, &whole, whole.count) == length, "the length is the same each time")
        require(whole.last == 0 && strlen(whole) == Int(length), "the text ends with a NUL, and only there")
        var cut = [CChar](repeating: CChar(bitPattern: canary), count: size + 1)
        require(capdist_security_format(security, &cut, size) == length, "a small buffer changes nothing of the length")
        let kept = min(max(size - 1, 0), Int(length))
        require(cut[..<kept] == whole[..<kept], "a cut text is the beginning of the whole one")
        require(size == 0 || cut[kept] == 0, "a cut text ends with a NUL")
        require(
            cut[(size == 0 ? 0 : kept + 1)...].allSatisfy { UInt8(bitPattern: $0) == canary },
            "nothing beyond the NUL is written")
        return whole
    }
}
