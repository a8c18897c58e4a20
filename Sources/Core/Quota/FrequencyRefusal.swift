/// A refusal because of the gateway's rate limit. It is in Chinese or in English, as the gateway's `lang` is set. Older
/// releases use other words, without numbers:
///
///     获取资金分布频率太高，请求失败，每30秒最多30次。
///     Get Capital Distribution is too frequent, request failed, no more than 30 times every 30 seconds.
///     此协议请求太频繁，触发了频率限制，请稍后再试
///     This protocol request is too frequent, triggering a frequency limit, please try again later
package struct FrequencyRefusal: Equatable, Sendable {
    /// The window that the text names, in seconds, if it is from 1 to 600.
    package let seconds: Int64?

    package init(seconds: Int64?) { self.seconds = seconds.flatMap { (1...600).contains($0) ? $0 : nil } }

    /// nil if the text is not such a refusal.
    package init?(_ text: UnsafePointer<CChar>) {
        let words = GatewayWords(text)
        let named = Self.window(words)
        guard named != nil || Self.isMeant(words) else { return nil }
        self.init(seconds: named)
    }

    /// How long to wait: as long as the text says, else one window.
    package func wait(orFor window: TimeAmount) -> TimeAmount { seconds.map { .seconds($0) } ?? window }

    private static func isMeant(_ words: GatewayWords) -> Bool {
        words.contains("频率太高") || words.contains("太频繁") || words.contains("频率限制") || words.contains("too frequent")
            || words.contains("frequency limit")
    }

    /// The seconds of the first `每30秒最多30次` or `no more than 30 times every 30 seconds`.
    private static func window(_ words: GatewayWords) -> Int64? {
        var rest = words
        while rest.skipPast("每") {
            var scan = rest
            if let seconds = scan.number(), scan.skip("秒最多"), scan.number() != nil, scan.skip("次") { return seconds }
        }
        rest = words
        while rest.skipPast("no more than") {
            var scan = rest
            if scan.number() != nil, scan.skip("times every"), let seconds = scan.number(), scan.skip("second") {
                return seconds
            }
        }
        return nil
    }
}
