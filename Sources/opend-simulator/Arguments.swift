import CSystem
import Codec
import Simulator

/// What the command line asks for.
struct Arguments {
    static var version: String { String(cString: csystem_version()) }

    var configuration = GatewayConfiguration()
    var host = "127.0.0.1"
    var port: UInt16 = 11111
    /// Of the WebSocket relay; nil: there is none.
    var websocketPort: UInt16?
    /// The relay's certificate and key; both or none.
    var certificate: String?
    var key: String?
    /// Where to write what the gateway sees; "-" is the standard output.
    var trace: String?
    var endsWithInput = false

    enum Request: Error {
        case help
        case version
        case wrong(String)
    }

    init(_ words: [String]) throws(Request) {
        // Clients tell runs of a gateway apart by their connection ids.
        configuration.seed = .random(in: .min ... .max)
        var rest = words[...]
        func value(_ option: String) throws(Request) -> String {
            guard let value = rest.popFirst() else { throw .wrong("\(option) needs a value: see --help") }
            return value
        }
        func number(_ option: String, _ range: ClosedRange<Int64>) throws(Request) -> Int64 {
            let text = try value(option)
            guard let number = Int64(text), range.contains(number) else {
                throw .wrong("\(option) takes a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
            }
            return number
        }
        while let word = rest.popFirst() {
            switch word {
            case "--help", "-h": throw .help
            case "--version": throw .version
            case "--port": port = UInt16(clamping: try number(word, 0...65535))
            case "--host": host = try value(word)
            case "--figures":
                let name = try value(word)
                guard let set = FigureSet(rawValue: name) else {
                    let known = FigureSet.allCases.map(\.rawValue).joined(separator: ", ")
                    throw .wrong("--figures takes one of \(known), not \(name)")
                }
                configuration.figures = set
            case "--quota":
                let text = try value(word)
                let parts = text.split(separator: "/", omittingEmptySubsequences: false)
                guard parts.count == 2, let limit = Int(parts[0]), let seconds = Int64(parts[1]),
                    (1...1_000_000).contains(limit), (1...86_400).contains(seconds)
                else { throw .wrong("--quota takes REQUESTS/SECONDS, such as 30/30, not \(text)") }
                configuration.quota = (limit, seconds * 1_000_000_000)
            case "--no-quota": configuration.quota = nil
            case "--keep-alive":
                // Also what no gateway would say: clients must cope.
                configuration.keepAliveInterval = Int32(
                    clamping: try number(word, Int64(Int32.min)...Int64(Int32.max)))
            case "--latency": configuration.latency = try number(word, 0...3_600_000) * 1_000_000
            case "--push": configuration.pushInterval = try number(word, 1...86_400) * 1_000_000_000
            case "--old": configuration.isOld = true
            case "--fault":
                let text = try value(word)
                do throws(FaultRule.Wrong) {
                    configuration.faults.append(try FaultRule(text))
                } catch {
                    throw .wrong("--fault: \(error.text): see --help")
                }
            case "--rsa-key":
                let path = try value(word)
                do throws(RSAKey.Refusal) {
                    configuration.rsaKey = try RSAKey(file: path)
                } catch {
                    throw .wrong("--rsa-key \(path): \(error.text)")
                }
            case "--websocket-port": websocketPort = UInt16(clamping: try number(word, 0...65535))
            case "--websocket-key": configuration.websocketKey = try value(word)
            case "--tls-cert": certificate = try value(word)
            case "--tls-key": key = try value(word)
            case "--seed": configuration.seed = UInt64(bitPattern: try number(word, 0...Int64.max))
            case "--trace": trace = try value(word)
            case "--end-with-input": endsWithInput = true
            default: throw .wrong("there is no option \(word): see --help")
            }
        }
        guard (certificate == nil) == (key == nil) else { throw .wrong("--tls-cert and --tls-key belong together") }
        guard websocketPort != nil || (certificate == nil && configuration.websocketKey.isEmpty) else {
            throw .wrong(
                "--websocket-key, --tls-cert and --tls-key are of the WebSocket: name its --websocket-port, too")
        }
    }
}
