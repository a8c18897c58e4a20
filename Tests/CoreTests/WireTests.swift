import Codec
import Testing
@testable import Core

/// Serial numbers, keep-alive, matching of answers, timeouts, cancel.
@Suite struct WireTests {
    @Test(arguments: [(10, 8_000), (1, 800), (0, 800), (-5, 800), (30, 24_000), (31, 24_000), (Int32.max, 24_000)])
    func keepAliveComesAtFourFifthsOfTheClampedInterval(_ interval: Int32, _ milliseconds: Int) {
        let bench = Bench()
        bench.connect(keepAliveInterval: interval)
        _ = bench.actions()
        bench.pass(Int64(milliseconds) * millisecond - 1)
        #expect(bench.sent().isEmpty)
        bench.pass(1)
        #expect(bench.sent() == ["alive 2"])
    }

    @Test func keepAliveComesAlsoWhileOtherTrafficFlows() {
        let bench = Bench.ready()
        var alive = 0
        for round in 0..<100 {
            bench.pass(second)
            bench.ask("\(round)")
            alive += bench.sent().filter { $0.hasPrefix("alive") }.count
            for serialNo in 2...UInt32(bench.nextWireSerialNo) { _ = bench.receive(serialNo) }
        }
        #expect(alive == 12)
    }

    @Test func silenceEndsTheStreamAfterThirtyThreeSeconds() {
        let bench = Bench.ready()
        bench.pass(20 * second)
        #expect(bench.receive(0, ProtoID.notify) == "push")
        bench.pass(33 * second - 1)
        #expect(bench.actions().isEmpty)
        bench.pass(1)
        #expect(bench.actions() == ["close", "lost 110"])
    }

    @Test func anAnswerNeedsBothItsProtocolAndItsSerialNumber() {
        let bench = Bench.ready()
        bench.ask("a")
        bench.ask("b", 1002)
        #expect(bench.sent() == ["a 2", "b 3"])
        #expect(bench.receive(2, 1002) == "nothing")
        #expect(bench.receive(3) == "nothing")
        // A push with the serial number of a waiting request answers nothing.
        #expect(bench.receive(2, ProtoID.notify) == "push")
        #expect(bench.receive(2, 3005) == "push")
        #expect(bench.receive(3, 1002) == "b")
        #expect(bench.receive(2) == "a")
        #expect(bench.receive(2) == "nothing")
        #expect(bench.machine.requestCount == 0)
    }

    @Test func beforeTheHandshakeNothingCountsButItsAnswer() {
        let bench = Bench()
        bench.machine.connected(bench.now)
        #expect(bench.sent() == ["init 1"])
        #expect(bench.sent().isEmpty)
        #expect(bench.receive(0, ProtoID.notify) == "nothing")
        #expect(bench.receive(2, ProtoID.initConnect) == "nothing")
        #expect(bench.receive(1, ProtoID.keepAlive) == "nothing")
        #expect(bench.receive(1, ProtoID.initConnect) == "handshake")
    }

    @Test func wireSerialNumbersStartAnewOnEachStreamAndTheApplicationsGoOn() {
        let bench = Bench.ready()
        #expect(bench.ask("a") == 1)
        #expect(bench.sent() == ["a 2"])
        bench.lose()
        bench.pass(second)
        bench.connect()
        #expect(bench.ask("b") == 2)
        #expect(bench.sent() == ["b 2"])
    }

    @Test func aWireSerialNumberAtItsMaximumMeansANewStream() {
        let bench = Bench.ready { $0.firstWireSerialNo = .max - 1 }
        bench.ask("a")
        bench.ask("b")
        #expect(bench.sent() == ["a \(UInt32.max)"])
        #expect(bench.actions() == ["close", "lost 75", "a: disconnected"])
        bench.pass(second)
        #expect(bench.actions() == ["connect"])
        #expect(bench.machine.requestCount == 1)
    }

