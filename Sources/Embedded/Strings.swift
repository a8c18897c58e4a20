// Swift's own are inlined wherever a text is put together, which makes every text's code twice as long.
extension DefaultStringInterpolation {
    @inline(never)
    mutating func appendLiteral(_ literal: String) { write(literal) }

    @inline(never)
    mutating func appendInterpolation(_ text: String) { write(text) }
}
