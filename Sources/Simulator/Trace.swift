/// One thing the gateway saw, as a line of JSON.
package struct Trace {
    package private(set) var json: String

    init(_ now: Instant, _ client: Gateway.ClientID, _ event: String) {
        json = "{\"time_ms\": \(now / 1_000_000), \"client\": \(client), \"event\": \"\(event)\""
    }

    mutating func add(_ name: String, _ value: Int64) { json += ", \"\(name)\": \(value)" }

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

    package var line: String { json + "}\n" }
}
