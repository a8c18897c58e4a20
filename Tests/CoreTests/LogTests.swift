import Codec
import Testing
@testable import Core

/// The log, as an operator reads it.
@Suite struct LogTests {
    private func bench() -> Bench { .ready { $0.wantsLog = true } }

    /// The lines of one level since the last call.
    private func lines(_ bench: Bench, _ level: LogLevel) -> [String] {
        _ = bench.actions()
        defer { bench.lines.removeAll { $0.level == level } }
        return bench.lines.filter { $0.level == level }.map(\.text)
    }

    private func fail(_ bench: Bench, _ name: String, _ answer: AnswerSummary = .refusal(retType: -1, words: "no")) {
        let serialNo = bench.ask(name)
        guard case .some(let wire) = bench.sent().last?.split(separator: " ").last.flatMap({ UInt32($0) }) else {
            Issue.record("\(serialNo) was not sent")
            return
        }
        #expect(bench.receive(wire, answer: answer) != name)
    }

    @Test func eachFailureIsALineAndARunOfThemAWarningAMinute() {
        let bench = bench()
        bench.lines = []
        for _ in 0..<200 { fail(bench, "HK.00001", .refusal(retType: -1, words: "unknown")) }
        let debug = lines(bench, .debug)
        #expect(debug.count == 200)
        #expect(debug[0] == "request 1 (HK.00001) failed: the gateway refused (retType -1): unknown")
        bench.pass(2 * second)
        let first = lines(bench, .warning)
        #expect(first.count == 1)
        #expect(
            first.first?.hasPrefix("200 requests failed within 1 s. The last: request 200 (HK.00001) failed:") == true)
        #expect(first.first?.contains("and OpenD's window") == true)
        // Ten minutes with one a second.
        for _ in 0..<600 {
            bench.pass(second)
            bench.machine.heard(bench.now)
            fail(bench, "HK.00001")
        }
        let more = lines(bench, .warning)
        #expect((9...11).contains(more.count))
        #expect(more.dropFirst().allSatisfy { $0.hasPrefix("60 requests failed within 60 s.") }, "\(more)")
    }

    @Test func oneFailureNowAndThenIsTheApplicationsBusiness() {
        let bench = bench()
        bench.lines = []
        for _ in 0..<20 {
            fail(bench, "HK.00001")
            for _ in 0..<4 {
                bench.pass(8 * second)
                bench.machine.heard(bench.now)
            }
        }
        #expect(lines(bench, .warning) == [])
        #expect(lines(bench, .debug).count == 20)
    }

    @Test func whatToLookAtFitsTheCause() {
        for (answer, words) in [
            (AnswerSummary.refusal(retType: -1, words: "no"), "right to these quotes"),
            (.malformed(.malformed), "between here and OpenD"), (.damaged, "between here and OpenD"),
            (.tooFrequent(), "before its restart"),
        ] {
            let bench = bench()
            for _ in 0..<3 { fail(bench, "a", answer) }
            bench.pass(2 * second)
            #expect(lines(bench, .warning).first?.contains(words) == true)
        }
        let bench = bench()
        for _ in 0..<3 { bench.ask("a", reply: second) }
        _ = bench.sent()
        bench.pass(3 * second)
        #expect(lines(bench, .debug).filter { $0.contains("no answer within 1000 ms") }.count == 3)
        #expect(lines(bench, .warning).first?.contains("Is OpenD frozen, or has it lost the vendor's servers?") == true)
    }

    @Test func cancelledAndReleasedAreNoFailures() {
        let bench = bench()
        bench.lines = []
        let serialNo = bench.ask("a")
        #expect(bench.cancel(serialNo))
        bench.ask("b")
        bench.release()
        #expect(lines(bench, .debug) == [])
    }

    @Test func theGateIsOneLineEachTimeItCloses() {
        let bench = Bench.ready(limit: 30) { $0.wantsLog = true }
        bench.lines = []
        for request in 1...30 { bench.ask("\(request)") }
        #expect(bench.sent().count == 30)
        for serialNo in 2...31 as ClosedRange<UInt32> {
            _ = bench.receive(serialNo, answer: .tooFrequent(seconds: 30))
        }
        let closed = lines(bench, .warning)
        #expect(closed.count == 1)
        #expect(closed.first?.contains("Another program, or this one before its restart, used the quota.") == true)
        bench.now += 31 * second
        bench.ask("again")
        #expect(bench.sent() == ["again 32"])
        _ = bench.receive(32, answer: .tooFrequent())
        #expect(lines(bench, .warning).count == 1)
    }

    @Test func aFrozenGatewayIsNoticedBeforeItsStreamEnds() {
        let bench = bench()
        bench.lines = []
        bench.pass(17 * second)
        let quiet = lines(bench, .warning)
        #expect(quiet.count == 1)
        #expect(quiet.first?.hasPrefix("nothing has come from the gateway for 16 s") == true)
        // Once for each silence.
        bench.pass(10 * second)
        #expect(lines(bench, .warning) == [])
        bench.machine.heard(bench.now)
        bench.pass(17 * second)
        #expect(lines(bench, .warning).count == 1)
        bench.pass(17 * second)
        #expect(lines(bench, .warning).contains { $0.hasPrefix("connection lost: the gateway was silent for 33 s") })
    }

    @Test func anAttemptThatFailedSaysWhenTheNextIs() {
        let bench = Bench { $0.wantsLog = true }
        bench.fail(Bench.unreachable)
        #expect(lines(bench, .warning).first?.hasPrefix("connecting failed, next attempt in ") == true)
    }

    @Test func nobodyWhoDoesNotReadItIsToldAnything() {
        let bench = Bench.ready()
        for _ in 0..<10 { fail(bench, "a") }
        bench.pass(20 * second)
        _ = bench.actions()
        #expect(bench.lines.isEmpty)
    }
}
