import Codec

/// The gateway's texts, in the language of its setting `lang`. docs/simulator.md tells which of them were seen of real
/// gateways; the others are this program's own.
package struct Words: Equatable, Sendable {
    package enum Language: String, CaseIterable, Sendable {
        case chs, en
    }

    package var language = Language.chs
    /// Use older words for too many requests, without numbers.
    package var isOld = false

    package init(_ language: Language = .chs, isOld: Bool = false) {
        self.language = language
        self.isOld = isOld
    }

    // MARK: - Seen of real gateways in both languages

    package func tooFrequent(limit: Int, seconds: Int64) -> String {
        if isOld {
            return chosen(
                "此协议请求太频繁，触发了频率限制，请稍后再试",
                "This protocol request is too frequent, triggering a frequency limit, please try again later")
        }
        return chosen(
            "获取资金分布频率太高，请求失败，每\(seconds)秒最多\(limit)次。",
            "Get Capital Distribution is too frequent, request failed, no more than \(limit) times every "
                + "\(seconds) seconds.")
    }

    func unknownStock(market: Int32, code: String) -> String {
        chosen("未知股票 \(SecurityText.of(market: market, code: code))", "Unknown stock \(code)")
    }

    /// OpenD's own timeout, in both languages.
    package var upstreamTimeout: String { "NN_ProtoRet_TimeOut" }

    // MARK: - Seen in Chinese

    package var upstreamLost: String { chosen("网络中断", "Network interrupted") }
    package var noQuoteRight: String { chosen("行情权限不足", "No right to this quote") }
    var noUSIndex: String { chosen("暂不支持美股指数", "US indexes are not supported yet") }
    var wrongInterface: String { chosen("该接口仅支持正股", "This interface supports ordinary shares only") }
    var unknownProtocol: String { chosen("未知的协议ID", "Unknown protocol ID") }
    /// The refusal of InitConnect before the login.
    package var notLoggedIn: String { chosen("需要手机验证码", "A phone verification code is needed") }

    // MARK: - This program's own

    var wrongDigest: String { chosen("SHA-1与请求内容不符", "The SHA-1 is not that of the request's body") }
    var malformed: String { chosen("解析请求失败", "The request cannot be read") }
    var tooEarly: String { chosen("请先发送InitConnect", "InitConnect must come first") }
    var onDemand: String { chosen("出错了 (on demand)", "Something went wrong (on demand)") }
    var initRefused: String { chosen("拒绝连接 (on demand)", "refused on demand") }

    /// - Parameter request: the request.
    func notRecorded(_ request: String) -> String {
        chosen("录制文件中没有此请求的应答: \(request)", "The recording has no answer to this request: \(request)")
    }

    private func chosen(_ chs: String, _ en: String) -> String { language == .chs ? chs : en }
}

/// The text of a stock, as people write it.
enum SecurityText {
    /// With the market's number if it has no name.
    static func of(market: Int32, code: String) -> String {
        "\(Market(rawValue: market).map { "\($0.prefix)" } ?? "\(market)").\(code)"
    }
}
