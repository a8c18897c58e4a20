import CCapDist
import Testing
@testable import Core

@Suite struct PartsTests {
    @Test func statusesAreTheHeaders() {
        let header: [(Status, Int)] = [
            (.ok, CAPDIST_OK), (.refused, CAPDIST_REFUSED), (.rateLimited, CAPDIST_RATE_LIMITED),
            (.queueTimeout, CAPDIST_QUEUE_TIMEOUT), (.replyTimeout, CAPDIST_REPLY_TIMEOUT),
            (.disconnected, CAPDIST_DISCONNECTED), (.malformedReply, CAPDIST_MALFORMED_REPLY),
            (.cancelled, CAPDIST_CANCELLED), (.released, CAPDIST_RELEASED),
            (.connectFailed, CAPDIST_CONNECT_FAILED), (.connectTimeout, CAPDIST_CONNECT_TIMEOUT),
            (.connectRefused, CAPDIST_CONNECT_REFUSED), (.protocolError, CAPDIST_PROTOCOL_ERROR),
            (.encryptionFailed, CAPDIST_ENCRYPTION_FAILED), (.tlsFailed, CAPDIST_TLS_FAILED),
            (.invalidArgument, CAPDIST_INVALID_ARGUMENT), (.queueFull, CAPDIST_QUEUE_FULL),
            (.quotaExhausted, CAPDIST_QUOTA_EXHAUSTED), (.notConnected, CAPDIST_NOT_CONNECTED),
            (.wouldDeadlock, CAPDIST_WOULD_DEADLOCK), (.busy, CAPDIST_BUSY), (.forked, CAPDIST_FORKED),
            (.unsupported, CAPDIST_UNSUPPORTED), (.needsAddress, CAPDIST_NEEDS_ADDRESS),
            (.quotaConflict, CAPDIST_QUOTA_CONFLICT), (.notFound, CAPDIST_NOT_FOUND),
            (.systemError, CAPDIST_SYSTEM_ERROR),
        ]
        for (status, number) in header { #expect(Int(status.rawValue) == number) }
        #expect(Set(header.map(\.0)) == Set(Status.allCases))
    }

    @Test func kindsCodesAndLevelsAreTheHeaders() {
        let kinds: [(Cause.Kind, Int)] = [
            (.create, CAPDIST_ERR_KIND_CREATE), (.nameNotFound, CAPDIST_ERR_KIND_NAME_NOT_FOUND),
            (.connect, CAPDIST_ERR_KIND_CONNECT), (.select, CAPDIST_ERR_KIND_SELECT), (.send, CAPDIST_ERR_KIND_SEND),
            (.receive, CAPDIST_ERR_KIND_RECEIVE), (.initConnect, CAPDIST_ERR_KIND_INIT_CONNECT),
        ]
        for (kind, number) in kinds { #expect(Int(kind.rawValue) == number) }
        #expect(Int(Cause.InitConnectCode.timeout) == CAPDIST_INIT_CONNECT_TIMEOUT)
        #expect(Int(Cause.InitConnectCode.disconnected) == CAPDIST_INIT_CONNECT_DISCONNECTED)
        #expect(Int(Cause.InitConnectCode.notSent) == CAPDIST_INIT_CONNECT_NOT_SENT)
        #expect(Int(Cause.InitConnectCode.refused) == CAPDIST_INIT_CONNECT_REFUSED)
        #expect(Int(LogLevel.error.rawValue) == CAPDIST_LOG_ERROR && Int(LogLevel.debug.rawValue) == CAPDIST_LOG_DEBUG)
        #expect(Cause(.connectFailed, .connect, 111, "").errCode == 6 << 32 | 111)
    }

    @Test(
        arguments: [
            ("获取资金分布频率太高，请求失败，每30秒最多30次。", 30), ("获取资金分布频率太高，请求失败，每30秒最多30次", 30),
            ("每1秒最多2次", 1), ("每600秒最多1次", 600), ("每601秒最多1次", nil), ("每0秒最多1次", nil),
            ("Get Capital Flow is too frequent, request failed, no more than 30 times every 30 seconds.", 30),
            ("Get Capital Flow is too frequent，request failed，no more than 10 times every 60 seconds。", 60),
            ("GET CAPITAL DISTRIBUTION IS TOO FREQUENT. NO MORE THAN 30 TIMES EVERY 30 SECONDS", 30),
            ("no more than 5 times every 1 second", 1), ("no more than 5, no more than 6 times every 7 seconds", 7),
            ("此协议请求太频繁，触发了频率限制，请稍后再试", nil), ("此协议请求太频繁,触发了频率限制,请稍后再试.", nil),
            ("This protocol request is too frequent, triggering a frequency limit, please try again later", nil),
            ("this protocol request is Too Frequent", nil), ("triggering a Frequency Limit", nil), ("触发了频率限制", nil),
            ("too frequent, no more than 30 times every 9999 seconds", nil), ("频率太高，每 30 秒最多 30 次", 30),
            ("频率太高", nil), ("x频率太高每秒", nil), ("频率太高，每每5秒最多3次", 5), ("每9999999999999秒最多1次频率太高", nil),
        ] as [(String, Int64?)])
    func refusalsForFrequencyAreKnown(_ text: String, _ seconds: Int64?) {
        let refusal = text.withCString { FrequencyRefusal($0) }
        #expect(refusal != nil)
        #expect(refusal?.seconds == seconds)
    }

    @Test(arguments: [
        "", "未知股票", "每30秒", "每秒最多30次", "每３０秒最多３０次", "每30秒最多次", "每", "每3", "Unknown stock 0005", "frequent",
        "no more than", "no more than 30 times every", "no more than 30 times every 30", "too  frequent", "网络中断",
    ])
    func otherTextsAreNot(_ text: String) {
        #expect(text.withCString { FrequencyRefusal($0) } == nil)
    }

    @Test func answersToRetryAreTheHeaders() {
        let header: [(Retry, Int)] = [
            (.unknown, CAPDIST_RETRY_UNKNOWN), (.never, CAPDIST_RETRY_NEVER), (.later, CAPDIST_RETRY_LATER),
            (.afterWait, CAPDIST_RETRY_AFTER),
        ]
        for (retry, number) in header { #expect(Int(retry.rawValue) == number) }
        #expect(Set(header.map(\.0)) == Set(Retry.allCases))
    }

    @Test(
        arguments: [
            ("网络中断", -1, .later), ("获取失败：网络中断。", -1, .later), ("NN_ProtoRet_TimeOut", -1, .later),
            ("nn_protoret_timeout", -1, .later), ("NN_ProtoRet_ByDisConnOrCacnel", -1, .later),
            ("未知股票 US.AAPL", -1, .never), ("Unknown stock 0005", -1, .never), ("UNKNOWN STOCK 0005", -1, .never),
            ("行情权限不足", -1, .never), ("暂不支持美股指数", -1, .never), ("该接口仅支持正股", -1, .never), ("未知的协议ID", -1, .never),
            ("NN_ProtoRet_SvrFailed", -1, .unknown), ("", -1, .unknown), ("whatever", -1, .unknown), ("", 7, .unknown),
            ("", -100, .later), ("", -200, .later), ("", -400, .unknown), ("", -500, .never), ("未知股票", -100, .never),
        ] as [(String, Int32, Retry)])
    func aRefusalTellsWhetherToTryAgain(_ text: String, _ retType: Int32, _ retry: Retry) {
        #expect(text.withCString { Retry(refusal: $0, retType: retType) } == retry)
    }

    @Test func aTextThatEndsInsideACharacterIsReadSafely() {
        let whole = Array("频率太高，请求失败，每30秒最多30次".utf8)
        for length in 0...whole.count {
            let cut = whole.prefix(length).map { CChar(bitPattern: $0) } + [0]
            let refusal = cut.withUnsafeBufferPointer { buffer in buffer.baseAddress.flatMap { FrequencyRefusal($0) } }
            #expect((refusal != nil) == (length >= "频率太高".utf8.count))
        }
    }

    @Test(arguments: [
        "127.0.0.1", "127.1", "127.0.0.2", "localhost", "LOCALHOST", "localhost.", "::1", "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1", "0.0.0.0", "::",
    ])
    func loopbackIsKnownByAllItsNames(_ host: String) {
        #expect(Resolver.isLoopback(host))
        #expect(Resolver.inPlace(host, 1)?.isEmpty == false)
    }

    @Test(arguments: ["10.0.0.1", "192.168.1.20", "2001:db8::1", "::ffff:10.0.0.1", "example", "127.0.0.1.example", ""])
    func otherHostsAreNotLoopback(_ host: String) {
        #expect(!Resolver.isLoopback(host))
    }

    @Test func anAddressIsToldFromOthers() throws {
        func bytes(_ host: String, _ port: UInt16) throws -> [UInt8] {
            try #require(Resolver.inPlace(host, port)?.first).bytes
        }
        let one = try bytes("127.0.0.1", 11111)
        #expect(try one == bytes("127.1", 11111))
        for (host, port) in [("127.0.0.2", 11111), ("127.0.0.1", 11112), ("::1", 11111)] as [(String, UInt16)] {
            #expect(try one != bytes(host, port))
        }
    }

    @Test func namesAreNotResolvedInPlace() {
        #expect(Resolver.inPlace("example.invalid", 1) == nil)
        #expect(Resolver.inPlace("10.1.2.3", 1)?.count == 1)
        #expect(Resolver.inPlace("localhost", 1)?.map(\.family).count == 2)
    }

    @Test func aGroupsHistoryOutlivesItsConnectionsByAWindow() throws {
        let registry = QuotaRegistry()
        let first = try #require(registry.join("g", limit: 1, window: 10, 0) {})
        #expect(registry.join("g", limit: 2, window: 10, 0) {} == nil)
        #expect(registry.join("g", limit: 1, window: 11, 0) {} == nil)
        #expect(registry.join("other", limit: 2, window: 10, 0) {} != nil)
        #expect(first.quota.with { $0.reserve(first.member, 0) })
        first.quota.with { _ = $0.confirm(5) }
        registry.leave(first)
        let second = try #require(registry.join("g", limit: 1, window: 10, 6) {})
        #expect(!second.quota.with { $0.reserve(second.member, 15) })
        registry.leave(second)
        // Without members the group accepts another limit, and keeps its history.
        let third = try #require(registry.join("g", limit: 1, window: 20, 15) {})
        #expect(!third.quota.with { $0.reserve(third.member, 25) })
        #expect(third.quota.with { $0.reserve(third.member, 26) })
    }

    @Test func whoWaitsIsWokenAndWhoLeftIsNot() throws {
        final class Count: @unchecked Sendable { var wakes = 0 }
        let (count, registry) = (Count(), QuotaRegistry())
        let a = try #require(registry.join("g", limit: 1, window: 10, 0) { count.wakes += 1 })
        let b = try #require(registry.join("g", limit: 1, window: 10, 0) {})
        #expect(b.quota.with { $0.reserve(b.member, 0) })
        a.quota.with { $0.setWaiting(a.member, 1) }
        b.quota.with { _ = $0.confirm(1) }
        #expect(count.wakes == 1)
        registry.leave(a)
        #expect(b.quota.with { $0.waiting } == 0)
        b.quota.with { $0.giveBack() }
        #expect(count.wakes == 1)
    }
}
