import Codec
import Testing
@testable import Core

/// Promise 4 for a single connection: what each end of a request does to its slot.
@Suite struct QuotaTests {
    private let window = 30 * second

    /// One slot, used by "a" with wire serial number 2, which timed out one second after it was sent.
    private func givenUp() -> Bench {
        let bench = Bench.ready(limit: 1, window: window)
        bench.ask("a", reply: second)
        #expect(bench.sent() == ["a 2"])
        bench.pass(second)
        #expect(bench.actions() == ["a: replyTimeout"])
        return bench
    }

    /// Whether the slot is still in use exactly one window after `instant`, and free one nanosecond later.
    private func isFreeAWindowAfter(_ instant: Instant, _ bench: Bench) -> Bool {
        var quota = bench.quota
        return quota.used(instant + window) == 1 && quota.used(instant + window + 1) == 0
    }

    @Test func anAnsweredRequestsSlotIsFreeAWindowAfterTheAnswer() {
        let bench = Bench.ready(limit: 1, window: window)
        bench.ask("a")
        _ = bench.sent()
        bench.pass(5 * second)
        #expect(bench.receive(2) == "a")
        #expect(isFreeAWindowAfter(bench.now, bench))
    }

    @Test func aRequestGivenUpKeepsItsSlotUntilThereIsNewsOfIt() {
        let bench = givenUp()
        #expect(bench.used(at: bench.now + 1_000 * window) == 1)
        #expect(bench.nextFree == nil)
        bench.pass(3 * second)
        #expect(bench.receive(2) == "late")
        #expect(isFreeAWindowAfter(bench.now, bench))
    }

    @Test func theFirstAnswerToALaterFrameIsNewsEnough() {
        let bench = givenUp()
        bench.pass(8 * second)
        #expect(bench.sent() == ["alive 3"])
        bench.pass(second)
        #expect(bench.receive(3, ProtoID.keepAlive) == "nothing")
        let heard = bench.now
        #expect(isFreeAWindowAfter(heard, bench))
        bench.pass(second)
        #expect(bench.receive(3, ProtoID.keepAlive) == "nothing")
        #expect(isFreeAWindowAfter(heard, bench))
        // Its own late answer is newer.
        bench.pass(second)
        #expect(bench.receive(2) == "late")
        #expect(isFreeAWindowAfter(bench.now, bench))
    }

    @Test func anAnswerToAnEarlierFrameIsNoNews() {
        let bench = Bench.ready(limit: 2, window: window)
        bench.ask("a")
        bench.ask("b", reply: second)
        #expect(bench.sent() == ["a 2", "b 3"])
        bench.pass(second)
        #expect(bench.receive(2) == "a")
        #expect(bench.used(at: bench.now + 100 * window) == 1)
    }

    @Test func aLaterFrameAnsweredBeforeTheEndCountsFromTheEnd() {
        let bench = Bench.ready(limit: 2, window: window)
        bench.ask("a", reply: 3 * second)
        bench.ask("b", 1002)
        #expect(bench.sent() == ["a 2", "b 3"])
        bench.pass(second)
        #expect(bench.receive(3, 1002) == "b")
        bench.pass(2 * second)
        #expect(bench.actions() == ["a: replyTimeout"])
        #expect(isFreeAWindowAfter(bench.now, bench))
    }

    @Test func theStreamsEndIsNewsOfAll() {
        let bench = givenUp()
        bench.pass(4 * second)
        bench.lose()
        let inFlight = Bench.ready(limit: 1, window: window)
        inFlight.ask("a")
        _ = inFlight.sent()
        inFlight.pass(second)
        inFlight.release()
        for bench in [bench, inFlight] {
            // While a callback delays the closing, the gateway may read.
            bench.now += 2 * window
            #expect(!bench.couldReserve(at: bench.now))
            #expect(bench.actions().contains("close"))
            #expect(isFreeAWindowAfter(bench.now, bench))
        }
    }

    @Test func aCancelledRequestKeepsItsSlotOnlyIfItWasSent() {
        let bench = Bench.ready(limit: 2, window: window)
        let (a, b, c) = (bench.ask("a"), bench.ask("b"), bench.ask("c"))
        #expect(bench.sent() == ["a 2", "b 3"])
        #expect(bench.cancel(c) && bench.cancel(a))
        #expect(bench.used(at: bench.now) == 2)
        #expect(bench.receive(3) == "b")
        #expect(bench.receive(2) == "late")
        #expect(bench.used(at: bench.now + window + 1) == 0)
        #expect(!bench.cancel(b))
    }

    @Test func failModeIsRefusedAtOnceAndHoldsItsSlotFromTheStart() {
        let bench = Bench(limit: 1, window: window)
        bench.ask("a", queue: second, fails: true)
        #expect(bench.used(at: bench.now) == 1)
        #expect(bench.tryAsk("b", fails: true) == .failure(.init(status: .quotaExhausted)))
        // It was never sent, so it uses no slot.
        bench.pass(second)
        #expect(bench.used(at: bench.now) == 0)
        bench.ask("c", fails: true)
        bench.connect()
        #expect(bench.sent() == ["c 2"])
        #expect(bench.used(at: bench.now) == 1)
    }

