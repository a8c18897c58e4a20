/// One thing the gateway saw or did, as a JSON object.
package struct Trace {
    private var json: String

    /// - Parameter unixTime: nanoseconds.
    init(_ event: String, _ client: Gateway.ClientID, unixTime: Instant) {
        json = "{\"time_ms\": \(unixTime / 1_000_000), \"client\": \(client), \"event\": \"\(event)\""
    }

    mutating func add(_ name: String, _ value: Int64) { json += ", \"\(name)\": \(value)" }

    mutating func add(_ name: String, _ value: Bool) { json += ", \"\(name)\": \(value)" }

    mutating func add(_ name: String, _ value: String) {
        json += ", \"\(name)\": \""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                json += "\\"
                json.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: json.unicodeScalars.append(scalar)
            }
        }
        json += "\""
    }

    /// With its newline.
    package var line: String { json + "}\n" }
}