    @Test func serialNumbersGoRoundWithoutZeroAndWithoutOnesInUse() {
        let bench = Bench.ready()
        bench.machine.nextSerialNo = .max
        #expect(bench.ask("a") == .max)
        #expect(bench.ask("b") == 1)
        bench.machine.nextSerialNo = .max
        #expect(bench.ask("c") == 2)
    }

    @Test func bothTimeOutsCountFromWhereTheyShould() {
        let bench = Bench.ready(limit: 1, window: 30 * second)
        bench.ask("a", reply: 100 * second)
        bench.ask("b", queue: 5 * second)
        bench.ask("c", queue: 40 * second, reply: 7 * second)
        #expect(bench.sent() == ["a 2"])
        #expect(bench.receive(2) == "a")
        bench.pass(5 * second - 1)
        #expect(bench.actions().isEmpty)
        bench.pass(1)
        #expect(bench.actions() == ["b: queueTimeout unsent"])
        while bench.now < at(1_031 * second) {
            bench.pass(second)
            _ = bench.sent()
            _ = bench.receive(0, ProtoID.notify)
        }
        #expect(bench.machine.requestCount == 1 && bench.quota.waiting == 0)
        bench.pass(7 * second)
        #expect(bench.actions() == ["c: replyTimeout"])
    }

    @Test func theDefaultsAreTwoMinutesAndTwelveSeconds() {
        let waiting = Bench()
        waiting.ask("a")
        waiting.pass(120 * second - 1)
        #expect(!waiting.actions().contains("a: queueTimeout unsent"))
        waiting.pass(1)
        #expect(waiting.actions().contains("a: queueTimeout unsent"))
        let sent = Bench.ready()
        sent.ask("a")
        _ = sent.sent()
        sent.pass(12 * second - 1)
        #expect(sent.actions().isEmpty)
        sent.pass(1)
        #expect(sent.actions() == ["a: replyTimeout"])
    }

    /// When a driver is late, requests that should have timed out are not sent, and use no slots.
    @Test func whatIsOverdueIsNotSent() {
        let bench = Bench()
        bench.ask("a", queue: second)
        bench.ask("b", queue: 3 * second)
        bench.now += second
        bench.connect()
        #expect(bench.sent() == ["b 2"])
        #expect(bench.actions().contains("a: queueTimeout unsent"))

        let limited = Bench.ready(limit: 1, window: 30 * second)
        limited.ask("a")
        _ = limited.sent()
        #expect(limited.receive(2) == "a")
        for name in ["b", "c"] { limited.ask(name, queue: 20 * second) }
        limited.ask("d", queue: 60 * second)
        limited.ask("raw", ProtoID.getGlobalState, queue: second)
        limited.now += 30 * second + 1
        limited.ask("e", ProtoID.getGlobalState)
        #expect(limited.sent() == ["d 3", "e 4"])
        #expect(limited.actions() == ["b", "c", "raw"].map { "\($0): queueTimeout unsent" })
    }

