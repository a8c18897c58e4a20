import CCapDist
import Codec
import Connection
import Glibc

extension capdist_security {
    /// Checks market and code as the host filled them in.
    func check() throws(Refusal) {
        guard Market(rawValue: market) != nil else {
            throw .invalid("market \(market) is unknown: see CAPDIST_MARKET_*")
        }
        let fault = withUnsafeBytes(of: code) { code -> StaticString? in
            var (length, isPlain) = (0, true)
            while length < code.count, case let byte = code[length], byte != 0 {
                isPlain = isPlain && byte &- 0x20 < 0x7f - 0x20
                length += 1
            }
            if length == 0 { return "the security's code is empty" }
            if length == code.count { return "the security's code has no NUL in its bytes" }
            if isPlain { return nil }
            let text = UnsafeRawBufferPointer(rebasing: code[..<length])
            if text.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "the security's code has control characters" }
            return isUTF8(text) ? nil : "the security's code is not UTF-8"
        }
        if let fault { throw .invalid("\(fault)") }
    }

    /// Bytes before the NUL; all of them if there is none.
    private var codeLength: Int {
        withUnsafeBytes(of: code) { code in
            strnlen(code.baseAddress?.assumingMemoryBound(to: CChar.self) ?? cString(""), code.count)
        }
    }

    /// Reads "HK.00700".
    static func parse(_ text: UnsafePointer<CChar>) throws(Refusal) -> capdist_security {
        let length = strnlen(text, Int(CAPDIST_CODE_SIZE) + 16)
        let bytes = UnsafeRawBufferPointer(start: text, count: length)
        guard let dot = bytes.firstIndex(of: UInt8(ascii: ".")) else {
            throw .invalid("a security is written MARKET.CODE, such as HK.00700")
        }
        let prefix = bytes[..<dot]
        let market = Market.allCases.first { market in
            UnsafeRawBufferPointer(start: market.prefix.utf8Start, count: market.prefix.utf8CodeUnitCount)
                .elementsEqual(prefix)
        }
        guard let market else {
            throw .invalid("the market before the dot is none of HK, US, SH, SZ, SG, JP, AU, MY, CA, FX, CC")
        }
        let code = bytes[(dot + 1)...]
        guard code.count < Int(CAPDIST_CODE_SIZE) else {
            throw .invalid("the security's code is longer than \(CAPDIST_CODE_SIZE - 1) bytes")
        }
        var security = capdist_security()
        security.market = market.rawValue
        withUnsafeMutableBytes(of: &security.code) { $0.copyBytes(from: code) }
        try security.check()
        return security
    }

    /// "HK.00700".
    func formatted() throws(Refusal) -> String {
        try check()
        guard let market = Market(rawValue: market) else { return "" }
        let code = withUnsafeBytes(of: code) { String(decoding: $0.prefix(codeLength), as: UTF8.self) }
        return "\(market.prefix).\(code)"
    }
}
