import CCapDist
import Codec
import Core
import Glibc

extension capdist_security {
    /// Checks the market and the code that the application set.
    func check() throws(CallError) {
        // A gateway may know markets that this version does not.
        guard market > 0 else { throw .invalid("market \(market) is not a market: see CAPDIST_MARKET_*") }
        let fault = withUnsafeBytes(of: code) { code -> StaticString? in
            var (length, isPlain) = (0, true)
            while length < code.count, case let byte = code[length], byte != 0 {
                isPlain = isPlain && byte &- 0x20 < 0x7f - 0x20
                length += 1
            }
            if length == 0 { return "the security's code is empty" }
            if length == code.count { return "the security's code has no NUL in its bytes" }
            if code[0] == 0x20 || code[length - 1] == 0x20 { return "the security's code begins or ends with a blank" }
            if isPlain { return nil }
            let text = UnsafeRawBufferPointer(rebasing: code[..<length])
            if text.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "the security's code has control characters" }
            // Its text would be read without them.
            if SecuritySpelling.hasBlanksAround(text) { return "the security's code begins or ends with a blank" }
            return isUTF8(text) ? nil : "the security's code is not UTF-8"
        }
        if let fault { throw .invalid("\(fault)") }
    }

    /// Length of the code up to its NUL; the whole size if there is none.
    private var codeLength: Int {
        withUnsafeBytes(of: code) { code in
            strnlen(code.baseAddress?.assumingMemoryBound(to: CChar.self) ?? cString(""), code.count)
        }
    }

    /// Reads a text such as "HK.00700" (capdist.h, capdist_security_parse).
    static func parse(_ text: UnsafePointer<CChar>) throws(CallError) -> capdist_security {
        let text = SecuritySpelling(UnsafeRawBufferPointer(start: text, count: strlen(text)))
        guard let (prefix, rest) = text.parts, let market = Market.number(prefix) else {
            if let meant = text.meant { throw .invalid("a security is written MARKET.CODE: was \(meant) meant?") }
            guard text.parts != nil else { throw .invalid("a security is written MARKET.CODE, such as HK.00700") }
            let known = Market.allCases.map { "\($0.prefix)" }.joined(separator: ", ")
            throw .invalid("the market before the dot is not one of \(known)")
        }
        guard rest.count < Int(CAPDIST_CODE_SIZE) else {
            throw .invalid("the security's code is longer than \(CAPDIST_CODE_SIZE - 1) bytes")
        }
        let isInLowerCase = text.isInLowerCase && prefix.first != Market.numberMark
        var security = capdist_security()
        security.market = market
        withUnsafeMutableBytes(of: &security.code) { code in
            for (index, byte) in rest.enumerated() {
                code[index] = isInLowerCase ? SecuritySpelling.upperCased(byte) : byte
            }
        }
        try security.check()
        return security
    }

    /// Such as "HK.00700".
    func formatted() throws(CallError) -> String {
        try check()
        let code = withUnsafeBytes(of: code) { String(decoding: $0.prefix(codeLength), as: UTF8.self) }
        guard let market = Market(rawValue: market) else { return "#\(market).\(code)" }
        return "\(market.prefix).\(code)"
    }
}

extension Market {
    /// Marks a market that is written as a number.
    fileprivate static var numberMark: UInt8 { UInt8(ascii: "#") }

    /// The number of a market from the text before the dot: its name in upper or lower case, or `#` and its number.
    fileprivate static func number(_ prefix: UnsafeRawBufferPointer.SubSequence) -> Int32? {
        if prefix.first == numberMark {
            let digits = prefix.dropFirst()
            guard digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
            return Int32(String(decoding: digits, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
        }
        return named(prefix.map(SecuritySpelling.upperCased))?.rawValue
    }

    /// The market of that name, in upper case.
    static func named(_ name: some Sequence<UInt8>) -> Market? {
        allCases.first { market in
            UnsafeRawBufferPointer(start: market.prefix.utf8Start, count: market.prefix.utf8CodeUnitCount)
                .elementsEqual(name)
        }
    }
}
