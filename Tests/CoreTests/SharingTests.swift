import Codec
import Testing
@testable import Core

/// Requests that take other requests' answers, on one connection and on two of a group. "a/1" and "a/2" ask the same.
@Suite struct SharingTests {
    private let age = 5 * second

    @Test func thirtyRequestsAtOnceAreOne() {
        let bench = Bench.ready(limit: 30)
        for index in 1...30 { bench.ask("a/\(index)", maxAge: age) }
        #expect(bench.sent() == ["a/1 2"])
        #expect(bench.used(at: bench.now) == 1 && bench.quota.waiting == 0)
        #expect(bench.actions() == [])
        bench.now += 20 * millisecond
        #expect(bench.receive(2, body: "A") == "a/1")
        bench.now += 3 * millisecond
        #expect(bench.actions() == (2...30).map { "a/\($0): ok A 3 ms" })
        #expect(bench.used(at: bench.now) == 1 && bench.machine.requestCount == 0)
    }

    @Test func aFreshAnswerIsGivenAtOnceAndAnOldOneIsNot() {
        let bench = Bench.ready(limit: 30)
        bench.ask("a/1", maxAge: age)
        _ = bench.sent()
        #expect(bench.receive(2, body: "A") == "a/1")
        bench.now += age
        bench.ask("a/2", maxAge: age)
        #expect(bench.sent() == [] && bench.actions() == ["a/2: ok A 5000 ms"])
        bench.now += .nanosecond
        bench.ask("a/3", maxAge: age)
        bench.ask("a/4", maxAge: age + second)
        #expect(bench.sent() == ["a/3 3"] && bench.actions() == ["a/4: ok A 5000 ms"])
        #expect(bench.receive(3, body: "B") == "a/3")
        bench.ask("a/5", maxAge: .nanosecond)
        #expect(bench.actions() == ["a/5: ok B 0 ms"])
    }

    @Test func withoutMaxAgeItIsAlwaysSentAndItsAnswerServesOthers() {
        let bench = Bench.ready(limit: 30)
        bench.ask("a/1", maxAge: age)
        bench.ask("a/2")
        bench.ask("a/3")
        #expect(bench.sent() == ["a/1 2", "a/2 3", "a/3 4"])
        #expect(bench.receive(3, body: "A") == "a/2")
        bench.ask("a/4", maxAge: age)
        #expect(bench.actions() == ["a/4: ok A 0 ms"])
        // One that is in flight without max_age is joined, too.
        bench.now += age + .nanosecond
        bench.ask("a/5", maxAge: age)
        #expect(bench.sent() == [] && bench.actions() == [])
        #expect(bench.receive(4, body: "B") == "a/3")
        #expect(bench.actions() == ["a/5: ok B 0 ms"])
        #expect(bench.receive(2, body: "C") == "a/1")
    }

