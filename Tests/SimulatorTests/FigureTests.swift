import Codec
import Foundation
import Testing

@testable import Simulator

@Suite struct FigureTests {
    @Test func theDefaultSetIsTheVectorsBytes() throws {
        struct Vectors: Decodable {
            struct Message: Decodable {
                var message: String
                var bytes: String
            }
            var messages: [Message]
        }
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../vectors/opend.json")
        let vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
        let expected = try #require(vectors.messages.first { $0.message.contains("C++ sample of the seed") })
        let bench = GatewayBench.greeted()
        let request = CapitalDistributionRequest(market: 1, code: "00700").encoded()
        let body = try #require(bench.ask(1, ProtoID.getCapitalDistribution, 2, request).first).2
        #expect(body.map { String(format: "%02x", $0) }.joined() == expected.bytes)
    }

    /// The numbers of the documentation's output blocks, in the order in big, mid, small, out big, mid, small, super in
    /// and out; NaN where the Python block hides a column.
    @Test(
        arguments: [
            (
                .cpp,
                [
                    859_479_380, 763_181_580, 1_011_289_940, 444_405_720, 503_977_520, 807_438_760, 824_967_660,
                    252_818_140,
                ]
            ),
            (
                .csharp,
                [
                    299_700_820, 521_403_800, 740_895_620, 332_038_880, 483_401_260, 682_124_080, 230_158_560,
                    286_481_380,
                ]
            ),
            (
                .java,
                [
                    8.6653274E8, 7.6876998E8, 1.02038782E9, 4.4806512E8, 5.0682792E8, 8.1260248E8, 8.2496766E8,
                    2.6721714E8,
                ]
            ),
            (
                .js,
                [
                    1_586_950_080, 2_861_135_060, 879_906_120, 890_005_200, 2_423_820_040, 799_307_540, 230_158_560,
                    286_481_380,
                ]
            ),
            (.python, [2_141_963_720, .nan, .nan, .nan, .nan, 2.887413E9, 2.261085E9, .nan]),
        ] as [(FigureSet, [Double])])
    func eachSetIsItsSamplesOutput(_ set: FigureSet, _ expected: [Double]) throws {
        let figures = set.figures
        let numbers = [
            figures.inBig, figures.inMid, figures.inSmall, figures.outBig, figures.outMid, figures.outSmall,
            try #require(figures.inSuper), try #require(figures.outSuper),
        ]
        for (number, expected) in zip(numbers, expected) where !expected.isNaN {
            // Two of Python's are printed with seven digits.
            #expect(set == .python ? abs(number - expected) < 500 : number == expected)
        }
        #expect(numbers.allSatisfy { $0 > 0 })
        let seed = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../shared/seeds/get-capital-distribution.txt")
        guard let text = try? String(contentsOf: seed, encoding: .utf8) else { return }
        let updateTime = try #require(figures.updateTime)
        #expect(text.contains(updateTime))
        if set != .java && set != .python { for number in expected { #expect(text.contains(String(Int(number)))) } }
    }

    @Test(arguments: FigureSet.allCases) func hongKongsClockAgreesWithTheTimestamp(_ set: FigureSet) throws {
        try expectAgreement(set.figures, hours: 8)
    }

    @Test(
        arguments: [(1, 8), (11, -4), (21, 8), (22, 8), (31, 8), (41, 9), (51, 10), (61, 8), (71, -4)] as [(Int32, Int)]
    )
    func everyMarketsClockAgreesWithTheTimestamp(_ market: Int32, _ hours: Int) throws {
        try expectAgreement(.derived(market: market, code: "X"), hours: hours)
    }

    private func expectAgreement(_ figures: CapitalDistribution, hours: Int) throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        formatter.timeZone = TimeZone(secondsFromGMT: hours * 3600)
        let text = try #require(figures.updateTime)
        let date = try #require(formatter.date(from: text))
        #expect(date.timeIntervalSince1970 == figures.updateTimestamp)
    }

    @Test func derivedFiguresTellOneSecurityFromAnother() {
        var seen: Set<Double> = []
        for code in 1...2_000 {
            let figures = CapitalDistribution.derived(market: 1, code: "\(code)")
            #expect(figures == .derived(market: 1, code: "\(code)"))
            seen.insert(figures.inBig)
            #expect((0...4e9).contains(figures.inBig) && figures.inBig == (figures.inBig * 100).rounded() / 100)
        }
        #expect(seen.count == 2_000)
        #expect(CapitalDistribution.derived(market: 21, code: "1") != .derived(market: 22, code: "1"))
    }

    /// The rule of docs/simulator.md, worked out once more.
    @Test func derivedFiguresFollowTheDocumentedRule() {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in "1.00005".utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        let amounts = (0..<8).map { _ -> Double in
            hash = hash &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double((hash >> 33) % 400_000_000_000) / 100
        }
        let figures = CapitalDistribution.derived(market: 1, code: "00005")
        #expect(
            [figures.inSuper, figures.inBig, figures.inMid, figures.inSmall] == amounts[..<4].map { $0 }
                && [figures.outSuper, figures.outBig, figures.outMid, figures.outSmall] == amounts[4...].map { $0 })
    }

