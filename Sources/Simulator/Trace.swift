/// An event of the gateway, as a JSON object.
package struct Trace {
    private var json = JSONObject()

    /// - Parameter unixTime: nanoseconds.
    init(_ event: String, _ client: Gateway.ClientID, unixTime: Instant) {
        json.add("time_ms", unixTime / 1_000_000)
        json.add("client", client)
        json.add("event", event)
    }

    mutating func add(_ name: String, _ value: Int64) { json.add(name, value) }

    mutating func add(_ name: String, _ value: Bool) { json.add(name, value) }

    mutating func add(_ name: String, _ value: String) { json.add(name, value) }

    /// With its newline.
    package var line: String { json.text + "\n" }
}
