/// A JSON object that is written field after field, on one line.
struct JSONObject {
    private var fields = ""

    mutating func add(_ name: String, _ value: some BinaryInteger) { add(name, raw: "\(value)") }

    mutating func add(_ name: String, _ value: Bool) { add(name, raw: "\(value)") }

    mutating func add(_ name: String, _ value: String) { add(name, raw: Self.quoted(value)) }

    /// - Parameter raw: a JSON value.
    mutating func add(_ name: String, raw: String) {
        fields += (fields.isEmpty ? "\"" : ", \"") + name + "\": " + raw
    }

    var text: String { "{\(fields)}" }

    static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                text += "\\"
                text.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
