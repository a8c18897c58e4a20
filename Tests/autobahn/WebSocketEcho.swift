import Codec
import Glibc

/// Sends every message back over the library's WebSocket framing, which the Autobahn test suite judges.
///
///     websocket-echo client PORT AGENT   runs every case of the fuzzing server there, and lets it write its reports
///     websocket-echo server              prints its port, and serves one stream after another until its input ends
@main struct WebSocketEcho {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        do {
            if arguments.count == 3, arguments.first == "client", let port = UInt16(arguments[2]) {
                try playCases(port, arguments[3])
            } else if Array(arguments) == ["server"] {
                try serve()
            } else {
                tell("usage: websocket-echo client PORT AGENT | server")
                exit(2)
            }
        } catch {
            tell("websocket-echo: \(error)")
            exit(1)
        }
    }

    private static func playCases(_ port: UInt16, _ agent: String) throws {
        let count = try Echo(client: port, "/getCaseCount").first().flatMap { Int($0) } ?? 0
        guard count > 0 else { throw Stream.Failed(what: "the fuzzing server has no case") }
        for number in 1...count {
            let echo = try Echo(client: port, "/runCase?case=\(number)&agent=\(agent)")
            try echo.run()
        }
        let reports = try Echo(client: port, "/updateReports?agent=\(agent)")
        try reports.run()
        tell("\(count) cases")
    }

    private static func serve() throws {
        let listener = try Stream(listening: ())
        tell("\(listener.port)")
        while true {
            // A stream that fails is a failure of its case. The next case goes on.
            do { try Echo(server: Stream(from: listener)).run() } catch { tell("\(error)") }
        }
    }

    static func tell(_ text: String) {
        print(text)
        fflush(nil)
    }
}
