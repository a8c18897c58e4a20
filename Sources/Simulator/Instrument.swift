import Codec

/// The kind of a security, decided by its market and the form of its code alone.
package enum Instrument: Equatable, Sendable {
    /// A stock, warrant or fund: it has figures.
    case tradable
    /// An index, a future, a currency pair, a crypto currency: known, but without a capital distribution.
    case unsupported
    /// The same, for which OpenD has a text of its own.
    case usIndex
    case unknown

    package init(market: Int32, code: String) {
        let code = Array(code.utf8)
        switch Market(rawValue: market) {
        case .none: self = .unknown
        case .fx, .cc, .ec, .hkFuture: self = code.isEmpty ? .unknown : .unsupported
        case .hk:
            if Self.isFuture(code) || (Self.isNumber(code, digits: 6) && code.starts(with: "800".utf8)) {
                self = .unsupported
            } else {
                self = Self.isNumber(code, digits: 5) && code != Array("99999".utf8) ? .tradable : .unknown
            }
        case .sh, .sz:
            if Self.isNumber(code, digits: 6), code != Array("999999".utf8) {
                let index = market == Market.sh.rawValue ? "000" : "399"
                self = code.starts(with: index.utf8) ? .unsupported : .tradable
            } else {
                self = .unknown
            }
        case .us, .sg, .jp, .au, .my, .ca:
            if Self.isWord(code.dropFirst()), code.first == UInt8(ascii: ".") {
                self = market == Market.us.rawValue ? .usIndex : .unsupported
            } else if Self.isFuture(code) {
                self = .unsupported
            } else {
                self = Self.isWord(code[...]) && code.count <= 6 ? .tradable : .unknown
            }
        }
    }

    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    private static let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")

    private static func isNumber(_ code: [UInt8], digits count: Int) -> Bool {
        code.count == count && code.allSatisfy(digits.contains)
    }

    /// Capital letters, digits and inner dots.
    private static func isWord(_ code: ArraySlice<UInt8>) -> Bool {
        guard let first = code.first, let last = code.last else { return false }
        let dot = UInt8(ascii: ".")
        return first != dot && last != dot
            && code.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == dot }
    }

    /// Capital letters and digits before `main`, or at least two letters before a month: `HSImain`, `ES2412`.
    private static func isFuture(_ code: [UInt8]) -> Bool {
        let (root, end) = (code.dropLast(4), code.suffix(4))
        if end.elementsEqual("main".utf8) {
            return !root.isEmpty && root.allSatisfy { letters.contains($0) || digits.contains($0) }
        }
        return root.count >= 2 && root.allSatisfy(letters.contains) && end.allSatisfy(digits.contains)
    }
}
