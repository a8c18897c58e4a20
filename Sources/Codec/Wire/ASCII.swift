/// Names of hosts, header fields and options count by their ASCII bytes: no text is taken apart into characters, which takes large
/// tables.
extension String {
    /// With its ASCII letters in lower case.
    package var asciiLowercased: String { String(decoding: utf8.map { $0.asciiLowercased }, as: UTF8.self) }

    /// What stands before the first such character; all of it if there is none.
    package func before(_ mark: Unicode.Scalar) -> String {
        String(Substring(utf8.prefix { $0 != UInt8(ascii: mark) }))
    }

    package func ends(in end: StaticString) -> Bool {
        end.withUTF8Buffer { utf8.suffix($0.count).elementsEqual($0) }
    }
}

extension UInt8 {
    /// An ASCII letter in lower case; any other byte as it is.
    package var asciiLowercased: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
