// Swift inlines its own versions wherever a text is put together, which doubles the code of each text.
extension DefaultStringInterpolation {
    @inline(never)
    mutating func appendLiteral(_ literal: String) { write(literal) }

    @inline(never)
    mutating func appendInterpolation(_ text: String) { write(text) }

    mutating func appendInterpolation(_ number: some FixedWidthInteger) { appendInterpolation(String(number)) }
}

extension String {
    @inline(never)
    static func += (left: inout String, right: String) { left.append(right) }
}

extension [String] {
    func joined(separator: String) -> String {
        var whole = ""
        for (index, text) in enumerated() { whole += index == 0 ? text : "\(separator)\(text)" }
        return whole
    }
}
