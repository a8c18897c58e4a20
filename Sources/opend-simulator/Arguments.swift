import CSystem
import Codec
import Simulator

/// The settings of the command line.
struct Arguments {
    static var version: String { String(cString: csystem_version()) }

    var configuration = GatewayConfiguration()
    var host = "127.0.0.1"
    var port: UInt16 = 11111
    /// The port of the WebSocket bridge; nil: there is none.
    var websocketPort: UInt16?
    /// The bridge's certificate and key: both or none.
    var certificate: String?
    var key: String?
    /// Where to write the trace; "-" is the standard output.
    var trace: String?
    /// The same for the recording.
    var record: String?
    /// A recording to answer from.
    var replay: String?
    var endsWithInput = false

    enum Request: Error {
        case help
        case version
        case wrong(String)
    }

    init(_ words: [String]) throws(Request) {
        // Different in each run, because clients distinguish runs of a gateway by their connection ids.
        configuration.seed = .random(in: .min ... .max)
        var words = CommandWords(words)
        var keepsQuota = false
        while let word = words.next() {
            keepsQuota = keepsQuota || word == "--quota"
            if try takeProgramOption(word, &words) { continue }
            if try takeGatewayOption(word, &words) { continue }
            throw .wrong("there is no option \(word): see --help")
        }
        guard (certificate == nil) == (key == nil) else { throw .wrong("--tls-cert and --tls-key belong together") }
        guard websocketPort != nil || (certificate == nil && configuration.websocketKey.isEmpty) else {
            throw .wrong(
                "--websocket-key, --tls-cert and --tls-key are of the WebSocket: name its --websocket-port, too")
        }
        guard replay == nil || replay != record else { throw .wrong("--record would overwrite the file of --replay") }
        // The recording has the refusals.
        if replay != nil, !keepsQuota { configuration.quota = nil }
    }

    /// Where it listens, and what it reads and writes.
    /// - Returns: whether it is such an option.
    private mutating func takeProgramOption(_ word: String, _ words: inout CommandWords) throws(Request) -> Bool {
        switch word {
        case "--help", "-h": throw .help
        case "--version": throw .version
        case "--port": port = UInt16(clamping: try words.number(word, 0...65535))
        case "--host": host = try words.value(word)
        case "--websocket-port": websocketPort = UInt16(clamping: try words.number(word, 0...65535))
        case "--tls-cert": certificate = try words.value(word)
        case "--tls-key": key = try words.value(word)
        case "--trace": trace = try words.value(word)
        case "--record": record = try words.value(word)
        case "--replay": replay = try words.value(word)
        case "--end-with-input": endsWithInput = true
        default: return false
        }
        return true
    }

    /// How the gateway behaves.
    /// - Returns: whether it is such an option.
    private mutating func takeGatewayOption(_ word: String, _ words: inout CommandWords) throws(Request) -> Bool {
        switch word {
        case "--figures": configuration.figures = try words.oneOf(word, FigureSet.self)
        case "--lang": configuration.words.language = try words.oneOf(word, Words.Language.self)
        case "--old-words": configuration.words.isOld = true
        case "--quota": configuration.quota = try Self.quota(words.value(word))
        case "--no-quota": configuration.quota = nil
        case "--keep-alive":
            // Also values that no gateway sends: clients must handle them.
            configuration.keepAliveInterval = Int32(
                clamping: try words.number(word, Int64(Int32.min)...Int64(Int32.max)))
        case "--latency": configuration.latency = try words.number(word, 0...3_600_000) * 1_000_000
        case "--push": configuration.pushInterval = try words.number(word, 1...86_400) * 1_000_000_000
        case "--login-after": configuration.loginAfter = try Self.loginAfter(words.value(word))
        case "--refuse-login-for":
            configuration.refusesLoginFor = try words.number(word, 1...86_400) * 1_000_000_000
        case "--old": configuration.isOld = true
        case "--fault": configuration.faults.append(try Self.fault(words.value(word)))
        case "--rsa-key": configuration.rsaKey = try Self.rsaKey(words.value(word))
        case "--websocket-key": configuration.websocketKey = try words.value(word)
        case "--seed": configuration.seed = UInt64(bitPattern: try words.number(word, 0...Int64.max))
        default: return false
        }
        return true
    }

    private static func quota(_ text: String) throws(Request) -> (limit: Int, window: Instant) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let limit = Int(parts[0]), let seconds = Int64(parts[1]),
            (1...1_000_000).contains(limit), (1...86_400).contains(seconds)
        else { throw .wrong("--quota takes REQUESTS/SECONDS, such as 30/30, not \(text)") }
        return (limit, seconds * 1_000_000_000)
    }

    /// nil: never.
    private static func loginAfter(_ text: String) throws(Request) -> Instant? {
        if text == "never" { return nil }
        guard let seconds = Int64(text), (0...86_400).contains(seconds) else {
            throw .wrong("--login-after takes a number from 0 to 86400 or never, not \(text)")
        }
        return seconds * 1_000_000_000
    }

    private static func fault(_ text: String) throws(Request) -> FaultRule {
        do throws(FaultRule.Wrong) {
            return try FaultRule(text)
        } catch {
            throw .wrong("--fault: \(error.text): see --help")
        }
    }

    private static func rsaKey(_ path: String) throws(Request) -> RSAKey {
        do throws(RSAKey.LoadError) {
            return try RSAKey(file: path)
        } catch {
            throw .wrong("--rsa-key \(path): \(error.text)")
        }
    }
}
