import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

@Suite(.timeLimit(.minutes(1))) struct ProgramTests {
    // MARK: - Start and end

    @Test(arguments: [SIGTERM, SIGINT])
    func signalEndsItWell(_ signal: Int32) throws {
        try withProgram { program, port in
            let client = try TestClient(port: port)
            try client.greet()
            kill(program.pid, signal)
            #expect(try client.answer() == nil)
            let end = try program.ended()
            #expect(end.status == 0)
            #expect(end.output.isEmpty && end.errors.isEmpty)
        }
    }

    @Test func signalAsSoonAsItListensEndsItWell() throws {
        for _ in 0..<20 {
            try withProgram { program, _ in
                kill(program.pid, SIGTERM)
                let status = try program.status()
                #expect(status == 0)
            }
        }
    }

    @Test func endOfTheInputEndsItIfAskedTo() throws {
        try withProgram { program, port in
            let client = try TestClient(port: port)
            try client.greet()
            program.closeInput()
            #expect(try client.answer() == nil)
            #expect(try program.status() == 0)
        }
        let stays = try Program(["--port", "0"])
        _ = try stays.line()
        stays.closeInput()
        usleep(300_000)
        kill(stays.pid, SIGTERM)
        #expect(try stays.status() == 0)
    }

    @Test func outputThatNobodyReadsIsNoTrouble() throws {
        try withProgram("--trace", "-") { program, port in
            program.closeOutput()
            let client = try TestClient(port: port)
            try client.greet()
            for serial in UInt32(2)..<20 { #expect(try client.ask(Requests.keepAlive(serial)).serialNo == serial) }
        }
    }

    @Test func descriptorsAreNotHandedOn() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try withProgram("--trace", file.path) { program, port in
            let client = try TestClient(port: port)
            try client.greet()
            // The listener, the client, the event and the trace. The others are the test's own.
            // String(contentsOfFile:) stops at the first short read, and files in /proc have many.
            let table = try #require(FileHandle(forReadingAtPath: "/proc/\(program.pid)/net/tcp"))
            let sockets = String(decoding: try table.readToEnd() ?? Data(), as: UTF8.self)
            var own = 0
            for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.pid)/fd") {
                let target = try FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(program.pid)/fd/\(descriptor)")
                if let socket = target.wholeMatch(of: /socket:\[(\d+)\]/) {
                    guard sockets.contains(" \(socket.1) ") else { continue }
                } else if target != "anon_inode:[eventfd]", target != file.path {
                    continue
                }
                own += 1
                let info = try String(contentsOfFile: "/proc/\(program.pid)/fdinfo/\(descriptor)", encoding: .utf8)
                let digits = try #require(info.firstMatch(of: /flags:\s*([0-7]+)/)).1
                #expect(try #require(Int32(digits, radix: 8)) & O_CLOEXEC != 0, "\(target)")
            }
            #expect(own == 4)
        }
    }

    @Test func clientsThatLeaveLeaveNothing() throws {
        try withProgram { program, port in
            func open() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.pid)/fd").count
            }
            let before = try open()
            do {
                let clients = try (0..<20).map { _ in try TestClient(port: port) }
                for client in clients { try client.greet() }
                #expect(try open() == before + 20)
                try clients[0].send([0])
            }
            let deadline = monotonicSeconds() + Double(patience)
            while try open() != before, monotonicSeconds() < deadline { usleep(5_000) }
            #expect(try open() == before)
        }
    }

    // MARK: - Options

    @Test func optionsReachTheGateway() throws {
        try withProgram(
            "--figures", "java", "--keep-alive", "3", "--quota", "2/60", "--latency", "150", "--push", "1"
        ) { _, port in
            let client = try TestClient(port: port)
            #expect(try client.greet(recvNotify: true).keepAliveInterval == 3)
            let started = monotonicSeconds()
            #expect(try client.ask(Requests.figures(2)).figures() == FigureSet.java.figures)
            #expect(monotonicSeconds() - started >= 0.15)
            var next = try client.answer()
            #expect(next?.protoID == ProtoID.notify)
            // Pushes may come in between.
            try client.send(Requests.figures(3) + Requests.figures(4))
            var refused = 0
            for serial in UInt32(3)...4 {
                repeat { next = try client.answer() } while next?.protoID == ProtoID.notify
                let answer = try #require(next)
                #expect(answer.serialNo == serial)
                if try answer.head().retMsg == "获取资金分布频率太高，请求失败，每60秒最多2次。" { refused += 1 }
            }
            #expect(refused == 1)
        }
    }

    @Test func oldAndNoQuotaAndHost() throws {
        try withProgram("--old", "--no-quota", "--host", "::1") { _, port in
            let client = try TestClient(port: port, ipv6: true)
            try client.greet()
            for serial in UInt32(2)..<40 {
                let figures = try client.ask(Requests.figures(serial)).figures()
                #expect(figures == FigureSet.cpp.figures.old)
            }
        }
    }

    @Test func withoutOptionsItIsAsDocumented() throws {
        try withProgram { _, port in
            let client = try TestClient(port: port)
            #expect(try client.greet().keepAliveInterval == 10)
            for serial in UInt32(2)...31 {
                #expect(try client.ask(Requests.figures(serial)).figures() == FigureSet.cpp.figures)
            }
            #expect(try client.ask(Requests.figures(32)).head().retMsg == "获取资金分布频率太高，请求失败，每30秒最多30次。")
        }
    }

    @Test func runsAreToldApartByTheirConnectionIDs() throws {
        var seen: Set<UInt64> = []
        for _ in 0..<3 {
            try withProgram { _, port in seen.insert(try TestClient(port: port).greet().connID) }
        }
        #expect(seen.count == 3)
    }

    @Test func faultsReachTheGateway() throws {
        try withProgram("--fault", "ret-type=-100@HK.00005", "--fault", "never@1002", "--fault", "drop-after=3") {
            _, port in
            for _ in 0..<2 {
                let client = try TestClient(port: port)
                try client.greet()
                try client.send(Requests.globalState(2))
                #expect(try client.ask(Requests.figures(3)).figures() == FigureSet.cpp.figures)
                #expect(try client.ask(Requests.figures(4, .hk, "00005")).head().retType == -100)
                #expect(try client.ask(Requests.figures(5, .hk, "00006")).head().retType == 0)
                #expect(try client.answer() == nil)
            }
        }
    }

    @Test func seedRepeatsARun() throws {
        func run(_ seed: String) throws -> (UInt64, [UInt32]) {
            var seen: (UInt64, [UInt32]) = (0, [])
            try withProgram("--no-quota", "--seed", seed, "--fault", "never@1/2") { _, port in
                let client = try TestClient(port: port)
                seen.0 = try client.greet().connID
                try client.send((2..<40).flatMap { Requests.figures($0) } + Requests.keepAlive(50))
                while let answer = try client.answer(), answer.serialNo != 50 { seen.1.append(answer.serialNo) }
            }
            return seen
        }
        let first = try run("7")
        #expect(try run("7") == first)
        #expect(try run("8") != first)
    }

    @Test func traceIsWrittenAsThingsHappen() throws {
        try withProgram("--trace", "-") { program, port in
            let client = try TestClient(port: port)
            try client.greet()
            _ = try client.ask(Requests.figures(2, .us, "AAPL"))
            func next() throws -> [String: Any] {
                let line = try program.line()
                return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
            #expect(try next()["event"] as? String == "connected")
            #expect(try next()["client_id"] as? String == "test")
            let request = try next()
            #expect(request["code"] as? String == "AAPL")
            let time = try #require(request["time_ms"] as? Double)
            #expect(abs(time / 1000 - Date().timeIntervalSince1970) < 5)
        }
    }

    @Test func traceIsAddedToItsFile() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        for round in 1...2 {
            try withProgram("--trace", file.path) { program, port in
                do { try TestClient(port: port).greet() }
                program.closeInput()
                #expect(try program.status() == 0)
            }
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 3 * round)
            #expect(lines.last?.contains("\"closed\"") == true)
        }
    }

    // MARK: - Words

    private static let options = [
        "--port", "--host", "--figures", "--quota", "--no-quota", "--keep-alive", "--latency", "--push", "--old",
        "--trace", "--record", "--replay", "--lang", "--old-words", "--login-after", "--refuse-login-for",
        "--end-with-input", "--fault", "--seed", "--help", "--version", "--websocket-port",
        "--websocket-key", "--tls-cert", "--tls-key",
    ]

    @Test(arguments: ["--help", "-h"])
    func helpTellsEverything(_ option: String) throws {
        let end = try Program([option]).ended()
        #expect(end.status == 0)
        #expect(end.errors.isEmpty)
        for option in Self.options { #expect(end.output.contains("\n  \(option) "), "\(option)") }
        for fault in Fault.allCases {
            let name = fault.rawValue + (fault.argument.map { "[=\($0.unit)]" } ?? "")
            let line = end.output.split(separator: "\n").first { $0.hasPrefix("  \(name) ") }
            #expect(line?.contains(fault.text) == true, "\(name)")
        }
        for set in FigureSet.allCases { #expect(end.output.contains(set.rawValue)) }
        let figures = CapitalDistribution.derived(market: Market.us.rawValue, code: "AAPL")
        #expect(end.output.contains("US.AAPL has capitalInBig \(figures.inBig)."))
        let longest = end.output.split(separator: "\n").map(\.count).max()
        #expect(try #require(longest) <= 120)
    }

    @Test func versionIsTheHeaders() throws {
        let header = try String(contentsOf: root.appending(path: "include/capdist.h"), encoding: .utf8)
        let numbers = try ["MAJOR", "MINOR", "PATCH"].map { part in
            let line = try Regex<(Substring, Substring)>("#define CAPDIST_VERSION_\(part) (\\d+)")
            return String(try #require(header.firstMatch(of: line)).1)
        }
        #expect(try Program(["--version"]).ended() == (0, numbers.joined(separator: ".") + "\n", ""))
    }

    @Test(arguments: [
        (["--nonsense"], "there is no option --nonsense: see --help"),
        (["11111"], "there is no option 11111: see --help"),
        (["--port"], "--port needs a value: see --help"),
        (["--websocket-port", "65536"], "--websocket-port takes a number from 0 to 65535, not 65536"),
        (["--websocket-port", "0", "--tls-cert", "a"], "--tls-cert and --tls-key belong together"),
        (
            ["--websocket-key", "k"],
            "--websocket-key, --tls-cert and --tls-key are of the WebSocket: name its --websocket-port, too"
        ),
        (["--port", "65536"], "--port takes a number from 0 to 65535, not 65536"),
        (["--port", "-1"], "--port takes a number from 0 to 65535, not -1"),
        (["--port", "http"], "--port takes a number from 0 to 65535, not http"),
        (["--figures", "rust"], "--figures takes one of cpp, csharp, java, js, python, not rust"),
        (["--quota", "30"], "--quota takes REQUESTS/SECONDS, such as 30/30, not 30"),
        (["--quota", "0/30"], "--quota takes REQUESTS/SECONDS, such as 30/30, not 0/30"),
        (["--quota", "30/0"], "--quota takes REQUESTS/SECONDS, such as 30/30, not 30/0"),
        (["--quota", "1/2/3"], "--quota takes REQUESTS/SECONDS, such as 30/30, not 1/2/3"),
        (
            ["--quota", "9999999999999999999/1"],
            "--quota takes REQUESTS/SECONDS, such as 30/30, not 9999999999999999999/1"
        ),
        (["--keep-alive", "2147483648"], "--keep-alive takes a number from -2147483648 to 2147483647, not 2147483648"),
        (["--latency", "-1"], "--latency takes a number from 0 to 3600000, not -1"),
        (["--lang", "jp"], "--lang takes one of chs, en, not jp"),
        (["--login-after", "soon"], "--login-after takes a number from 0 to 86400 or never, not soon"),
        (["--login-after", "-1"], "--login-after takes a number from 0 to 86400 or never, not -1"),
        (["--refuse-login-for", "0"], "--refuse-login-for takes a number from 1 to 86400, not 0"),
        (["--record", "a", "--replay", "a"], "--record would overwrite the file of --replay"),
        (["--record"], "--record needs a value: see --help"),
        (["--push", "0"], "--push takes a number from 1 to 86400, not 0"),
        (["--fault"], "--fault needs a value: see --help"),
        (["--fault", "nonsense"], "--fault: there is no fault nonsense: see --help"),
        (["--fault", "late=x"], "--fault: late takes a number from 0 to 3600000, not x: see --help"),
        (["--seed", "-1"], "--seed takes a number from 0 to 9223372036854775807, not -1"),
        (["--trace"], "--trace needs a value: see --help"),
    ])
    func wrongOptionsAreToldInASentence(_ arguments: [String], _ sentence: String) throws {
        let end = try Program(arguments).ended()
        #expect(end == (2, "", "opend-simulator: \(sentence)\n"))
    }

    @Test func webSocketsPortIsInTheSecondLine() throws {
        let program = try Program(["--port", "0", "--websocket-port", "0"])
        #expect(try program.line().hasPrefix("listening 127.0.0.1:"))
        let line = try program.line()
        #expect(line.hasPrefix("websocket 127.0.0.1:") && line.dropFirst(20).allSatisfy(\.isNumber), "\(line)")
        kill(program.pid, SIGTERM)
        #expect(try program.ended().status == 0)
    }

    @Test func certificateItCanNotReadIsTold() throws {
        let end = try Program(["--port", "0", "--websocket-port", "0", "--tls-cert", "no.pem", "--tls-key", "no.pem"])
            .ended()
        #expect(end.status == 1)
        #expect(end.errors.contains("the certificate cannot be used"), "\(end.errors)")
    }

    @Test func whatItCanNotHaveIsToldInASentence() throws {
        let taken = try SimulatorServer(GatewayConfiguration())
        let port = try Program(["--port", "\(taken.port)"]).ended()
        #expect(
            port == (1, "", "opend-simulator: cannot listen on 127.0.0.1 port \(taken.port): Address already in use\n")
        )
        let host = try Program(["--port", "0", "--host", "localhost"]).ended()
        #expect(host == (1, "", "opend-simulator: localhost is not a numeric address\n"))
        let trace = try Program(["--port", "0", "--trace", "/nowhere/at/all"]).ended()
        #expect(trace == (1, "", "opend-simulator: cannot write /nowhere/at/all: No such file or directory\n"))
    }
}
