import ArgumentParser

/// The units of amounts.
enum Units: String, CaseIterable, ExpressibleByArgument {
    case none, en, zh
    case thousand = "K"
    case million = "M"
    case billion = "B"
    case tenThousand = "万"
    case hundredMillion = "亿"

    /// The divisor for one amount, and the unit's sign.
    fileprivate func scale(_ amount: Double) -> (by: Double, sign: String) {
        let size = amount.magnitude
        switch self {
        case .none: return (1, "")
        case .thousand: return (1e3, "K")
        case .million: return (1e6, "M")
        case .billion: return (1e9, "B")
        case .tenThousand: return (1e4, "万")
        case .hundredMillion: return (1e8, "亿")
        // If rounding to two decimals reaches the next unit, use that: 1.00M instead of 1,000.00K.
        case .en:
            if size < 999_995 { return size >= 1e3 ? (1e3, "K") : (1, "") }
            return size >= 999_995e3 ? (1e9, "B") : (1e6, "M")
        case .zh: return size >= 99_999_950 ? (1e8, "亿") : size >= 1e4 ? (1e4, "万") : (1, "")
        }
    }
}

enum Amount {
    /// For people: with thousands separators, or in units; "" for a missing amount.
    static func text(_ amount: Double?, _ units: Units, decimals: Int, sign: Bool = false) -> String {
        guard let amount else { return "" }
        let (scale, unit) = units.scale(amount)
        let digits = units == .none ? fixed(amount, decimals) : fixed(amount / scale, unit.isEmpty ? decimals : 2)
        // A number that is rounded to zero has no sign.
        let isSomething = digits.contains { ("1"..."9").contains($0) }
        return (sign && amount > 0 && isSomething ? "+" : "") + digits + unit
    }

    static func percent(_ share: Double?) -> String {
        share.map { fixed($0 * 100, 1) + "%" } ?? ""
    }

    /// The number of decimals that these amounts have, at most three.
    static func decimals(_ amounts: some Sequence<Double?>) -> Int {
        var most = 0
        for case let amount? in amounts where amount.magnitude < 1e12 {
            while most < 3 {
                let scaled = amount * [1, 10, 100, 1000][most]
                if (scaled - scaled.rounded()).magnitude < 1e-4 { break }
                most += 1
            }
        }
        return most
    }

    /// The number with that many decimals, and thousands separators.
    static func fixed(_ number: Double, _ decimals: Int) -> String {
        let power = [1, 10, 100, 1000][min(max(decimals, 0), 3)]
        guard let scaled = Int64(exactly: (number * Double(power)).rounded()), scaled != .min else {
            return exact(number)
        }
        let (whole, rest) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt64(power))
        var digits = ""
        for (place, digit) in String(whole).reversed().enumerated() {
            if place > 0, place.isMultiple(of: 3) { digits = "," + digits }
            digits = String(digit) + digits
        }
        if decimals > 0 {
            let part = String(rest)
            digits += "." + String(repeating: "0", count: decimals - part.utf8.count) + part
        }
        return (scaled < 0 ? "-" : "") + digits
    }

    /// For programs: the shortest text that reads back as the same number.
    static func exact(_ number: Double) -> String {
        if let whole = Int64(exactly: number), whole.magnitude < 1 << 53 { return String(whole) }
        return number.description
    }
}
