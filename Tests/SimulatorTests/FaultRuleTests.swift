import Codec
import Foundation
import Testing

@testable import Simulator

/// Rules as text, and their effect on connections and frames.
@Suite struct FaultRuleTests {
    @Test(arguments: [
        ("never", FaultRule(.fault(.never, nil))), ("late", FaultRule(.fault(.late, 2_000))),
        ("late=0", FaultRule(.fault(.late, 0))), ("ret-type=-500@1/7", FaultRule(.fault(.retType, -500), .oneIn(7))),
        ("nan@HK.00005", FaultRule(.fault(.nan, nil), .stock(market: 1, code: "00005"))),
        ("nan@US.BRK.B", FaultRule(.fault(.nan, nil), .stock(market: 11, code: "BRK.B"))),
        ("never@1001", FaultRule(.fault(.never, nil), .proto(1001))), ("any", FaultRule(.any)),
        ("any@1/5", FaultRule(.any, .oneIn(5))), ("restart=3", FaultRule(.fault(.restart, 3))),
        ("accept-close@1/2", FaultRule(.fault(.acceptClose, nil), .oneIn(2))),
        ("keep-alive=-2147483648", FaultRule(.fault(.keepAlive, -2_147_483_648))),
    ])
    func isRead(_ text: String, _ rule: FaultRule) throws { #expect(try FaultRule(text) == rule) }

    @Test(arguments: Fault.allCases)
    func everyFaultIsReadByItsName(_ fault: Fault) throws {
        #expect(try FaultRule(fault.rawValue) == FaultRule(.fault(fault, fault.argument?.initial)))
        #expect(Self.isRule("\(fault.rawValue)=1") == (fault.argument != nil))
        #expect(Self.isRule("\(fault.rawValue)@1002") == (fault.scope == .frame))
        #expect(Self.isRule("\(fault.rawValue)@1/2") == (fault.scope != .gateway))
    }

    @Test(arguments: [
        ("", "there is no fault "), ("nonsense", "there is no fault nonsense"), ("Never", "there is no fault Never"),
        ("never=1", "never takes no argument"), ("any=1", "any takes no argument"),
        ("late=", "late takes a number from 0 to 3600000, not "),
        ("late=-1", "late takes a number from 0 to 3600000, not -1"),
        ("late=99999999999999999999", "late takes a number from 0 to 3600000, not 99999999999999999999"),
        ("restart=0", "restart takes a number from 1 to 1000000000, not 0"),
        ("nan@", "WHICH is a stock such as HK.00005, a protocol number or 1/N, not "),
        ("nan@1/0", "WHICH is a stock such as HK.00005, a protocol number or 1/N, not 1/0"),
        ("nan@XX.1", "WHICH is a stock such as HK.00005, a protocol number or 1/N, not XX.1"),
        ("nan@HK.", "WHICH is a stock such as HK.00005, a protocol number or 1/N, not HK."),
        ("accept-close@HK.00005", "accept-close affects a client's connection: each one, or 1/N of them"),
        ("restart@1/2", "restart affects the whole gateway"),
    ])
    func isRefusedWithASentence(_ text: String, _ sentence: String) {
        let wrong = #expect(throws: FaultRule.Wrong.self) { try FaultRule(text) }
        #expect(wrong?.text == sentence)
    }

    private static func isRule(_ text: String) -> Bool { (try? FaultRule(text)) != nil }

    // MARK: - What they act on

    /// A plan for expectations.
    private final class Plan {
        private var plan: FaultPlan
        init(_ rules: [String], seed: UInt64) throws {
            plan = FaultPlan(try rules.map { try FaultRule($0) }, seed: seed)
        }
        func connected(_ client: Int) -> Bool { plan.connected(client) }
        func send(_ frame: Gateway.SentFrame, to client: Int, _ now: Instant = 0) -> FaultPlan.Outcome {
            plan.send(frame, to: client, now)
        }
        func restarted() { plan.restarted() }
    }

    private static func frame(_ code: String = "00005", _ protoID: UInt32 = 3212) -> Gateway.SentFrame {
        let request = protoID == 3212 ? CapitalDistributionRequest(market: 1, code: code) : nil
        return .init(protoID: protoID, serialNo: 1, body: [8, 0], request: request)
    }

    private static func plan(_ rules: String..., seed: UInt64 = 1) throws -> Plan {
        let plan = try Plan(rules, seed: seed)
        #expect(!plan.connected(1))
        return plan
    }

    private static let sent: [WireStep] = [.send(frame().bytes)]

    @Test func withoutWhichItIsTheFaultsOwnProtocol() throws {
        let plan = try Self.plan("never", "init-refused", "no-keep-alive")
        #expect(plan.send(Self.frame(), to: 1).steps.isEmpty)
        #expect(plan.send(Self.frame("", 1002), to: 1).steps == [.send(Self.frame("", 1002).bytes)])
        #expect(plan.send(Self.frame("", 1003), to: 1).steps == [.send(Self.frame("", 1003).bytes)])
        #expect(plan.send(Self.frame("", 1004), to: 1).steps.isEmpty)
        #expect(plan.send(Self.frame("", 1001), to: 1).steps != [.send(Self.frame("", 1001).bytes)])
    }

    @Test func stockAndProtocolAreChosen() throws {
        let plan = try Self.plan("never@HK.00005", "reset@1004", "duplicate")
        #expect(plan.send(Self.frame(), to: 1).steps.isEmpty)
        #expect(plan.send(Self.frame("00006"), to: 1).steps == Self.sent + Self.sent)
        #expect(plan.send(Self.frame("", 1004), to: 1).steps == [.reset])
        #expect(plan.send(Self.frame("", 1001), to: 1).steps == [.send(Self.frame("", 1001).bytes)])
    }

    @Test func oneInSoManyIsDrawnFromTheSeed() throws {
        func hits(_ seed: UInt64) throws -> [Bool] {
            let plan = try Self.plan("never@1/4", seed: seed)
            return (0..<1_000).map { _ in plan.send(Self.frame(), to: 1).steps.isEmpty }
        }
        let first = try hits(1)
        let count = first.count { $0 }
        #expect((180...320).contains(count))
        #expect(try hits(1) == first)
        #expect(try hits(2) != first)
    }

    @Test func anyIsEachOfThemInTime() throws {
        let plan = try Self.plan("any@1/5")
        var kinds: Set<String> = []
        var plain = 0
        for _ in 0..<5_000 {
            let steps = plan.send(Self.frame(), to: 1).steps
            if steps == Self.sent { plain += 1 }
            kinds.insert(steps.first.map { String("\($0)".prefix(6)) } ?? "")
        }
        // Some change nothing, since this frame has no amounts, no texts and no cipher.
        #expect((3_900...4_350).contains(plain))
        #expect(kinds.isSuperset(of: ["", "reset", "sendLa", "hold([", "send(["]))
        #expect(Fault.ofAnswers.count == Fault.allCases.count - 12)
    }

    /// The vendor's servers are lost once for the given time; with a chance, they are lost again.
    @Test func anOutageLasts() throws {
        let lost = try Self.plan("upstream-lost=5@HK.00005", "duplicate@HK.00006")
        func isLost(_ plan: Plan, _ now: Instant, _ code: String = "00005") -> Bool {
            guard case .send(let bytes)? = plan.send(Self.frame(code), to: 1, now).steps.first else { return false }
            return (try? answers(bytes).first?.head()) == AnyResponse(retType: -1, retMsg: "网络中断", errCode: 0)
        }
        #expect(!isLost(lost, 1 * second, "00006"))
        #expect([2, 3, 6].allSatisfy { isLost(lost, $0 * second) })
        #expect(!isLost(lost, 4 * second, "00007"))
        #expect(lost.send(Self.frame("00006"), to: 1, 4 * second).steps.count == 2)
        #expect(![7, 8, 100].contains { isLost(lost, $0 * second) })
        lost.restarted()
        #expect(!lost.connected(1))
        #expect(isLost(lost, 200 * second))

        let chance = try Self.plan("upstream-lost=10@1/10", seed: 1)
        let told = (0..<2_000).map { isLost(chance, Instant($0) * second) }
        let begun = told.indices.filter { told[$0] && ($0 == 0 || !told[$0 - 1]) }
        #expect((50...150).contains(begun.count))
        for start in begun where start + 10 < told.count { #expect(told[start..<(start + 10)].allSatisfy { $0 }) }
    }

    @Test func connectionsByChanceAndByCount() throws {
        let closing = try Plan(["accept-close@1/2"], seed: 1)
        let closed = (0..<200).count { closing.connected($0) }
        #expect((70...130).contains(closed))

        let dropping = try Self.plan("drop-after=2")
        #expect(dropping.send(Self.frame("", 1001), to: 1).steps.count == 1)
        #expect(dropping.send(Self.frame(), to: 1).steps == Self.sent)
        #expect(dropping.send(Self.frame(), to: 1).steps == Self.sent + [.close])
        #expect(!dropping.connected(2))
        #expect(dropping.send(Self.frame(), to: 2).steps == Self.sent)

        let silent = try Self.plan("accept-silent")
        #expect(silent.send(Self.frame("", 1001), to: 1) == .init())

        let deaf = try Self.plan("stop-reading=2")
        #expect(deaf.send(Self.frame("", 1003), to: 1).stopsReading == false)
        #expect(deaf.send(Self.frame(), to: 1) == .init(steps: Self.sent))
        #expect(deaf.send(Self.frame(), to: 1) == .init(steps: Self.sent, stopsReading: true))
        #expect(deaf.send(Self.frame(), to: 1) == .init(stopsReading: true))
        #expect(deaf.send(Self.frame("", 1003), to: 1) == .init())
    }

    @Test func restartCountsOverAllConnectionsAndAgain() throws {
        let plan = try Self.plan("restart=3")
        for _ in 0..<2 {
            #expect(!plan.connected(1) && !plan.connected(2))
            #expect(!plan.send(Self.frame(), to: 1).restarts)
            #expect(!plan.send(Self.frame("", 1003), to: 1).restarts)
            #expect(!plan.send(Self.frame(), to: 2).restarts)
            #expect(plan.send(Self.frame(), to: 1) == .init(restarts: true))
            plan.restarted()
            // Earlier clients are forgotten.
            #expect(plan.send(Self.frame(), to: 2) == .init())
        }
    }

    // MARK: - Their order on a connection

    private static func actions(_ schedule: inout SendSchedule, _ now: Instant) -> [SendSchedule.Action] {
        var actions: [SendSchedule.Action] = []
        while let action = schedule.next(now) { actions.append(action) }
        return actions
    }

    @Test func piecesGoOutApartAndNothingGetsBetween() {
        var schedule = SendSchedule()
        schedule.add([.send([1]), .send([2]), .send([3])], at: 0, 0)
        schedule.add([.send([4]), .close], at: 0, 0)
        #expect(Self.actions(&schedule, 0) == [.send([1])])
        #expect(schedule.nextTime == SendSchedule.pieceGap)
        #expect(Self.actions(&schedule, SendSchedule.pieceGap) == [.send([2])])
        #expect(Self.actions(&schedule, 2 * SendSchedule.pieceGap) == [.send([3]), .send([4]), .close])
        #expect(schedule.nextTime == nil)
    }

    @Test func pongComesBetweenTwoFrames() {
        var schedule = SendSchedule()
        schedule.add([.send([1]), .send([2]), .send([3])], at: 0, 0)
        schedule.add([.send([4])], at: 0, 0)
        #expect(Self.actions(&schedule, 0) == [.send([1])])
        schedule.addBetween([9])
        #expect(Self.actions(&schedule, SendSchedule.pieceGap) == [.send([2])])
        #expect(Self.actions(&schedule, 2 * SendSchedule.pieceGap) == [.send([3]), .send([9]), .send([4])])
        schedule.addBetween([9])
        #expect(Self.actions(&schedule, 2 * SendSchedule.pieceGap) == [.send([9])])
    }

    @Test func lateOnesAreOvertakenAndKeepTheirOrder() {
        var schedule = SendSchedule()
        schedule.add([.sendLater([1], 50)], at: 0, 0)
        schedule.add([.sendLater([2], 50)], at: 0, 0)
        schedule.add([.send([3])], at: 20, 0)
        #expect(schedule.nextTime == 20)
        #expect(Self.actions(&schedule, 19).isEmpty)
        #expect(Self.actions(&schedule, 20) == [.send([3])])
        #expect(Self.actions(&schedule, 49).isEmpty)
        #expect(Self.actions(&schedule, 50) == [.send([1]), .send([2])])
    }

    @Test func heldOnesGoWithTheNextOrInTime() {
        var schedule = SendSchedule()
        schedule.add([.hold([1], .glued)], at: 0, 0)
        #expect(schedule.nextTime == Fault.longestHold)
        schedule.add([.hold([2], .glued)], at: 5, 5)
        #expect(Self.actions(&schedule, 5) == [.send([1, 2])])
        schedule.add([.hold([3], .after)], at: 6, 6)
        schedule.add([.send([4]), .send([5])], at: 7, 7)
        #expect(Self.actions(&schedule, 7) == [.send([4])])
        #expect(Self.actions(&schedule, 1 << 40) == [.send([5]), .send([3])])
        schedule.add([.hold([6], .after)], at: 0, 0)
        #expect(Self.actions(&schedule, Fault.longestHold - 1).isEmpty)
        #expect(Self.actions(&schedule, Fault.longestHold) == [.send([6])])
        // The end of the connection waits for nothing, and loses nothing.
        schedule.add([.hold([7], .glued), .close], at: 0, 0)
        #expect(Self.actions(&schedule, 0) == [.send([7]), .close])
        schedule.add([.hold([8], .after)], at: 0, 0)
        schedule.add([.send([9]), .close], at: 0, 0)
        #expect(Self.actions(&schedule, 0) == [.send([8, 9]), .close])
    }

    // MARK: - Words

    /// A row of the table for each, with its arguments and its description.
    @Test func theGuideListsThemAll() throws {
        let guide = try String(contentsOf: root.appending(path: "docs/simulator.md"), encoding: .utf8)
        let begin = try #require(guide.range(of: "\n## Faults\n")).upperBound
        let end = try #require(guide.range(of: "\n## ", range: begin..<guide.endIndex)).lowerBound
        let listed = guide[begin..<end].split(separator: "\n").filter { $0.hasPrefix("| `") }
        let expected = Fault.allCases.map { fault in
            let argument = fault.argument
            let name = fault.rawValue + (argument.map { "=\($0.unit)" } ?? "")
            let values = argument.map { "\($0.initial), \($0.range.lowerBound) to \($0.range.upperBound)" } ?? ""
            let ends = fault.endsConnection ? "ends" : ""
            return "| `\(name)` | \(values) | \(fault.text) | \(ends) |".replacing("  ", with: " ")
        }
        #expect(listed.map { String($0).replacing("  ", with: " ") } == expected)
    }
}
