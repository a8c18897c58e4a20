import Simulator

/// What the command line asks for.
struct Arguments {
    var configuration = GatewayConfiguration()
    var host = "127.0.0.1"
    var port: UInt16 = 11111
    /// Where to write what the gateway sees; "-" is the standard output.
    var trace: String?
    var endsWithInput = false

    enum Request: Error {
        case help
        case version
        case wrong(String)
    }

    static let help = """
        opend-simulator: stands in for Futu's and moomoo's OpenD gateway, offline and without an account.

        It speaks the gateway's side of InitConnect (1001), GetGlobalState (1002), Notify (1003), KeepAlive (1004) and
        Qot_GetCapitalDistribution (3212) over plain TCP with protobuf bodies. The first line on the standard output is
        `listening HOST:PORT`. It ends on SIGTERM or SIGINT with status 0.

        HK.00700 gets the figures of the vendor's documentation; any other stock, warrant or fund gets figures that follow
        from its market and code. Unknown stocks (HK.99999, SH.999999, or a code of the wrong form), indices (HK.800000,
        US..DJI, SH.000001), futures (HK.HSImain), currency pairs and crypto currencies are refused.

        usage: opend-simulator [OPTION ...]

          --port N             port to listen on; 0 lets the system choose (default 11111)
          --host ADDRESS       numeric address to listen on (default 127.0.0.1)
          --figures SET        figures of HK.00700: cpp, csharp, java, js, python (default cpp)
          --quota N/SECONDS    requests a window before 3212 is refused for frequency (default 30/30)
          --no-quota           never refuse for frequency
          --keep-alive SECONDS keep-alive interval told to clients (default 10)
          --latency MS         milliseconds between a request and its answer (default 0)
          --push SECONDS       push a Notify every so often to clients that ask for pushes (default: never)
          --old                leave out what old gateways do not send: super figures, update time and timestamp
          --trace FILE         write what the gateway sees as JSON lines; - is the standard output
          --end-with-input     end when the standard input ends: for tests that must leave nothing behind
          --help, --version    print this, or the version

        """

    init(_ words: [String]) throws(Request) {
        var rest = words[...]
        func value(_ option: String) throws(Request) -> String {
            guard let value = rest.popFirst() else { throw .wrong("\(option) needs a value") }
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
                configuration.keepAliveInterval = Int32(clamping: try number(word, -2_147_483_648...2_147_483_647))
            case "--latency": configuration.latency = try number(word, 0...3_600_000) * 1_000_000
            case "--push": configuration.pushInterval = try number(word, 1...86_400) * 1_000_000_000
            case "--old": configuration.isOld = true
            case "--trace": trace = try value(word)
            case "--end-with-input": endsWithInput = true
            default: throw .wrong("\(word) is no option: see --help")
            }
        }
    }
}
