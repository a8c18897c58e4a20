import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

/// --record and --replay, --lang, and the login of the program.
@Suite(.timeLimit(.minutes(1))) struct RecordProgramTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private static let codes = ["00700", "00005", "99999", "800000"]

    private func session(_ port: UInt16) throws -> [Answer] {
        let client = try TestClient(port: port)
        var answers = [try client.ask(Requests.initConnect(1))]
        for (serial, code) in zip(UInt32(2)..., Self.codes) {
            answers.append(try client.ask(Requests.figures(serial, .hk, code)))
        }
        return answers + [try client.ask(Requests.globalState(20)), try client.ask(Requests.frame(3004, 21, [8, 1]))]
    }

    @Test func aRecordedSessionIsReplayed() throws {
        try withFolder { folder in
            let file = folder.appending(path: "session.jsonl")
            // An existing file is overwritten.
            try Data("an older one\n".utf8).write(to: file)
            var expected: [Answer] = []
            try withProgram("--record", file.path, "--quota", "3/86400") { _, port in
                expected = try session(port)
                // Each event is in the file as soon as it has happened.
                let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                #expect(lines.count == 2 * expected.count)
                for line in lines {
                    let frame = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    #expect(frame?["body"] != nil)
                }
            }
            #expect(try expected[4].head().retMsg?.contains("频率太高") == true)
            try withProgram("--replay", file.path, "--lang", "en") { _, port in
                let again = try session(port)
                #expect(again == expected)
            }
        }
    }

    @Test func whatItHasNoAnswerForIsTold() throws {
        try withFolder { folder in
            let file = folder.appending(path: "session.jsonl")
            // As another program writes it: other spaces, another order, more fields, and log lines.
            let asked = JSONObject.hex(CapitalDistributionRequest(market: 1, code: "00700").encoded())
            let lines = """
                {"about": "by hand"}

                {"serial_no":7,"note":{"deep":[1,null]},"body":"\(asked.uppercased())","direction":"c2s","proto_id":3212}
                {"body": "0800", "proto_id": 3212, "direction": "s2c", "is_push": false, "serial_no": 7, "big": 18446744073709551615}
                """
            try Data(lines.utf8).write(to: file)
            let program = try Program(["--port", "0", "--lang", "en", "--replay", file.path, "--end-with-input"])
            let port = try #require(UInt16(try program.line().split(separator: ":").last ?? ""))
            let client = try TestClient(port: port)
            try client.greet()
            #expect(try client.ask(Requests.figures(2)).body == [8, 0])
            let head = try client.ask(Requests.figures(3, .us, "AAPL")).head()
            let body = JSONObject.hex(CapitalDistributionRequest(market: 11, code: "AAPL").encoded())
            #expect(head.retMsg == "The recording has no answer to this request: 3212, US.AAPL, body \(body)")
            program.closeInput()
            let end = try program.ended()
            #expect(end.status == 0)
            #expect(end.errors == "opend-simulator: the recording has no answer to 3212, US.AAPL, body \(body)\n")
        }
    }

    @Test func aRecordingThatCanNotBeReadIsToldByItsLine() throws {
        try withFolder { folder in
            func refusal(_ text: String) throws -> String {
                let file = folder.appending(path: "bad.jsonl")
                try Data(text.utf8).write(to: file)
                let end = try Program(["--port", "0", "--replay", file.path]).ended()
                #expect(end.status == 1 && end.output.isEmpty)
                return end.errors.replacing("opend-simulator: --replay: \(file.path) ", with: "")
            }
            let good = #"{"direction": "c2s", "proto_id": 3212, "serial_no": 1, "body": ""}"# + "\n"
            let table: [(String, String)] = [
                ("", "has no answer to any request\n"),
                (good, "has no answer to any request\n"),
                ("[1]", "line 1: no JSON object\n"),
                (good + "\n{}", "line 3: it has no direction\n"),
                (good.replacing("c2s", with: "up"), "line 1: direction is c2s or s2c\n"),
                (good.replacing("3212", with: "-1"), "line 1: proto_id is out of range\n"),
                (good.replacing("3212", with: "\"3212\""), "line 1: proto_id is no number\n"),
                (good.replacing(": 1,", with: ": 0.5,"), "line 1: serial_no is out of range\n"),
                (good.replacing("\"\"", with: "\"0\""), "line 1: body is no hex text\n"),
                (good.replacing("\"\"", with: "\"0g\""), "line 1: body is no hex text\n"),
                (good.replacing("\"\"", with: "\"é\""), "line 1: body is no hex text\n"),
            ]
            for (text, expected) in table {
                let told = try refusal(text)
                #expect(told == expected)
            }
            let told = try refusal(good + "{\"direction\"")
            #expect(told.hasPrefix("line 2: no JSON: "))
        }
        let missing = try Program(["--port", "0", "--replay", "/nowhere/at/all"]).ended()
        #expect(
            missing == (1, "", "opend-simulator: --replay: cannot read /nowhere/at/all: No such file or directory\n"))
        let folder = try Program(["--port", "0", "--replay", "/"]).ended()
        #expect(folder == (1, "", "opend-simulator: --replay: cannot read /: Is a directory\n"))
    }

    /// A recording with a gap would be worse than none.
    @Test func aRecordingThatCanNotBeWrittenEndsTheRun() throws {
        let nowhere = try Program(["--port", "0", "--record", "/nowhere/at/all"]).ended()
        #expect(nowhere == (1, "", "opend-simulator: cannot write /nowhere/at/all: No such file or directory\n"))
        let program = try Program(["--port", "0", "--record", "/dev/full"])
        let port = try #require(UInt16(try program.line().split(separator: ":").last ?? ""))
        let client = try TestClient(port: port)
        try client.send(Requests.initConnect(1))
        let end = try program.ended()
        #expect(end == (1, "", "opend-simulator: cannot write /dev/full: No space left on device\n"))
    }

    @Test func aNewRecordingIsItsOwnersOnly() throws {
        try withFolder { folder in
            let file = folder.appending(path: "session.jsonl")
            try withProgram("--record", file.path) { _, port in try TestClient(port: port).greet() }
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func aRecordingMayGoToTheOutput() throws {
        try withProgram("--record", "-") { program, port in
            let client = try TestClient(port: port)
            try client.greet()
            for direction in ["c2s", "s2c"] {
                let line = try program.line()
                let frame = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(frame?["direction"] as? String == direction && frame?["proto_id"] as? Int == 1001)
            }
        }
    }

    @Test func languageReachesTheGateway() throws {
        try withProgram("--lang", "en", "--quota", "1/60") { _, port in
            let client = try TestClient(port: port)
            try client.greet()
            #expect(try client.ask(Requests.figures(2, .hk, "99999")).head().retMsg == "Unknown stock 99999")
            let text =
                "Get Capital Distribution is too frequent, request failed, no more than 1 times every 60 seconds."
            #expect(try client.ask(Requests.figures(3)).head().retMsg == text)
        }
        try withProgram("--old-words", "--quota", "1/60") { _, port in
            let client = try TestClient(port: port)
            try client.greet()
            _ = try client.ask(Requests.figures(2)).figures()
            #expect(try client.ask(Requests.figures(3)).head().retMsg == "此协议请求太频繁，触发了频率限制，请稍后再试")
        }
    }

    @Test func loginReachesTheGateway() throws {
        try withProgram("--login-after", "1") { _, port in try TestClient(port: port).greet() }
        try withProgram("--refuse-login-for", "86400", "--lang", "en") { _, port in
            let head = try TestClient(port: port).ask(Requests.initConnect(1)).head()
            #expect(head == AnyResponse(retType: -1, retMsg: "A phone verification code is needed", errCode: 0))
        }
        try withProgram("--refuse-login-for", "1") { _, port in
            let deadline = monotonicSeconds() + Double(patience)
            let client = try TestClient(port: port)
            var serial: UInt32 = 1
            while try client.ask(Requests.initConnect(serial)).head().retType != RetType.succeed {
                serial += 1
                try #require(monotonicSeconds() < deadline)
                usleep(20_000)
            }
        }
        let never = ["--port", "0", "--websocket-port", "0", "--login-after", "never", "--trace", "-"]
        let program = try Program(never + ["--end-with-input"])
        let port = try #require(UInt16(try program.line().split(separator: ":").last ?? ""))
        // It prints the address all the same, and nothing listens there.
        let websocket = try #require(UInt16(try program.line().split(separator: ":").last ?? ""))
        #expect(!TestClient.isHeard(port: websocket))
        let client = try TestClient(port: port)
        try client.send(Requests.initConnect(1))
        #expect(try program.line().contains("\"connected\""))
        #expect(try program.line().contains("\"waiting\", \"proto_id\": 1001"))
        program.closeInput()
        // The connection ends without an answer.
        #expect(try client.answer() == nil)
        #expect(try program.status() == 0)
    }
}
