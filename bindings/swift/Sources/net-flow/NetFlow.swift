import Glibc

/// Prints the net flow of stocks today, by order size: net-flow HOST PORT SECURITY...
@main
struct NetFlow {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count >= 3, let host = arguments.first, let port = Int32(arguments[2]) else {
            print("usage: net-flow HOST PORT SECURITY...")
            return
        }
        let connection = try Connection(host: host, port: port)
        // All are requested at once. The library sends as many as the quota allows, and one request for a stock that is named twice.
        await withTaskGroup(of: (Int, String).self) { group in
            for (place, security) in arguments[3...].enumerated() {
                group.addTask { (place, await line(security, connection)) }
            }
            var lines: [Int: String] = [:]
            for await (place, line) in group { lines[place] = line }
            for (_, line) in lines.sorted(by: { $0.key < $1.key }) { print(line) }
        }
    }

    static func line(_ security: String, _ connection: Connection) async -> String {
        do {
            let told = try await connection.capitalDistribution(security, maxAge: 10_000)
            let flows = told.flows.reduce(security) { $0 + "\t\($1.name) \(net($1))" }
            return flows + (told.updateWallClock.map { "\tat \(digits($0.hour)):\(digits($0.minute))" } ?? "")
        } catch {
            return "\(security)\tfailed: \(error)"
        }
    }

    static func digits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    static func net(_ flow: Flow) -> String {
        guard let net = flow.net else { return "-" }
        return Int64(exactly: net.rounded()).map(String.init) ?? "\(net)"
    }
}