    @Test func waitModeSendsWhenTheSlotIsFreeAndNotBefore() {
        let bench = Bench.ready(limit: 1, window: window)
        bench.ask("a")
        bench.ask("b")
        #expect(bench.sent() == ["a 2"])
        #expect(bench.receive(2) == "a")
        #expect(bench.sent().isEmpty)
        #expect(bench.machine.wakeAt <= bench.now + window + 1)
        bench.now += window
        #expect(!bench.sent().contains { $0.hasPrefix("b") })
        bench.now += 1
        #expect(bench.sent().contains { $0.hasPrefix("b") })
    }

    @Test func otherProtocolsPassWithoutASlotAndTheRawOneDoesNot() {
        let bench = Bench.ready(limit: 1, window: window)
        for name in ["a", "b", "c"] { bench.ask(name, 1002) }
        #expect(bench.sent().count == 3 && bench.used(at: bench.now) == 0)
        bench.ask("d", ProtoID.getCapitalDistribution)
        #expect(bench.sent() == ["d 5"] && bench.used(at: bench.now) == 1)
    }

    /// Other protocols have limits of their own.
    @Test func aRefusalForFrequencyOfAnotherProtocolClosesNoGate() {
        let bench = Bench.ready(limit: 5, window: window)
        bench.ask("raw", ProtoID.getGlobalState)
        _ = bench.sent()
        #expect(bench.isAwaited(ProtoID.getGlobalState, 2))
        #expect(!bench.isAwaited(ProtoID.getCapitalDistribution, 2))
        let answer = AnswerSummary.tooFrequent(seconds: 7)
        #expect(bench.receive(2, ProtoID.getGlobalState, answer: answer) == "raw: again in 7000 ms")
        #expect(!bench.isAwaited(ProtoID.getGlobalState, 2))
        bench.ask("a")
        #expect(bench.sent() == ["a 3"])
    }

    /// A raw body is damaged only if its SHA-1 is wrong.
    @Test func aBodyThatIsTheApplicationsToReadIsNotMalformed() {
        let bench = Bench.ready(limit: 5, window: window)
        var terms = bench.machine.configuration.terms
        terms.isRaw = true
        for (answer, told) in [
            (AnswerSummary.malformed(.malformed), "raw"), (.damaged, "raw: malformedReply"),
            (.refusal(retType: -1, words: "no"), "raw: refused"),
        ] {
            _ = bench.machine.ask("raw", protoID: ProtoID.getCapitalDistribution, terms, bench.now, &bench.quota)
            let wire = bench.sent().last.flatMap { $0.split(separator: " ").last }.flatMap { UInt32($0) }
            #expect(bench.receive(wire ?? 0, answer: answer) == told)
        }
        bench.ask("a")
        _ = bench.sent()
        #expect(bench.receive(5, answer: .malformed(.noContent)) == "a: malformedReply")
    }

    @Test(arguments: [(nil, 30), (7, 7), (1, 1), (600, 600), (601, 30), (0, 30), (-3, 30)] as [(Int64?, Int64)])
    func aRefusalForFrequencyClosesTheGate(_ named: Int64?, _ seconds: Int64) {
        let bench = Bench.ready(limit: 5, window: window)
        bench.ask("a")
        _ = bench.sent()
        #expect(bench.receive(2, answer: .tooFrequent(seconds: named)) == "a: again in \(seconds * 1_000) ms")
        bench.ask("b", queue: 1_000 * second)
        #expect(bench.sent().isEmpty)
        #expect(!bench.couldReserve(at: bench.now + seconds * second))
        bench.now += seconds * second + 1
        #expect(bench.sent().contains { $0.hasPrefix("b") })
    }

    // MARK: - The first request of a group without an answer

    @Test func theFirstRequestGoesAloneAndTheOthersWaitForItsAnswer() {
        let bench = Bench.ready(limit: 5, window: window, isFirst: true)
        for name in ["a", "b", "c"] { bench.ask(name) }
        bench.ask("raw", ProtoID.getGlobalState)
        #expect(bench.sent() == ["a 2", "raw 3"])
        #expect(bench.sent().isEmpty && bench.machine.wakeAt <= bench.now + 12 * second)
        bench.pass(second)
        #expect(bench.receive(2) == "a")
        #expect(bench.sent() == ["b 4", "c 5"])
    }

    @Test func withoutAnAnswerTheOthersGoOnceItHadItsTime() {
        let bench = Bench.ready(limit: 5, window: window, isFirst: true)
        bench.ask("a", reply: 2 * second)
        bench.ask("b")
        bench.ask("c", fails: true)
        #expect(bench.sent() == ["a 2"])
        bench.pass(2 * second - 1)
        #expect(bench.sent().isEmpty)
        bench.pass(1)
        #expect(bench.sent() == ["b 3", "c 4"])
        #expect(bench.actions() == ["a: replyTimeout"])
    }

