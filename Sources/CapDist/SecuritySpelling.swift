import Codec

/// The text of a security, and what was probably meant if it is not valid.
struct SecuritySpelling {
    /// Without blanks and line ends around it.
    private let text: UnsafeRawBufferPointer.SubSequence

    init(_ raw: UnsafeRawBufferPointer) {
        var text = raw[...]
        while let first = text.first, Self.mayBeBlank(first), let blank = Self.blank({ text.begins(with: $0) }) {
            text = text.dropFirst(blank)
        }
        while let last = text.last, Self.mayBeBlank(last),
            let blank = Self.blank({ text.count >= $0.count && text.suffix($0.count).begins(with: $0) })
        {
            text = text.dropLast(blank)
        }
        self.text = text
    }

    /// Whether it begins or ends with a blank.
    static func hasBlanksAround(_ raw: UnsafeRawBufferPointer) -> Bool { Self(raw).text.count < raw.count }

    /// A quick test: nearly no text begins or ends with a blank.
    private static func mayBeBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte >= 0x80 }

    /// Length in bytes of the blank for which `isThere` is true; nil if there is none.
    private static func blank(_ isThere: (UnsafeBufferPointer<UInt8>) -> Bool) -> Int? {
        for blank in blanks {
            let bytes = UnsafeBufferPointer(start: blank.utf8Start, count: blank.utf8CodeUnitCount)
            if isThere(bytes) { return bytes.count }
        }
        return nil
    }

    /// ASCII blanks, and those in texts from web pages, spreadsheets and Chinese input methods: no-break, zero-width
    /// and ideographic spaces, and the byte order mark.
    private static var blanks: [StaticString] {
        [
            " ", "\t", "\n", "\u{b}", "\u{c}", "\r", "\u{a0}", "\u{200b}", "\u{3000}", "\u{feff}",
        ]
    }

    /// The text before the first dot, and after it; nil if there is no dot.
    var parts: (market: UnsafeRawBufferPointer.SubSequence, code: UnsafeRawBufferPointer.SubSequence)? {
        guard let dot = text.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        return (text[..<dot], text[(dot + 1)...])
    }

    /// Whether it has ASCII letters, and all of them are in lower case.
    var isInLowerCase: Bool {
        text.contains { Self.upperCased($0) != $0 } && !text.contains { Self.isUpperCase($0) }
    }

    static func upperCased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte & ~0x20 : byte
    }

    private static func isUpperCase(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    // MARK: - What was meant

    /// What was probably meant by a text that is not a security; nil if that is unclear.
    var meant: String? {
        let bytes = text.map(Self.upperCased)
        // No guess for a text that cannot be a code of any market.
        guard (1...24).contains(bytes.count), bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
            return nil
        }
        if let first = bytes.firstIndex(where: Self.isSeparator), let last = bytes.lastIndex(where: Self.isSeparator) {
            return Self.guess(separated: bytes, first, last)
        }
        return Self.guess(whole: bytes)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool { ". :-_/".utf8.contains(byte) }

    /// Such as "00700.HK", "NASDAQ:AAPL", "BRK.B".
    private static func guess(separated bytes: [UInt8], _ first: Int, _ last: Int) -> String? {
        let (head, tail) = (bytes[..<first], bytes[(first + 1)...])
        if let market = market(of: head, code: tail) { return write(market, tail) }
        let (code, end) = (bytes[..<last], bytes[(last + 1)...])
        if let market = market(of: end, code: code) { return write(market, code) }
        let isOfLetters = head.allSatisfy(isUpperCase) && tail.allSatisfy(isUpperCase) && (1...5).contains(head.count)
        return bytes[first] == UInt8(ascii: ".") && isOfLetters && tail.count == 1 ? write(.us, bytes[...]) : nil
    }

    /// Such as "HK00700", "00700", "600519", "AAPL".
    private static func guess(whole bytes: [UInt8]) -> String? {
        let letters = bytes.prefix(while: isUpperCase)
        let digits = bytes[letters.count...]
        guard digits.allSatisfy(isDigit) else { return nil }
        if digits.isEmpty { return letters.count <= 5 ? write(.us, letters) : nil }
        if !letters.isEmpty { return market(of: letters).flatMap { write($0, digits) } }
        switch digits.count {
        case ...5: return write(.hk, digits)
        case 6: return mainland(digits).flatMap { write($0, digits) }
        default: return nil
        }
    }

    /// Shanghai's codes begin with 5, 6 or 90, Shenzhen's with 0 to 3; the others are Beijing's.
    private static func mainland(_ digits: ArraySlice<UInt8>) -> Market? {
        if digits.withUnsafeBytes({ $0.begins(with: "5") || $0.begins(with: "6") || $0.begins(with: "90") }) {
            return .sh
        }
        return digits.first.map("0123".utf8.contains) == true ? .sz : nil
    }

    private static func write(_ market: Market, _ code: ArraySlice<UInt8>) -> String? {
        var code = code
        // A US index begins with a dot.
        while market != .us, let first = code.first, isSeparator(first) { code = code.dropFirst() }
        guard !code.isEmpty, !code.contains(UInt8(ascii: " ")) else { return nil }
        var text = String(decoding: code, as: UTF8.self)
        // Other programs write Hong Kong's codes without leading zeroes.
        if market == .hk, code.allSatisfy(isDigit) {
            text = String(repeating: "0", count: max(5 - code.count, 0)) + text
        }
        return "\(market.prefix).\(text)"
    }

    /// The market of that name beside this code. Tokyo's name, T, can also be a class of shares, or AT&T. It is only
    /// taken for Tokyo beside a code that begins with a digit.
    private static func market(of name: ArraySlice<UInt8>, code: ArraySlice<UInt8>) -> Market? {
        name.count > 1 || code.first.map(isDigit) == true ? market(of: name) : nil
    }

    /// A market by its name here, or by the name that other programs use.
    private static func market(of name: ArraySlice<UInt8>) -> Market? {
        if let market = Market.named(name) { return market }
        switch name {
        case "HKEX", "SEHK", "XHKG": return .hk
        case "NASDAQ", "NYSE", "AMEX": return .us
        case "SS", "SSE", "SHSE", "XSHG": return .sh
        case "SZSE", "XSHE": return .sz
        case "SI", "SGX": return .sg
        case "T", "TSE": return .jp
        case "AX", "ASX": return .au
        case "KL": return .my
        case "TO", "TSX": return .ca
        default: return nil
        }
    }
}

private func ~= (text: StaticString, bytes: ArraySlice<UInt8>) -> Bool {
    bytes.count == text.utf8CodeUnitCount && bytes.withUnsafeBytes { $0.begins(with: text) }
}
