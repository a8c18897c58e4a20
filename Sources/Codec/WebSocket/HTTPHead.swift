/// The head of an HTTP/1.1 message, gathered until its empty line; for nothing but the upgrade to WebSocket.
package struct HTTPHead {
    /// Longest head accepted, in bytes, with those before it.
    package static let longest = 16 * 1024

    private var bytes: [UInt8] = []
    /// How long it may be.
    private var room = longest

    package init() {}

    /// Takes in more of it.
    /// - Returns: how many of `more` belong to it, once it is whole; nil until then.
    /// - Throws: `tooLong`.
    package mutating func received(_ more: UnsafeRawBufferPointer) throws(TooLong) -> Int? {
        let before = bytes.count
        bytes += more.prefix(room + 1 - before)
        // The empty line may have begun before.
        var place = max(before - 3, 0)
        while place + 4 <= min(bytes.count, room) {
            if bytes[place...].starts(with: [13, 10, 13, 10]) {
                bytes.removeLast(bytes.count - place - 4)
                return place + 4 - before
            }
            place += 1
        }
        guard bytes.count <= room else { throw TooLong() }
        return nil
    }

    package struct TooLong: Error {}

    /// Once it is whole: begins with the next one of the same stream.
    package mutating func beginNext() {
        room -= bytes.count
        bytes = []
    }

    /// What came so far.
    package var start: ArraySlice<UInt8> { bytes.prefix(16) }

    /// The first line.
    package var firstLine: String { lines.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// Whether each of its lines but the first is a field.
    package var hasOnlyFields: Bool { values(of: "") != nil }

    /// The values of a field, each without the blanks around it; empty if there is none. Nil if a line is no field.
    package func values(of name: String) -> [String]? {
        var values: [String] = []
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { return nil }
            guard String(decoding: line[..<colon], as: UTF8.self).lowercased() == name.lowercased() else { continue }
            let value = line[(colon + 1)...]
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            let trimmed = value.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
            values.append(String(decoding: trimmed, as: UTF8.self))
        }
        return values
    }

    /// Whether a field lists this word, whatever its case.
    package func lists(_ word: String, in name: String) -> Bool {
        (values(of: name) ?? []).contains { value in
            value.split(separator: ",").contains { part in
                part.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }.lowercased() == word
            }
        }
    }

    private var lines: [ArraySlice<UInt8>] {
        bytes.split(separator: 13, omittingEmptySubsequences: false).map { $0.first == 10 ? $0.dropFirst() : $0 }
    }
}