    /// There is no answer yet, so the next request is a first one, too.
    @Test func aFirstRequestThatWasGivenUpTellsNothing() {
        let bench = Bench.ready(limit: 5, window: window, isFirst: true)
        let a = bench.ask("a")
        bench.ask("b")
        bench.ask("c")
        #expect(bench.sent() == ["a 2"])
        #expect(bench.cancel(a))
        #expect(bench.sent() == ["b 3"])
        bench.lose()
        bench.pass(2 * second)
        _ = bench.actions()
        bench.connect()
        #expect(bench.sent() == ["c 2"])
    }

    @Test func aRestartedProgramHasOneRefusalAndNotThirty() {
        let bench = Bench.ready(limit: 30, window: window, isFirst: true)
        bench.ask("a")
        for name in ["b", "c"] { bench.ask(name, queue: 1_000 * second) }
        bench.ask("d", fails: true)
        #expect(bench.sent() == ["a 2"])
        #expect(bench.receive(2, answer: .tooFrequent(seconds: 30)) == "a: again in 30000 ms")
        #expect(bench.sent().isEmpty)
        #expect(bench.actions() == ["d: rateLimited unsent"])
        bench.now += 30 * second + 1
        // Another program uses the quota: one request is sent alone again.
        #expect(bench.sent() == ["b 3"])
        #expect(bench.receive(3) == "b")
        #expect(bench.sent() == ["c 4"])
    }

    @Test func aLateRefusalForFrequencyClosesTheGateToo() {
        let bench = Bench.ready(limit: 5, window: window)
        bench.ask("a", reply: second)
        bench.ask("b", queue: 1_000 * second)
        _ = bench.sent()
        bench.pass(2 * second)
        #expect(bench.receive(2, answer: .tooFrequent(seconds: 40)) == "late")
        #expect(!bench.couldReserve(at: bench.now + 40 * second) && bench.couldReserve(at: bench.now + 40 * second + 1))
    }

    /// A request that does not wait for the quota, and waits for a connection, does not pass a gate that closed
    /// meanwhile.
    @Test func aSlotTakenEarlyDoesNotOpenTheGate() {
        let bench = Bench.ready(limit: 5, window: window)
        bench.lose()
        bench.ask("a", fails: true)
        bench.ask("b", fails: true)
        bench.ask("raw", ProtoID.getGlobalState)
        bench.ask("c")
        #expect(bench.used(at: bench.now) == 2)
        // The gateway refused a request of another connection in the group.
        bench.quota.closeGate(bench.now, for: 40 * second)
        bench.pass(millisecond)
        bench.pass(2 * second)
        _ = bench.actions()
        bench.connect()
        #expect(bench.sent().map { $0.prefix { $0 != " " } } == ["raw"])
        let told = bench.actions()
        #expect(told == ["ready", "a: rateLimited unsent", "b: rateLimited unsent"])
        #expect(bench.used(at: bench.now) == 0)
        bench.now += 38 * second
        #expect(bench.sent().contains { $0.hasPrefix("c") })
    }

    /// However requests end, every slot becomes free.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func everySlotComesBack(_ seed: UInt64) {
        var random = SplitMix64(state: seed)
        let bench = Bench.ready(limit: Int.random(in: 1...4, using: &random), window: second)
        var completed: [String: Int] = [:]
        var accepted = 0
        for step in 0..<300 {
            bench.pass(TimeAmount.random(in: 0...(400 * millisecond), using: &random))
            switch Int.random(in: 0...9, using: &random) {
            case 0...4:
                let ask = bench.tryAsk(
                    "\(step)", reply: TimeAmount.random(in: 1...(3 * second), using: &random),
                    fails: Bool.random(using: &random))
                if case .success = ask { accepted += 1 }
            case 5, 6:
                let serialNo = UInt32.random(in: 1...UInt32(bench.nextWireSerialNo), using: &random)
                let word = bench.receive(serialNo)
                if Int(word) != nil { completed[word, default: 0] += 1 }
            case 7: _ = bench.cancel(UInt32.random(in: 1...300, using: &random))
            case 8: _ = bench.receive(UInt32(bench.nextWireSerialNo - 1), ProtoID.keepAlive)
            default:
                guard Bool.random(using: &random) else { continue }
                bench.lose()
                bench.pass(2 * second)
                bench.connect()
            }
            _ = bench.sent()
            for word in bench.actions() where word.contains(":") {
                completed[String(word.prefix { $0 != ":" }), default: 0] += 1
            }
        }
        bench.release()
        for word in bench.actions() where word.contains(":") {
            completed[String(word.prefix { $0 != ":" }), default: 0] += 1
        }
        #expect(completed.count == accepted && completed.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(bench.used(at: bench.now + second + 1) == 0 && bench.quota.waiting == 0, "seed \(seed)")
    }
}
