/// Text for SVG and HTML.
enum Markup {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // XML cannot represent other control characters.
            case _ where scalar.value < 32 && scalar != "\n" && scalar != "\t": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A coordinate, rounded to a tenth of a pixel.
    static func at(_ number: Double) -> String {
        let tenths = Int((min(max(number, -1e6), 1e6) * 10).rounded())
        return tenths % 10 == 0
            ? String(tenths / 10) : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    static func text(_ x: Double, _ y: Double, _ kind: String, _ told: String, anchor: String = "start") -> String {
        let side = anchor == "start" ? "" : " text-anchor=\"\(anchor)\""
        return "<text x=\"\(at(x))\" y=\"\(at(y))\" class=\"\(kind)\"\(side)>\(escaped(told))</text>\n"
    }

    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String) -> String {
        "<line x1=\"\(at(x1))\" y1=\"\(at(y1))\" x2=\"\(at(x2))\" y2=\"\(at(y2))\" class=\"\(kind)\"/>\n"
    }
}

/// An axis scale with round numbers.
struct Scale {
    let low: Double
    let high: Double
    let step: Double

    /// A scale that includes all values and zero.
    init(_ values: some Sequence<Double>, marks: Int) {
        let lowest = min(0, values.min() ?? 0)
        let highest = max(0, values.max() ?? 0)
        let span = highest > lowest ? highest - lowest : 1
        let raw = span / Double(max(1, marks))
        var power = 1.0
        while power * 10 <= raw { power *= 10 }
        while power > raw { power /= 10 }
        step = power * ([1, 2, 2.5, 5, 10].first { power * $0 >= raw } ?? 10)
        low = (lowest / step).rounded(.down) * step
        high = max((highest / step).rounded(.up) * step, low + step)
    }

    var marks: [Double] { (0...Int(((high - low) / step).rounded())).map { low + Double($0) * step } }

    /// The position of a value: 0 at `low`, 1 at `high`.
    func share(_ value: Double) -> Double { (value - low) / (high - low) }
}
