import Glibc

/// Names of hosts, header fields and options count by their ASCII bytes: no text is taken apart into characters, which
/// takes large tables.
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

extension UnsafeRawBufferPointer {
    /// Whether these bytes begin with those. `starts(with:)` would be compiled anew for each pair of types.
    package func begins(with start: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let own = baseAddress, let other = start.baseAddress, count >= start.count else { return start.isEmpty }
        return memcmp(own, other, start.count) == 0
    }

    package func begins(with text: StaticString) -> Bool { text.withUTF8Buffer { begins(with: $0) } }
}

extension Slice<UnsafeRawBufferPointer> {
    package func begins(with start: UnsafeBufferPointer<UInt8>) -> Bool {
        UnsafeRawBufferPointer(rebasing: self).begins(with: start)
    }

    package func begins(with text: StaticString) -> Bool { UnsafeRawBufferPointer(rebasing: self).begins(with: text) }
}
