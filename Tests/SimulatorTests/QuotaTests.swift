import Codec
import Testing

@testable import Simulator

/// The gateway's count of requests (docs/protocol.md, The quota).
@Suite struct QuotaTests {
    private static let refusal = "获取资金分布频率太高，请求失败，每30秒最多30次。"

    /// Whether a request at that time is answered with figures.
    private func isAdmitted(_ gateway: VirtualGateway, at now: Instant, from client: Int = 1) throws -> Bool {
        gateway.now = now
        return try gateway.ask(Requests.figures(2), from: client).head().retType == RetType.succeed
    }

    @Test func theThirtyFirstMustBeMoreThanAWindowAfterTheFirst() throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        for index in 0..<30 { #expect(try isAdmitted(gateway, at: 1_000 + Instant(index))) }
        #expect(try !isAdmitted(gateway, at: 1_029))
        #expect(try !isAdmitted(gateway, at: 30 * second + 999))
        #expect(try !isAdmitted(gateway, at: 30 * second + 1_000))
        #expect(try isAdmitted(gateway, at: 30 * second + 1_001))
        // The second was counted a nanosecond after the first.
        #expect(try !isAdmitted(gateway, at: 30 * second + 1_001))
        #expect(try isAdmitted(gateway, at: 30 * second + 1_002))
    }

    @Test func refusedRequestsDoNotCount() throws {
        let gateway = VirtualGateway { $0.quota = (1, second) }
        try gateway.greet()
        #expect(try isAdmitted(gateway, at: 0))
        for at in 1...100 { #expect(try !isAdmitted(gateway, at: Instant(at) * second / 100)) }
        #expect(try isAdmitted(gateway, at: second + 1))
    }

    @Test func allClientsAreCountedTogether() throws {
        let gateway = VirtualGateway { $0.quota = (3, second) }
        for client in 1...4 { try gateway.greet(client) }
        for client in 1...3 { #expect(try isAdmitted(gateway, at: Instant(client), from: client)) }
        #expect(try !isAdmitted(gateway, at: 4, from: 4))
        // Connecting again does not help.
        gateway.close(1)
        try gateway.greet(5)
        #expect(try !isAdmitted(gateway, at: 5, from: 5))
    }

    @Test func theTextIsOpenDsAndNamesTheFigures() throws {
        let standard = VirtualGateway()
        try standard.greet()
        for _ in 0..<30 { _ = try standard.ask(Requests.figures(2)) }
        let vectorName =
            "Qot_GetCapitalDistribution.Response (rate limited; wording inferred from the vendor's other interfaces)"
        // OpenD's errCode of 0 is there, too.
        let expected = try decode(vector(vectorName), AnyResponse.init)
        #expect(
            try standard.ask(Requests.figures(3)).head()
                == AnyResponse(retType: expected.retType, retMsg: expected.retMsg, errCode: 0))

        let other = VirtualGateway { $0.quota = (2, 7 * second) }
        try other.greet()
        for _ in 0..<2 { _ = try other.ask(Requests.figures(2)) }
        let head = try other.ask(Requests.figures(3)).head()
        #expect(head.retMsg == "获取资金分布频率太高，请求失败，每7秒最多2次。")
        #expect(head.retType == RetType.failed)
    }

    @Test func countedIsWhatWasReadAndNotTooFrequent() throws {
        let gateway = VirtualGateway { $0.quota = (2, second) }
        try gateway.greet()
        // No other protocol counts.
        for serial in UInt32(2)...20 {
            _ = try gateway.ask(Requests.keepAlive(serial))
            _ = try gateway.ask(Requests.globalState(serial))
        }
        // A request for an unknown stock counts.
        #expect(try gateway.ask(Requests.figures(21, .hk, "99999")).head().retMsg == "未知股票 HK.99999")
        #expect(try isAdmitted(gateway, at: 0))
        #expect(try !isAdmitted(gateway, at: 0))
    }

    @Test func withoutOneNothingIsRefused() throws {
        let gateway = VirtualGateway { $0.quota = nil }
        try gateway.greet()
        for _ in 0..<1_000 { #expect(try isAdmitted(gateway, at: 0)) }
    }

    @Test func anyScheduleIsJudgedAsByCounting() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let (limit, window) = (Int.random(in: 1...8, using: &random), Instant.random(in: 1...50, using: &random))
            var quota = QuotaWindow(limit: limit, window: window)
            var (now, counted, refused): (Instant, [Instant], Int) = (0, [], 0)
            for _ in 0..<300 {
                now += Instant.random(in: 0...12, using: &random)
                let isFree = counted.count(where: { now - $0 <= window }) < limit
                #expect(quota.admits(now) == isFree)
                if isFree { counted.append(now) } else { refused += 1 }
            }
            #expect(counted.count + refused == 300)
        }
    }
}
