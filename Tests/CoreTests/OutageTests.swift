import Testing
@testable import Core

/// Requests that do not wait during an outage (CAPDIST_OUTAGE_FAIL).
@Suite struct OutageTests {
    private func refusal(_ bench: Bench) -> Status? {
        if case .failure(let refusal) = bench.tryAsk("x", impatient: true) { refusal.status } else { nil }
    }

    @Test func theFirstAttemptIsAwaitedAndItsFailureEndsWhatDoesNotWait() {
        let bench = Bench()
        bench.ask("a", impatient: true)
        bench.ask("b")
        bench.ask("c", 1002, impatient: true)
        _ = bench.actions()
        bench.fail(Bench.unreachable)
        #expect(bench.actions() == ["close", "a: connectFailed unsent", "c: connectFailed unsent"])
        #expect(bench.machine.requestCount == 1)
    }

    @Test func duringAnOutageACallIsRefusedWithTheLastFailure() {
        let bench = Bench()
        _ = bench.actions()
        bench.fail(Bench.unreachable)
        #expect(refusal(bench) == .connectFailed)
        // Also during the next attempt, and then with that one's failure.
        bench.pass(second)
        #expect(refusal(bench) == .connectFailed)
        bench.fail(Bench.refused)
        #expect(refusal(bench) == .connectRefused)
        #expect(bench.ask("b") != 0)
        _ = bench.actions()
        bench.pass(2 * second)
        bench.connect()
        #expect(bench.ask("a", impatient: true) != 0)
        #expect(bench.sent() == ["b 2", "a 3"])
    }

    @Test func aStreamThatWasLostJustNowIsNoOutageYet() {
        let bench = Bench.ready()
        bench.lose()
        #expect(bench.ask("a", impatient: true) != 0)
        _ = bench.actions()
        bench.pass(second)
        bench.connect()
        #expect(bench.actions() == ["connect", "ready"])
        #expect(bench.sent() == ["a 2"])
    }

    @Test func streamsThatDoNotLastAreOne() {
        let bench = Bench.ready()
        for _ in 0..<2 {
            bench.lose()
            bench.pass(2 * second)
            bench.connect()
        }
        _ = bench.sent()
        _ = bench.actions()
        bench.ask("sent")
        #expect(bench.sent() == ["sent 2"])
        bench.lose()
        #expect(refusal(bench) == .disconnected)
        // After a connection that lasted as long as the longest pause, pauses start at the first one.
        bench.pass(5 * second)
        bench.connect()
        bench.pass(30 * second)
        bench.machine.heard(bench.now)
        bench.lose()
        #expect(bench.ask("a", impatient: true) != 0)
    }

    @Test func whoeverListensIsToldOfEachAttempt() {
        let bench = Bench { $0.tellsAttempts = true }
        _ = bench.actions()
        for _ in 0..<3 {
            bench.fail(Bench.refused)
            #expect(bench.actions() == ["close", "attempt connectRefused"])
            bench.pass(5 * second)
            #expect(bench.actions() == ["connect"])
        }
    }
}