    /// Neither is the first one after a closed gate has kept others back.
    @Test func whatIsOverdueIsNotSentBehindWhatTheGateKeepsBack() {
        let bench = Bench.ready(limit: 4, window: 30 * second)
        bench.ask("refused")
        #expect(bench.sent() == ["refused 2"])
        bench.ask("kept back", fails: true)
        bench.ask("had its slot", queue: second, fails: true)
        bench.ask("raw", ProtoID.getGlobalState, queue: second)
        bench.ask("later", fails: true)
        bench.ask("still due", ProtoID.getGlobalState, queue: 3 * second)
        bench.quota.closeGate(bench.now, for: 30 * second)
        bench.now += second
        #expect(bench.sent() == ["still due 3"])
        #expect(
            bench.actions() == [
                "raw: queueTimeout unsent", "kept back: rateLimited unsent", "had its slot: queueTimeout unsent",
                "later: rateLimited unsent",
            ])
    }

    @Test func requestsThatTimeOutTogetherCompleteInTheOrderAsked() {
        let bench = Bench.ready()
        for name in ["a", "b", "c", "d"] { bench.ask(name, reply: second) }
        _ = bench.sent()
        #expect(bench.receive(4) == "c")
        bench.ask("e", queue: second, reply: second)
        _ = bench.sent()
        bench.pass(second)
        #expect(bench.actions() == ["a: replyTimeout", "b: replyTimeout", "d: replyTimeout", "e: replyTimeout"])
    }

    @Test func cancelEndsWhatIsQueuedOrInFlightAndNothingElse() {
        let bench = Bench.ready(limit: 1)
        let (a, b) = (bench.ask("a"), bench.ask("b"))
        _ = bench.sent()
        #expect(bench.cancel(b) && bench.cancel(a))
        #expect(bench.actions() == ["b: cancelled unsent", "a: cancelled"])
        #expect(!bench.cancel(a) && !bench.cancel(99) && !bench.cancel(0))
        #expect(bench.receive(2) == "late")
        #expect(bench.quota.waiting == 0)
    }

    @Test func withdrawTakesARequestFromWhereverItIs() {
        let bench = Bench.ready(limit: 1)
        let (a, b, c) = (bench.ask("a"), bench.ask("b"), bench.ask("c"))
        _ = bench.sent()
        #expect(bench.withdraw(a) == .replyTimeout)
        #expect(bench.withdraw(b) == .queueTimeout)
        #expect(bench.cancel(c))
        #expect(bench.withdraw(c) == .cancelled)
        #expect(bench.withdraw(c) == nil)
        #expect(bench.actions().isEmpty && bench.machine.requestCount == 0)
    }

    @Test func theQueueHoldsNoMoreThanItsLimitQueuedOrSent() {
        let bench = Bench.ready { $0.maxQueue = 3 }
        for name in ["a", "b"] { bench.ask(name) }
        _ = bench.sent()
        bench.ask("c")
        #expect(bench.tryAsk("d") == .failure(.init(status: .queueFull)))
        #expect(bench.receive(2) == "a")
        bench.ask("d")
        #expect(bench.sent() == ["c 4", "d 5"])
    }

    @Test func completionsThatWaitCountAsNotCompleted() {
        let bench = Bench.ready { $0.maxQueue = 2 }
        let (a, b) = (bench.ask("a"), bench.ask("b"))
        #expect(bench.cancel(a) && bench.cancel(b))
        #expect(bench.tryAsk("c") == .failure(.init(status: .queueFull)))
        #expect(bench.withdraw(a) == .cancelled)
        bench.ask("c")
        #expect(bench.actions() == ["b: cancelled unsent"])
        bench.ask("d")
        #expect(bench.machine.requestCount == 2)
    }

    /// The machine asks for ticks in time: no deadline is missed if it is called only then.
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func wakeAtIsNeverTooLate(_ seed: UInt64) {
        var random = SplitMix64(state: seed)
        let bench = Bench.ready()
        var deadlines: [String: Instant] = [:]
        for step in 0..<200 {
            let reply = TimeAmount.random(in: 1...(20 * second), using: &random)
            bench.ask("\(step)", reply: reply)
            deadlines["\(step)"] = bench.now + reply
            _ = bench.sent()
            if Bool.random(using: &random), let answered = deadlines.keys.sorted().first, let number = UInt32(answered)
            {
                let serialNo = number + 2
                if bench.receive(serialNo) == answered { deadlines[answered] = nil }
            }
            _ = bench.receive(0, ProtoID.notify)
            bench.machine.dropKeepAlive()
            let end = bench.now + .random(in: 0...second, using: &random)
            while bench.machine.wakeAt <= end {
                bench.now = max(bench.now, bench.machine.wakeAt)
                bench.tick()
                bench.machine.dropKeepAlive()
                for word in bench.actions() {
                    let name = String(word.prefix { $0 != ":" })
                    let late = bench.now - (deadlines.removeValue(forKey: name) ?? .max)
                    #expect((0..<millisecond).contains(late), "seed \(seed): \(word)")
                }
            }
            bench.now = end
            for (name, deadline) in deadlines {
                #expect(deadline > end - millisecond, "seed \(seed): \(name) is overdue")
            }
        }
    }
}
