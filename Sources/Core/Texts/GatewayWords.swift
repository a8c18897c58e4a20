import Codec

/// A scanner for texts of the gateway. It ignores the case of ASCII letters, and blanks before a number or a skipped
/// word. It reads nothing beyond the NUL.
struct GatewayWords {
    private var rest: UnsafePointer<CChar>

    init(_ text: UnsafePointer<CChar>) { rest = text }

    func contains(_ word: StaticString) -> Bool {
        var words = self
        return words.skipPast(word)
    }

    /// Moves behind the first `word`. Returns false, and does not move, if there is none.
    mutating func skipPast(_ word: StaticString) -> Bool {
        var at = rest
        while at.pointee != 0 {
            if let end = Self.end(of: word, at) {
                rest = end
                return true
            }
            at += 1
        }
        return false
    }

    /// Moves behind `word` if that comes next.
    mutating func skip(_ word: StaticString) -> Bool {
        skipBlanks()
        guard let end = Self.end(of: word, rest) else { return false }
        rest = end
        return true
    }

    /// The number that comes next, of at most nine digits.
    mutating func number() -> Int64? {
        skipBlanks()
        var value: Int64 = 0
        var digits = 0
        while digits < 9, case let digit = UInt8(bitPattern: rest.pointee) &- UInt8(ascii: "0"), digit < 10 {
            value = value * 10 + Int64(digit)
            digits += 1
            rest += 1
        }
        return digits > 0 ? value : nil
    }

    private mutating func skipBlanks() {
        while UInt8(bitPattern: rest.pointee) == UInt8(ascii: " ") { rest += 1 }
    }

    private static func end(of word: StaticString, _ start: UnsafePointer<CChar>) -> UnsafePointer<CChar>? {
        var at = start
        for index in 0..<word.utf8CodeUnitCount {
            // No word contains a NUL, so the text's NUL never matches.
            guard UInt8(bitPattern: at.pointee).asciiLowercased == word.utf8Start[index].asciiLowercased else {
                return nil
            }
            at += 1
        }
        return at
    }
}