    @Test(
        arguments: [
            (1, "00700", .tradable), (1, "12345", .tradable), (1, "99999", .unknown), (1, "700", .unknown),
            (1, "800000", .unsupported), (1, "HSImain", .unsupported), (1, "", .unknown), (11, "AAPL", .tradable),
            (11, "BRK.B", .tradable), (11, ".DJI", .unsupported), (11, "ESmain", .unsupported), (11, "aapl", .unknown),
            (11, "TOOLONG", .unknown), (21, "600519", .tradable), (21, "000001", .unsupported),
            (22, "000001", .tradable),
            (22, "399001", .unsupported), (21, "999999", .unknown), (31, "D05", .tradable),
            (81, "EURUSD", .unsupported),
            (91, "BTC", .unsupported), (2, "00700", .unknown), (-1, "X", .unknown),
        ] as [(Int32, String, Instrument)])
    func instruments(_ market: Int32, _ code: String, _ expected: Instrument) throws {
        #expect(Instrument(market: market, code: code) == expected)
        let response = try GatewayBench.greeted().distribution(market, code)
        #expect((response.head.retType == 0) == (expected == .tradable))
        #expect((response.content != nil) == (expected == .tradable))
        #expect((response.head.retMsg == "未知股票") == (expected == .unknown))
    }

    @Test func oldGatewaysLeaveOutWhatTheyDoNotKnow() throws {
        let response = try GatewayBench.greeted { $0.isOld = true }.distribution()
        let content = try #require(response.content)
        #expect(content.inSuper == nil && content.outSuper == nil && content.inBig == 859_479_380)
        #expect(content.updateTime == nil && content.updateTimestamp == nil)
    }

    @Test func theQuotaIsExactToTheNanosecondAndCountsAllClients() throws {
        let bench = GatewayBench.greeted { $0.quota = (3, 30 * second) }
        bench.greet(2)
        let start = bench.now
        for client in [1, 2, 1] { #expect(try bench.distribution(client: client).head.retType == 0) }
        bench.now = start + 5
        let refused = try bench.distribution(client: 2)
        #expect(refused.head.retType == -1)
        #expect(refused.head.retMsg == "获取资金分布频率太高，请求失败，每30秒最多3次。")
        bench.now = start + 30 * second
        #expect(try bench.distribution().head.retType == -1)
        bench.now = start + 30 * second + 1
        #expect(try bench.distribution().head.retType == 0)
    }

    @Test func withoutAQuotaNothingIsRefusedForFrequency() throws {
        let bench = GatewayBench.greeted { $0.quota = nil }
        for _ in 0..<200 { #expect(try bench.distribution().head.retType == 0) }
    }
}
