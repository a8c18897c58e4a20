/// The arguments of a command line, taken one after the other.
struct CommandWords {
    private var rest: ArraySlice<String>

    init(_ words: [String]) { rest = words[...] }

    mutating func next() -> String? { rest.popFirst() }

    mutating func value(_ option: String) throws(Arguments.Request) -> String {
        guard let value = rest.popFirst() else { throw .wrong("\(option) needs a value: see --help") }
        return value
    }

    mutating func number(_ option: String, _ range: ClosedRange<Int64>) throws(Arguments.Request) -> Int64 {
        let text = try value(option)
        guard let number = Int64(text), range.contains(number) else {
            throw .wrong("\(option) takes a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    mutating func oneOf<Value: CaseIterable & RawRepresentable<String>>(
        _ option: String, _: Value.Type
    ) throws(Arguments.Request) -> Value {
        let text = try value(option)
        guard let value = Value(rawValue: text) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw .wrong("\(option) takes one of \(known), not \(text)")
        }
        return value
    }
}
