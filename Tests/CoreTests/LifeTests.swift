import Codec
import Glibc
import Testing
@testable import Core

/// The table of a connection's life in docs/timeouts.md, row by row: an event, then its actions.
@Suite struct LifeTests {
    @Test func anAttemptThatFailsIsRepeatedAndTheQueueWaitsOn() {
        let bench = Bench { $0.wantsLog = true }
        bench.ask("a")
        #expect(bench.actions() == ["log", "connect"])
        bench.fail(Bench.unreachable)
        #expect(bench.actions() == ["close", "log"])
        #expect(bench.state == "connecting")
        #expect(bench.machine.lastCause == Bench.unreachable)
        bench.pass(second)
        #expect(bench.actions() == ["log", "connect"])
        bench.connect()
        #expect(bench.sent() == ["a 2"])
    }

    @Test func withoutReconnectAFailedAttemptIsFinal() {
        let bench = Bench { $0.reconnects = false }
        bench.ask("a")
        bench.ask("b", 1002)
        _ = bench.actions()
        bench.fail(Bench.unreachable)
        #expect(
            bench.actions() == ["close", "failed connectFailed", "a: connectFailed unsent", "b: connectFailed unsent"])
        #expect(bench.tryAsk("c") == .failure(.init(status: .notConnected)))
        bench.pass(1_000 * second)
        #expect(bench.actions().isEmpty)
    }

    @Test func overWebSocketTheUpgradeComesFirst() {
        let bench = Bench(limit: 1) { $0.transport = .webSocket }
        bench.ask("a")
        _ = bench.actions()
        bench.machine.connected(bench.now)
        #expect(bench.sent().isEmpty)
        bench.machine.upgraded(bench.now)
        #expect(bench.sent() == ["init 1"])
        #expect(bench.receive(1, ProtoID.initConnect) == "nothing")
        #expect(bench.receive(2, ProtoID.initWebSocket) == "nothing")
        #expect(bench.receive(1, ProtoID.initWebSocket) == "handshake")
        bench.machine.handshakeSucceeded(keepAliveInterval: 10, bench.now, &bench.quota)
        #expect(bench.actions() == ["ready"])
        #expect(bench.sent() == ["a 2"])
        // A ping has no serial number.
        bench.pass(8 * second)
        bench.ask("b", 1002)
        #expect(bench.sent() == ["ping", "b 3"])
    }

    @Test func anUpgradeThatIsNotAnsweredSaysSo() {
        for transport in [Transport.webSocket, .webSocketTLS] {
            let bench = Bench {
                $0.transport = transport
                $0.reconnects = false
            }
            bench.machine.connected(bench.now)
            bench.pass(11 * second)
            #expect(bench.machine.lastCause?.status == .connectTimeout)
            #expect(bench.machine.lastCause?.text.contains("WebSocket") == true)
            #expect(bench.machine.lastCause?.text.contains("websocket_key") == false)
        }
    }

    @Test func aSilentBridgeMayMeanAWrongKey() {
        let bench = Bench {
            $0.transport = .webSocket
            $0.reconnects = false
        }
        bench.machine.connected(bench.now)
        bench.machine.upgraded(bench.now)
        bench.pass(11 * second)
        #expect(bench.machine.lastCause?.status == .connectTimeout)
        #expect(bench.machine.lastCause?.text.contains("is websocket_key the one set in OpenD?") == true)
    }

    @Test func anyFrameIsLifeAndSilenceIsTheStreamsEnd() {
        let bench = Bench { $0.transport = .webSocket }
        bench.machine.connected(bench.now)
        bench.machine.upgraded(bench.now)
        _ = bench.sent()
        bench.machine.handshakeSucceeded(keepAliveInterval: 10, bench.now, &bench.quota)
        _ = bench.actions()
        for _ in 0..<5 {
            bench.pass(32 * second)
            bench.machine.heard(bench.now)
        }
        #expect(bench.actions().isEmpty)
        bench.pass(33 * second + 1)
        #expect(bench.actions().prefix(2) == ["close", "lost \(ETIMEDOUT)"])
    }

    @Test func theBridgesErrorCompletesTheRequestAndKeepsItsSlot() {
        let bench = Bench(limit: 1, window: 10 * second) { $0.transport = .webSocket }
        bench.machine.connected(bench.now)
        bench.machine.upgraded(bench.now)
        _ = bench.sent()
        bench.machine.handshakeSucceeded(keepAliveInterval: 10, bench.now, &bench.quota)
        bench.ask("a")
        #expect(bench.sent() == ["a 2"])
        let completion = bench.bridgeFailed(2, error: 2, words: "no")
        #expect(completion?.request.payload == "a" && completion?.status == .replyTimeout)
        #expect(completion?.text == "OpenD got no answer in time: no")
        #expect(bench.machine.requestCount == 0)
        // OpenD may still count it. The slot is free one window after OpenD has shown that it has read it.
        bench.ask("b")
        #expect(bench.sent().isEmpty)
        bench.pass(8 * second)
        #expect(bench.sent() == ["ping", "probe 3"])
        #expect(bench.receive(3, ProtoID.getGlobalState) == "nothing")
        bench.pass(10 * second)
        #expect(bench.sent() == ["ping"])
        bench.pass(millisecond)
        #expect(bench.sent() == ["b 4"])
        #expect(bench.bridgeFailed(2, error: 2) == nil, "told twice")
    }

    @Test(arguments: [(1, "connectTimeout"), (2, "connectTimeout"), (3, "connectFailed"), (9, "connectFailed")])
    func theBridgesErrorForItsFirstMessageFailsTheAttempt(error: Int32, status: String) {
        let bench = Bench {
            $0.transport = .webSocket
            $0.reconnects = false
        }
        bench.machine.connected(bench.now)
        bench.machine.upgraded(bench.now)
        #expect(bench.sent() == ["init 1"])
        _ = bench.actions()
        // It answers another message.
        #expect(bench.bridgeFailed(2, ProtoID.initWebSocket, error: error) == nil)
        #expect(bench.actions() == [])
        #expect(bench.bridgeFailed(1, ProtoID.initWebSocket, error: error, words: "no") == nil)
        #expect(bench.actions() == ["close", "failed \(status)"])
        #expect(bench.state.contains("InitWebSocket: ") && bench.state.contains(": no"))
    }

    @Test func aReasonInTheApplicationFailsTheConnectionFromEveryPhase() {
        let phases = ["connecting", "upgrading", "handshaking", "ready", "pausing"]
        for phase in phases {
            let bench = Bench { $0.transport = .webSocket }
            bench.ask("a")
            if phase != "connecting" { bench.machine.connected(bench.now) }
            if ["handshaking", "ready"].contains(phase) { bench.machine.upgraded(bench.now) }
            if phase == "ready" { bench.machine.handshakeSucceeded(keepAliveInterval: 10, bench.now, &bench.quota) }
            if phase == "pausing" { bench.fail(Bench.unreachable) }
            _ = bench.actions()
            bench.machine.fail(Bench.closed, bench.now, &bench.quota)
            let told = phase == "ready" ? "lost \(Bench.closed.code)" : "failed \(Bench.closed.status)"
            #expect(bench.actions() == ["close", told, "a: disconnected unsent"], "\(phase)")
            #expect(bench.state.hasPrefix("failed "), "\(phase)")
            // Nothing is tried again, and the second reason is not told.
            bench.machine.fail(Bench.closed, bench.now, &bench.quota)
            bench.pass(3600 * second)
            #expect(bench.actions() == [], "\(phase)")
        }
    }

    @Test func aRefusedInitConnectIsTriedAgainWithPausesThatGrow() {
        let bench = Bench {
            $0.terms.queueTimeout = 3600 * second
            $0.minBackoff = 500 * millisecond
            $0.maxBackoff = 30 * second
        }
        bench.ask("a")
        var pauses: [TimeAmount] = []
        for _ in 0..<12 {
            #expect(bench.actions().contains("connect"))
            bench.machine.connected(bench.now)
            #expect(bench.sent() == ["init 1"])
            #expect(bench.receive(1, ProtoID.initConnect) == "handshake")
            bench.fail(Bench.refused)
            #expect(bench.actions() == ["close"])
            #expect(bench.state == "connecting")
            #expect(bench.machine.lastCause == Bench.refused)
            let before = bench.now
            while !bench.machine.hasActions, bench.now - before < 60 * second {
                bench.now = max(bench.now, bench.machine.wakeAt)
                bench.tick()
            }
            pauses.append(bench.now - before)
        }
        // Each is shortened by up to half.
        for (index, pause) in pauses.enumerated() {
            let longest = min(500 * millisecond * (1 << Int64(index)), 30 * second)
            #expect((longest / 2...longest).contains(pause))
        }
        // It has waited all the time.
        _ = bench.actions()
        bench.connect()
        #expect(bench.actions() == ["ready"])
        #expect(bench.sent() == ["a 2"])
    }

    @Test func aRefusalOnAReconnectIsNotTheEndEither() {
        let bench = Bench.ready()
        bench.pass(10 * second)
        bench.lose()
        _ = bench.actions()
        bench.pass(second)
        bench.machine.connected(bench.now)
        _ = bench.sent()
        bench.fail(Bench.refused)
        #expect(bench.state == "connecting")
        _ = bench.actions()
        bench.pass(2 * second)
        #expect(bench.actions() == ["connect"])
    }

    @Test func whatCanNotChangeIsFinalAndSaysSo() {
        let bench = Bench()
        bench.ask("a")
        _ = bench.actions()
        bench.fail(Bench.untrusted)
        #expect(bench.actions() == ["close", "failed tlsFailed", "a: tlsFailed unsent"])
        #expect(bench.state.hasPrefix("failed not trusted. This is final, since it does not change by itself"))
        #expect(bench.state.contains("make a new one"))
        for isReady in [false, true] {
            let once = isReady ? Bench.ready { $0.reconnects = false } : Bench { $0.reconnects = false }
            isReady ? once.lose() : once.fail(Bench.unreachable)
            #expect(once.state.contains("since reconnect is off: release the connection and make a new one."))
        }
    }

    @Test func aHandshakeTellsTheApplicationThenSendsInTheOrderAsked() {
        let bench = Bench(limit: 2)
        for name in ["a", "b"] { bench.ask(name) }
        bench.ask("c", 1002)
        bench.ask("d")
        _ = bench.actions()
        #expect(bench.sent().isEmpty)
        bench.machine.connected(bench.now)
        #expect(bench.sent() == ["init 1"])
        bench.machine.handshakeSucceeded(keepAliveInterval: 10, bench.now, &bench.quota)
        #expect(bench.actions() == ["ready"])
        // d waits for the quota. Requests that need no slot do not wait behind it.
        #expect(bench.sent() == ["a 2", "b 3", "c 4"])
        bench.ask("e", 1002)
        #expect(bench.sent() == ["e 5"])
        #expect(bench.quota.waiting == 1)
    }

    @Test func aLostStreamCompletesWhatWasSentAndKeepsTheQueue() {
        let bench = Bench.ready(limit: 2)
        for name in ["a", "b", "c"] { bench.ask(name) }
        bench.ask("d", 1002)
        #expect(bench.sent() == ["a 2", "b 3", "d 4"])
        bench.lose()
        // In the order in which they were made, after on_disconnect.
        #expect(bench.actions() == ["close", "lost 0", "a: disconnected", "b: disconnected", "d: disconnected"])
        #expect(bench.machine.requestCount == 1)
        // Without a connection, requests do not wait for slots.
        #expect(bench.quota.waiting == 0)
        bench.pass(second)
        #expect(bench.actions() == ["connect"])
        bench.connect()
        #expect(bench.actions() == ["ready"])
        // Both slots were in use when the stream was lost, so it waits a window from then.
        bench.now = at(1_030 * second)
        #expect(!bench.sent().contains { $0.hasPrefix("c") })
        bench.now += 1
        #expect(bench.sent().contains { $0.hasPrefix("c") })
    }

    @Test func requestsSentOutOfOrderCompleteInTheOrderAsked() {
        let bench = Bench.ready(limit: 1)
        bench.ask("a")
        bench.ask("b")
        bench.ask("c", 1002)
        #expect(bench.sent() == ["a 2", "c 3"])
        #expect(bench.receive(2) == "a")
        bench.now += 30 * second + 1
        #expect(bench.sent() == ["b 4"])
        bench.lose()
        #expect(bench.actions() == ["close", "lost 0", "b: disconnected", "c: disconnected"])
    }

    @Test func withoutReconnectALostStreamIsTheEnd() {
        let bench = Bench.ready(limit: 1) { $0.reconnects = false }
        for name in ["a", "b"] { bench.ask(name) }
        #expect(bench.sent() == ["a 2"])
        bench.lose()
        #expect(bench.actions() == ["close", "lost 0", "a: disconnected", "b: disconnected unsent"])
        #expect(bench.tryAsk("c") == .failure(.init(status: .notConnected)))
        #expect(bench.state.hasPrefix("failed closed. This is final"))
        #expect(bench.quota.waiting == 0)
    }

    @Test func aReleaseCompletesEverythingAndSaysNothingElse() {
        let bench = Bench.ready(limit: 1)
        for name in ["a", "b"] { bench.ask(name) }
        bench.ask("c", 1002)
        _ = bench.sent()
        bench.release()
        #expect(bench.actions() == ["close", "a: released", "b: released unsent", "c: released", "closed"])
        #expect(bench.tryAsk("d") == .failure(.init(status: .released)))
        #expect(bench.receive(2) == "nothing" && bench.sent().isEmpty)
        bench.release()
        bench.lose()
        bench.tick()
        #expect(bench.actions().isEmpty && bench.machine.wakeAt == .max)
    }

    @Test func aReleaseKeepsCompletionsThatWereDueAndDropsNotices() {
        let bench = Bench.ready { $0.wantsLog = true }
        bench.ask("a")
        _ = bench.sent()
        bench.lose()
        bench.release()
        #expect(bench.actions() == ["close", "a: disconnected", "closed"])
    }

    @Test func aReleaseWhileConnectingEndsTheAttempt() {
        let bench = Bench()
        bench.ask("a")
        bench.release()
        #expect(bench.actions() == ["close", "a: released unsent", "closed"])
    }

    @Test func anAttemptThatTakesTooLongFails() {
        let bench = Bench { $0.connectTimeout = 5 * second }
        _ = bench.actions()
        bench.pass(5 * second - 1)
        #expect(bench.actions().isEmpty)
        bench.pass(1)
        #expect(bench.actions() == ["close"])
        #expect(bench.machine.lastCause?.status == .connectTimeout && bench.machine.lastCause?.kind == .connect)
    }

    @Test func anUnansweredInitConnectIsATimeOutOfItsOwn() {
        let bench = Bench { $0.connectTimeout = 5 * second }
        _ = bench.actions()
        bench.pass(3 * second)
        bench.machine.connected(bench.now)
        _ = bench.sent()
        bench.pass(2 * second)
        #expect(bench.actions() == ["close"])
        #expect(bench.machine.lastCause?.kind == .initConnect)
        #expect(bench.machine.lastCause?.code == Cause.InitConnectCode.timeout)
    }

    @Test func aStreamLostDuringTheHandshakeIsAFailedAttempt() {
        let bench = Bench()
        bench.machine.connected(bench.now)
        _ = bench.sent()
        _ = bench.actions()
        bench.lose()
        #expect(bench.actions() == ["close"])
        #expect(bench.machine.lastCause?.status == .connectFailed)
        #expect(bench.machine.lastCause?.code == Cause.InitConnectCode.disconnected)
    }

    @Test func pausesGrowToTheirLimitAndAreCutByAtMostHalf() {
        let bench = Bench {
            $0.minBackoff = 100 * millisecond
            $0.maxBackoff = 1_000 * millisecond
            $0.seed = 7
        }
        var longest: Int64 = 100
        for _ in 0..<12 {
            _ = bench.actions()
            bench.fail(Bench.unreachable)
            let pause = bench.machine.wakeAt - bench.now
            #expect(pause <= longest * millisecond && pause >= longest * millisecond / 2)
            longest = min(longest * 2, 1_000)
            bench.pass(pause)
            #expect(bench.actions() == ["close", "connect"])
        }
        bench.connect()
        bench.pass(999 * millisecond)
        bench.lose()
        #expect(bench.machine.wakeAt - bench.now > 100 * millisecond, "accepted and soon dropped: no new beginning")
        bench.pass(1_000 * millisecond)
        bench.connect()
        bench.pass(1_000 * millisecond)
        bench.lose()
        #expect(bench.machine.wakeAt - bench.now <= 100 * millisecond, "the stream lasted")
    }

    @Test func jitterDiffersFromSeedToSeed() {
        let pauses = (1...20).map { seed -> TimeAmount in
            let bench = Bench { $0.seed = UInt64(seed) }
            bench.fail(Bench.unreachable)
            return bench.machine.wakeAt - bench.now
        }
        #expect(Set(pauses).count > 15)
    }
}
