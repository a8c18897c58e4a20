/// The head of an HTTP/1.1 message, collected up to its empty line. For the upgrade to WebSocket only.
package struct HTTPHead {
    /// Longest length accepted of all heads of a stream together, in bytes.
    package static let longest = 16 * 1024

    private var bytes: [UInt8] = []
    /// How long this head may be.
    private var room = longest

    package init() {}

    /// Takes bytes that were received.
    /// - Returns: how many of `more` belong to the head, once it is whole; nil until then.
    /// - Throws: `tooLong`.
    package mutating func received(_ more: UnsafeRawBufferPointer) throws(TooLong) -> Int? {
        let before = bytes.count
        bytes += more.prefix(room + 1 - before)
        // The empty line may begin in earlier bytes.
        var place = max(before - 3, 0)
        while place + 4 <= min(bytes.count, room) {
            if bytes[place] == 13, bytes[place + 1] == 10, bytes[place + 2] == 13, bytes[place + 3] == 10 {
                bytes.removeLast(bytes.count - place - 4)
                return place + 4 - before
            }
            place += 1
        }
        guard bytes.count <= room else { throw TooLong() }
        return nil
    }

    package struct TooLong: Error {}

    /// Begins with the next head of the same stream. Call it when this one is whole.
    package mutating func beginNext() {
        room -= bytes.count
        bytes = []
    }

    /// The first bytes received, at most 16.
    package var start: ArraySlice<UInt8> { bytes.prefix(16) }

    /// The first line.
    package var firstLine: String { lines.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// Whether each line but the first is a header field.
    package var hasOnlyFields: Bool { values(of: "") != nil }

    /// The values of a field, without the blanks around them; empty if there is none. Nil if a line is not a header
    /// field.
    package func values(of name: String) -> [String]? {
        var values: [String] = []
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { return nil }
            guard Self.isSame(line[..<colon], name) else { continue }
            let value = line[(colon + 1)...]
            let trimmed = value.drop(while: Self.isBlank).reversed().drop(while: Self.isBlank).reversed()
            values.append(String(decoding: trimmed, as: UTF8.self))
        }
        return values
    }

    /// Whether a field lists this word, in upper or lower case.
    package func lists(_ word: String, in name: String) -> Bool {
        (values(of: name) ?? []).contains { value in
            value.utf8.split(separator: UInt8(ascii: ",")).contains { part in
                Self.isSame(part.drop(while: Self.isBlank).prefix { !Self.isBlank($0) }, word)
            }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Whatever the case of their letters.
    private static func isSame(_ bytes: some Sequence<UInt8>, _ word: String) -> Bool {
        bytes.elementsEqual(word.utf8) { $0.asciiLowercased == $1.asciiLowercased }
    }

    private var lines: [ArraySlice<UInt8>] {
        bytes.split(separator: 13, omittingEmptySubsequences: false).map { $0.first == 10 ? $0.dropFirst() : $0 }
    }
}
