import Codec
import Testing

@testable import Simulator

/// The gateway's trace.
@Suite struct TraceTests {
    @Test func aLifeIsTold() throws {
        let gateway = VirtualGateway(traces: true) {
            $0.unixTimeAtZero = 1_654_656_261 * second
            $0.pushInterval = 4 * second
            $0.quota = (1, second)
        }
        gateway.tick()
        try gateway.greet(7, recvNotify: true)
        gateway.now = 1_500_000_000
        _ = try gateway.ask(Requests.figures(2), from: 7)
        _ = try gateway.ask(Requests.figures(3), from: 7)
        _ = try gateway.ask(Requests.keepAlive(4, time: 99), from: 7)
        gateway.now = 4 * second
        gateway.tick()
        gateway.close(7)
        gateway.close(7)

        let told = try gateway.trace()
        #expect(
            told.map { $0["event"] as? String }
                == ["connected", "request", "request", "request", "request", "push", "closed"])
        #expect(told.allSatisfy { $0["client"] as? Int == 7 })
        #expect(
            told.map { $0["time_ms"] as? Int }
                == [0, 0, 1_500, 1_500, 1_500, 4_000, 4_000].map { 1_654_656_261_000 + $0 })
        let message = told[1]
        #expect(message["proto_id"] as? Int == 1001)
        #expect(message["serial_no"] as? Int == 1)
        #expect(message["client_id"] as? String == "test")
        #expect(message["client_version"] as? Int == 101)
        #expect(message["programming_language"] as? String == "Swift")
        #expect(message["recv_notify"] as? Bool == true)
        #expect(message["refused"] == nil)
        #expect(told[2]["market"] as? Int == 1)
        #expect(told[2]["code"] as? String == "00700")
        #expect(told[2]["refused"] == nil)
        #expect(told[3]["refused"] as? String == "获取资金分布频率太高，请求失败，每1秒最多1次。")
        #expect(told[4]["time"] as? Int == 99)
    }

    @Test func droppedSaysWhy() throws {
        let gateway = VirtualGateway(traces: true)
        gateway.connect(1)
        gateway.now = 30 * second
        gateway.tick()
        // It is over: what the driver says after that is no news.
        gateway.close(1)
        let told = try gateway.trace()
        #expect(told.map { $0["event"] as? String } == ["connected", "dropped"])
        #expect(told[1]["why"] as? String == "not heard from for 30 s")
    }

    /// `trace()` decodes every line. A code may be any bytes that the client sent.
    @Test func anyTextIsJSON() throws {
        let gateway = VirtualGateway(traces: true) { $0.quota = nil }
        try gateway.greet()
        let codes = [
            "\"", "\\", "\\\"}", "\n", "\r\n\t", "\u{1}\u{1f}\u{7f}", "腾讯", "\u{2028}", "😀", "{}[],:", "",
        ]
        for code in codes {
            _ = try gateway.ask(Requests.figures(2, .hk, code))
            #expect(try gateway.trace().last?["code"] as? String == code)
        }
    }

    @Test func invalidUTF8IsRepaired() throws {
        let gateway = VirtualGateway(traces: true)
        try gateway.greet()
        // C2S { security { market: 1, code: ff fe 41 } }
        let body: [UInt8] = [0x0a, 0x09, 0x0a, 0x07, 0x08, 0x01, 0x12, 0x03, 0xff, 0xfe, 0x41]
        #expect(
            try gateway.ask(Requests.frame(ProtoID.getCapitalDistribution, 2, body)).head().retMsg
                == "未知股票 HK.\u{fffd}\u{fffd}A")
        #expect(try gateway.trace().last?["code"] as? String == "\u{fffd}\u{fffd}A")
    }
}
