import CCapDist
import Glibc

/// Properties of the standard output.
struct Terminal {
    let isTerminal: Bool
    let hasColour: Bool
    private let descriptor: Int32

    init(_ stream: Stream) {
        descriptor = stream.descriptor
        let dumb = Terminal.environment("TERM") == "dumb"
        isTerminal = isatty(descriptor) == 1 && !dumb
        hasColour = isTerminal && Terminal.environment("NO_COLOR") == nil
    }

    /// Columns and rows. They are read each time, since they change.
    var size: (columns: Int, rows: Int) {
        var told = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &told) == 0, told.ws_col > 0 else { return (80, 24) }
        return (Int(told.ws_col), max(Int(told.ws_row), 2))
    }

    /// nil if the variable is not set, or is empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// The number of columns that a text takes. A Chinese character takes two.
    static func width(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + max(0, Int(wcwidth(wchar_t(bitPattern: $1.value)))) }
    }

    static func pad(_ text: String, _ columns: Int, right: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, columns - width(text)))
        return right ? space + text : text + space
    }

    /// The text, cut to that many columns.
    static func cut(_ text: String, _ columns: Int) -> String {
        guard width(text) > columns else { return text }
        var result = ""
        var used = 1
        for character in text {
            used += width(String(character))
            if used > columns { break }
            result.append(character)
        }
        return result + "…"
    }

    /// Removes control characters from a gateway's text, so that it cannot control the terminal.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : $0 }))
    }

    /// Sets the locale for wcwidth. Every system has C.UTF-8.
    static func setUp() {
        if setlocale(LC_CTYPE, "C.UTF-8") == nil { setlocale(LC_CTYPE, "") }
    }
}

/// Styles of text. Blue is money in, orange is money out: colour-blind people can tell them apart, and they have no
/// opposite meaning in other markets, as red and green have.
enum Style: String {
    case plain = ""
    case heading = "\u{1B}[1m"
    case faint = "\u{1B}[2m"
    case moneyIn = "\u{1B}[38;5;33m"
    case moneyOut = "\u{1B}[38;5;208m"

    func callAsFunction(_ text: String, _ terminal: Terminal) -> String {
        terminal.hasColour && self != .plain && !text.isEmpty ? rawValue + text + "\u{1B}[0m" : text
    }
}

/// A bar from a centre line: to the right for a positive net, to the left for a negative one.
enum Bar {
    private static let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    static func net(_ amount: Double?, of largest: Double, columns: Int, _ terminal: Terminal) -> String {
        let half = max(1, (columns - 1) / 2)
        guard let amount, largest > 0 else { return String(repeating: " ", count: half) + "│" }
        let eighths = min(half * 8, Int((amount.magnitude / largest * Double(half * 8)).rounded()))
        let (whole, rest) = eighths.quotientAndRemainder(dividingBy: 8)
        let blocks = String(repeating: "█", count: whole)
        if amount >= 0 {
            return String(repeating: " ", count: half) + "│" + Style.moneyIn(blocks + parts[rest], terminal)
        }
        // Unicode has no blocks that grow to the left, except the half block.
        let bar = (rest >= 4 ? "▐" : "") + blocks
        return String(repeating: " ", count: half - Terminal.width(bar)) + Style.moneyOut(bar, terminal) + "│"
    }
}