    @Test func connectionsOfAGroupShare() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", maxAge: age)
        b.ask("a/2", maxAge: age)
        #expect(a.sent() == ["a/1 2"] && b.sent() == [])
        _ = a.isWoken()
        #expect(a.receive(2, body: "A") == "a/1")
        #expect(a.isWoken())
        #expect(b.actions() == ["a/2: ok A 0 ms"])
        b.ask("a/3", maxAge: age)
        #expect(b.actions() == ["a/3: ok A 0 ms"])
        #expect(a.used(at: a.now) == 1)
    }

    @Test func whoWasNeverConnectedIsServedOnceItsGatewayIsKnown() {
        let a = Bench.ready(limit: 30)
        let b = Bench(beside: a)
        b.now = a.now
        b.ask("a/1", maxAge: age)
        #expect(b.actions() == ["connect"])
        a.ask("a/2", maxAge: age)
        #expect(a.sent() == ["a/2 2"])
        b.ask("a/3", maxAge: age)
        #expect(a.receive(2, body: "A") == "a/2")
        b.ask("a/4", maxAge: age)
        #expect(b.actions() == [])
        b.connect()
        #expect(b.sent() == [])
        #expect(b.actions() == ["ready", "a/1: ok A 0 ms", "a/3: ok A 0 ms", "a/4: ok A 0 ms"])
        // From now on it is known, whatever becomes of the stream.
        b.lose()
        b.ask("a/5", maxAge: age)
        #expect(b.actions() == ["close", "lost 0", "a/5: ok A 0 ms"])
        #expect(a.used(at: a.now) == 1)
    }

    @Test func whoIsNotConnectedYetJoinsTheOneInFlightThen() {
        let a = Bench.ready(limit: 30)
        a.ask("a/1", maxAge: age)
        #expect(a.sent() == ["a/1 2"])
        let b = Bench(beside: a)
        b.now = a.now
        b.ask("a/2", fails: true, maxAge: age)
        #expect(b.actions() == ["connect"] && a.used(at: a.now) == 2)
        b.connect()
        #expect(b.sent() == [] && a.used(at: a.now) == 1)
        #expect(a.receive(2, body: "A") == "a/1")
        #expect(b.actions() == ["ready", "a/2: ok A 0 ms"])
    }

    @Test func anotherGatewayOrAccountGetsItsOwnAnswers() {
        let a = Bench.ready(limit: 30)
        let b = Bench(beside: a)
        b.now = a.now
        b.ask("a/1", maxAge: age)
        b.connect(gateway: "other")
        a.ask("a/2", maxAge: age)
        #expect(a.sent() == ["a/2 2"] && b.sent() == ["a/1 2"])
        #expect(a.receive(2, body: "A") == "a/2")
        b.ask("a/3", maxAge: age)
        #expect(b.actions() == ["connect", "ready"] && b.sent() == [])
        #expect(b.receive(2, body: "B") == "a/1")
        a.ask("a/4", maxAge: age)
        #expect(a.actions() == ["a/4: ok A 0 ms"] && b.actions() == ["a/3: ok B 0 ms"])
        // A refusal is the gateway's, too.
        a.ask("b/1", maxAge: age)
        b.ask("b/2", maxAge: age)
        b.ask("b/3", maxAge: age)
        #expect(a.sent() == ["b/1 3"] && b.sent() == ["b/2 3"])
        #expect(a.receive(3, answer: .refusal(retType: -1, words: "未知股票"), body: "A") == "b/1: refused")
        #expect(b.actions() == [])
    }

    @Test func anotherAccountAfterAReconnectIsAskedItself() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", maxAge: age)
        #expect(a.sent() == ["a/1 2"] && a.receive(2, body: "A") == "a/1")
        a.ask("b/1", reply: 60 * second, maxAge: age)
        b.ask("b/2", maxAge: age)
        b.ask("b/3", fails: true, maxAge: age)
        #expect(a.sent() == ["b/1 3"] && b.sent() == [])
        b.lose()
        b.pass(2 * second)
        #expect(b.actions() == ["close", "lost 0", "connect"])
        b.connect(gateway: "the other account")
        b.ask("a/2", maxAge: age)
        #expect(b.actions() == ["ready"])
        #expect(b.sent() == ["b/2 2", "a/2 3"])
        a.now = b.now
        #expect(a.receive(3, body: "B") == "b/1")
        #expect(b.actions() == [])
        #expect(b.receive(2, body: "b") == "b/2" && b.receive(3, body: "a") == "a/2")
        #expect(b.actions() == ["b/3: ok b 0 ms"])
        #expect(!b.quota.answers.hasRequests && b.quota.answers.count == 4)
    }

    @Test func ifTheOneInFlightEndsTheNextIsSent() {
        for end in ["cancel", "timeout", "lose", "release", "malformed", "damaged", "frequency", "bridge"] {
            let a = Bench.ready(limit: 30)
            let b = Bench.ready(beside: a)
            let first = a.ask("a/1", reply: second, maxAge: age)
            #expect(a.sent() == ["a/1 2"])
            b.ask("a/2", maxAge: age)
            b.ask("a/3", maxAge: age)
            #expect(b.sent() == [] && b.actions() == [])
            _ = b.isWoken()
            switch end {
            case "cancel": #expect(a.cancel(first))
            case "timeout": a.pass(second)
            case "lose": a.lose()
            case "release": a.release()
            case "malformed": #expect(a.receive(2, answer: .malformed(.malformed)) == "a/1: malformedReply")
            case "damaged": #expect(a.receive(2, answer: .damaged) == "a/1: malformedReply")
            case "frequency": #expect(a.receive(2, answer: .tooFrequent(seconds: 1)) == "a/1: again in 1000 ms")
            default: #expect(a.bridgeFailed(2, error: 9)?.status == .refused)
            }
            #expect(b.isWoken(), "\(end)")
            b.now = a.now
            #expect(b.actions() == [], "\(end)")
            if end == "frequency" {
                #expect(b.sent() == [] && b.quota.waiting == 1)
                b.pass(second + .nanosecond)
            }
            #expect(b.sent() == ["a/2 2"], "\(end)")
            #expect(b.receive(2, body: "A") == "a/2")
            #expect(b.actions() == ["a/3: ok A 0 ms"], "\(end)")
        }
    }

    @Test func aRefusalIsForAllThatWaitForIt() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", maxAge: age)
        _ = a.sent()
        b.ask("a/2", maxAge: age)
        #expect(a.receive(2, answer: .refusal(retType: -1, words: "未知股票"), body: "A") == "a/1: refused")
        #expect(b.actions() == ["a/2: refused A 0 ms"])
        // It is no answer for one that asks later.
        b.ask("a/3", maxAge: age)
        #expect(b.sent() == ["a/3 2"])
    }

    @Test func whoComesFirstInItsQueueJoinsAndGivesItsSlotBack() {
        let bench = Bench(limit: 3)
        bench.ask("a/1", fails: true, maxAge: age)
        bench.ask("a/2", fails: true, maxAge: age)
        bench.ask("a/3", maxAge: age)
        #expect(bench.used(at: bench.now) == 2)
        bench.connect()
        #expect(bench.sent() == ["a/1 2"])
        #expect(bench.used(at: bench.now) == 1)
        _ = bench.actions()
        #expect(bench.receive(2, body: "A") == "a/1")
        #expect(bench.actions() == ["a/2: ok A 0 ms", "a/3: ok A 0 ms"])
    }

    @Test func whatStandsBehindOthersTakesAnAnswerThatComesMeanwhile() {
        let a = Bench.ready(limit: 1, window: second)
        let b = Bench.ready(beside: a)
        func wait() {
            a.pass(second + millisecond)
            b.now = a.now
        }
        a.ask("w/1")
        #expect(a.sent() == ["w/1 2"] && a.receive(2) == "w/1")
        for name in ["x/1", "z/1", "y/2"] { b.ask(name, maxAge: age) }
        #expect(b.sent() == [])
        a.ask("y/1", maxAge: age)
        #expect(a.sent() == [] && a.quota.waiting == 4)
        wait()
        #expect(b.sent() == ["x/1 2"] && b.receive(2) == "x/1")
        wait()
        #expect(a.sent() == ["y/1 3"] && b.sent() == [])
        #expect(a.receive(3, body: "Y") == "y/1")
        #expect(b.actions() == ["y/2: ok Y 0 ms"])
        #expect(b.quota.waiting == 1)
    }

    @Test func failModeIsNotRefusedWhatNeedsNoSlot() {
        let bench = Bench.ready(limit: 1)
        bench.ask("a/1", maxAge: age)
        #expect(bench.sent() == ["a/1 2"])
        bench.ask("a/2", fails: true, maxAge: age)
        #expect(bench.tryAsk("b/1", fails: true, maxAge: age) == .failure(.init(status: .quotaExhausted)))
        #expect(bench.receive(2, body: "A") == "a/1")
        bench.ask("a/3", fails: true, maxAge: age)
        #expect(bench.actions() == ["a/2: ok A 0 ms", "a/3: ok A 0 ms"])
    }

    @Test func failModeEndsIfTheOneInFlightDoesAndThereIsNoSlot() {
        let bench = Bench.ready(limit: 1)
        let first = bench.ask("a/1", maxAge: age)
        _ = bench.sent()
        bench.ask("a/2", fails: true, maxAge: age)
        bench.ask("a/3", fails: true, maxAge: age)
        #expect(bench.cancel(first))
        #expect(bench.actions() == ["a/1: cancelled", "a/2: quotaExhausted unsent", "a/3: quotaExhausted unsent"])
        #expect(bench.sent() == [])
        let gate = Bench.ready(limit: 5)
        gate.ask("a/1", maxAge: age)
        _ = gate.sent()
        gate.ask("a/2", fails: true, maxAge: age)
        #expect(gate.receive(2, answer: .tooFrequent(seconds: 30)) == "a/1: again in 30000 ms")
        #expect(gate.actions() == ["a/2: rateLimited unsent"])
    }

    @Test func inAnOutageAFreshAnswerIsGivenAndAnotherIsNotWaitedFor() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", maxAge: age)
        _ = a.sent()
        b.lose()
        b.pass(2 * second)
        a.now = b.now
        b.fail(Bench.unreachable)
        _ = b.actions()
        #expect(b.tryAsk("a/2", impatient: true, maxAge: age) == .failure(.init(status: .connectFailed)))
        #expect(a.receive(2, body: "A") == "a/1")
        b.ask("a/3", impatient: true, maxAge: age)
        #expect(b.actions() == ["a/3: ok A 0 ms"])
    }

    @Test func oneThatWaitsForAnothersAnswerEndsAsAnyOtherThatWaits() {
        let a = Bench.ready(limit: 30)
        a.ask("a/1", maxAge: age)
        _ = a.sent()
        let b = Bench.ready(beside: a) { $0.reconnects = false }
        let cancelled = b.ask("a/2", maxAge: age)
        b.ask("a/3", queue: second, maxAge: age)
        let withdrawn = b.ask("a/4", maxAge: age)
        b.ask("a/5", maxAge: age)
        #expect(b.cancel(cancelled) && b.withdraw(withdrawn) == .queueTimeout)
        b.pass(second)
        #expect(b.actions() == ["a/2: cancelled unsent", "a/3: queueTimeout unsent"])
        b.lose()
        #expect(b.actions() == ["close", "lost 0", "a/5: disconnected unsent"])
        let c = Bench.ready(beside: a)
        c.ask("a/6", maxAge: age)
        c.release()
        #expect(c.actions() == ["close", "a/6: released unsent", "closed"])
        // It goes on waiting where the connection comes back.
        let d = Bench.ready(beside: a)
        d.ask("a/7", maxAge: age)
        d.lose()
        #expect(d.actions() == ["close", "lost 0"])
        #expect(a.receive(2, body: "A") == "a/1")
        #expect(d.actions() == ["a/7: ok A 0 ms"])
        #expect(a.quota.answers.count == 1 && a.machine.requestCount == 0)
    }

    @Test func whoGoesOnItsOwnGoesInTheOrderAsked() {
        let bench = Bench.ready(limit: 1, window: second)
        let first = bench.ask("a/1", maxAge: age)
        _ = bench.sent()
        bench.ask("a/2", maxAge: age)
        bench.ask("b/1")
        bench.ask("a/3", maxAge: age)
        #expect(bench.cancel(first))
        #expect(bench.actions() == ["a/1: cancelled"])
        #expect(bench.quota.waiting == 2)
        #expect(bench.sent() == [])
        #expect(bench.receive(2) == "late")
        bench.pass(second + millisecond)
        #expect(bench.sent() == ["a/2 3"])
        #expect(bench.receive(3, body: "A") == "a/2")
        #expect(bench.actions() == ["a/3: ok A 0 ms"])
        bench.pass(second + millisecond)
        #expect(bench.sent() == ["b/1 4"])
    }

    @Test func withoutAQuotaAnswersAreSharedAsWell() {
        let bench = Bench.ready()
        bench.ask("a/1", maxAge: age)
        bench.ask("a/2", maxAge: age)
        bench.ask("g", 1002)
        #expect(bench.sent() == ["a/1 2", "g 3"])
        #expect(bench.receive(2, body: "A") == "a/1")
        #expect(bench.actions() == ["a/2: ok A 0 ms"])
    }

    @Test func aQueueThatIsFullIsFullForThemToo() {
        let bench = Bench.ready { $0.maxQueue = 2 }
        bench.ask("a/1", maxAge: age)
        bench.ask("a/2", maxAge: age)
        #expect(bench.tryAsk("a/3", maxAge: age) == .failure(.init(status: .queueFull)))
        _ = bench.sent()
        #expect(bench.receive(2, body: "A") == "a/1")
        bench.ask("a/3", maxAge: age)
        #expect(bench.tryAsk("a/4", maxAge: age) == .failure(.init(status: .queueFull)))
        #expect(bench.actions() == ["a/2: ok A 0 ms", "a/3: ok A 0 ms"])
        bench.ask("a/4", maxAge: age)
    }

    @Test func whoSharesNothingKeepsNothing() {
        let bench = Bench.ready(limit: 30)
        bench.ask("a/1")
        _ = bench.sent()
        #expect(bench.receive(2, body: "A") == "a/1")
        #expect(bench.quota.answers.count == 0)
        bench.ask("a/2", maxAge: age)
        #expect(bench.sent() == ["a/2 3"])
    }

    @Test func aConnectionThatIsHeldUpIsNotWaitedForBeyondItsReplyTimeout() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", reply: second, maxAge: age)
        _ = a.sent()
        b.ask("a/2", reply: second, maxAge: age)
        b.ask("a/3", maxAge: age)
        b.pass(second - .nanosecond)
        #expect(b.actions() == [] && b.sent() == [])
        b.pass(.nanosecond)
        #expect(b.actions() == [] && b.sent() == ["a/2 2"])
        b.pass(second)
        #expect(b.actions() == ["a/2: replyTimeout"])
        #expect(b.sent() == ["a/3 3"])
        a.now = b.now
        #expect(a.receive(2, body: "A") == "a/1")
        #expect(b.receive(3, body: "B") == "a/3")
        #expect(!b.quota.answers.hasRequests)
    }

    @Test func aDriverThatLooksLateIsServedWhatCameSinceItAsked() {
        let a = Bench.ready(limit: 30)
        let b = Bench.ready(beside: a)
        a.ask("a/1", maxAge: millisecond)
        _ = a.sent()
        b.ask("a/2", maxAge: millisecond)
        #expect(a.receive(2, body: "A") == "a/1")
        b.now += 20 * second
        #expect(b.actions() == ["a/2: ok A 20000 ms"])
    }
}
