import Codec
import Testing

@testable import Simulator

/// The gateway's messages, in both languages.
@Suite struct WordsTests {
    private static let chs = Words(.chs)
    private static let en = Words(.en)

    private func said(_ words: Words, _ request: [UInt8], faults: [String] = []) throws -> String? {
        let gateway = VirtualGateway {
            $0.words = words
            $0.quota = (1, 30 * second)
        }
        try gateway.greet()
        let answer = try gateway.ask(request).head()
        #expect(answer.retType == RetType.failed && answer.errCode == 0)
        return answer.retMsg
    }

    @Test(arguments: [
        (Requests.figures(2, .hk, "99999"), "未知股票 HK.99999", "Unknown stock 99999"),
        (Requests.figures(2, .us, ".DJI"), "暂不支持美股指数", "US indexes are not supported yet"),
        (Requests.figures(2, .hk, "800000"), "该接口仅支持正股", "This interface supports ordinary shares only"),
        (Requests.frame(3004, 2, []), "未知的协议ID", "Unknown protocol ID"),
    ])
    func refusals(_ request: [UInt8], _ chs: String, _ en: String) throws {
        #expect(try said(Self.chs, request) == chs)
        #expect(try said(Self.en, request) == en)
    }

    @Test(arguments: [
        (Words(.chs), "获取资金分布频率太高，请求失败，每30秒最多1次。"),
        (
            Words(.en),
            "Get Capital Distribution is too frequent, request failed, no more than 1 times every 30 seconds."
        ),
        (Words(.chs, isOld: true), "此协议请求太频繁，触发了频率限制，请稍后再试"),
        (
            Words(.en, isOld: true),
            "This protocol request is too frequent, triggering a frequency limit, please try again later"
        ),
    ])
    func frequency(_ words: Words, _ text: String) throws {
        let gateway = VirtualGateway {
            $0.words = words
            $0.quota = (1, 30 * second)
        }
        try gateway.greet()
        _ = try gateway.ask(Requests.figures(2)).figures()
        #expect(try gateway.ask(Requests.figures(3)).head() == AnyResponse(retType: -1, retMsg: text, errCode: 0))
        // The fault has the same messages.
        var random = SeededGenerator(seed: 1)
        var frame = Gateway.SentFrame(protoID: 3212, serialNo: 1, body: [8, 0])
        frame.words = words
        guard case .send(let bytes)? = Fault.tooFrequent.apply(30, to: frame, using: &random).first else {
            return #expect(Bool(false))
        }
        let expected = text.replacing("每30秒最多1次", with: "每30秒最多30次").replacing("than 1 times", with: "than 30 times")
        #expect(try answers(bytes).first?.head().retMsg == expected)
    }

    @Test(arguments: [
        (Fault.upstreamLost, "网络中断", "Network interrupted"),
        (.upstreamTimeout, "NN_ProtoRet_TimeOut", "NN_ProtoRet_TimeOut"),
        (.noQuoteRight, "行情权限不足", "No right to this quote"),
        (.retType, "出错了 (on demand)", "Something went wrong (on demand)"),
        (.initRefused, "拒绝连接 (on demand)", "refused on demand"),
    ])
    func faults(_ fault: Fault, _ chs: String, _ en: String) throws {
        for (words, text) in [(Self.chs, chs), (Self.en, en)] {
            var random = SeededGenerator(seed: 1)
            var frame = Gateway.SentFrame(protoID: 3212, serialNo: 1, body: [8, 0])
            frame.words = words
            guard case .send(let bytes)? = fault.apply(to: frame, using: &random).first else {
                throw MessageError.malformed
            }
            #expect(try answers(bytes).first?.head() == AnyResponse(retType: -1, retMsg: text, errCode: 0))
        }
    }

    /// No text of one language occurs in the other. So a client that recognises texts must be tested with both.
    @Test func englishIsASCIIAndChineseIsNot() throws {
        for words in [Self.chs, Self.en] {
            let gateway = VirtualGateway {
                $0.words = words
                $0.refusesLoginFor = second
            }
            gateway.connect(1)
            var wrong = Requests.figures(4)
            wrong[16] ^= 1
            var texts = [try gateway.ask(Requests.initConnect(1)).head().retMsg]
            gateway.now = second
            texts.append(try gateway.ask(Requests.figures(2)).head().retMsg)
            _ = try gateway.ask(Requests.initConnect(3))
            texts.append(try gateway.ask(wrong).head().retMsg)
            texts.append(try gateway.ask(Requests.frame(3212, 5, [0xff])).head().retMsg)
            for text in texts {
                let text = try #require(text)
                #expect(text.allSatisfy(\.isASCII) == (words == Self.en), "\(text)")
                #expect(!text.isEmpty)
            }
        }
    }
}
