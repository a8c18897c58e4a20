import Codec
import Foundation
import Testing

@testable import Simulator

/// The answers to protocol 3212.
@Suite struct FiguresTests {
    /// The vendor's samples, in the documentation's order: inSuper, inBig, inMid, inSmall, outSuper, outBig, outMid,
    /// outSmall, updateTimestamp. nil in the Python set: the sample does not show it.
    private static let samples: [(set: FigureSet, numbers: [Double?], time: String)] = [
        (
            .csharp,
            [230158560, 299700820, 521403800, 740895620, 286481380, 332038880, 483401260, 682124080, 1654569962],
            "2022-06-07 10:46:02"
        ),
        (
            .java,
            [824967660, 866532740, 768769980, 1020387820, 267217140, 448065120, 506827920, 812602480, 1654656274],
            "2022-06-08 10:44:34"
        ),
        (
            .cpp,
            [824967660, 859479380, 763181580, 1011289940, 252818140, 444405720, 503977520, 807438760, 1654656261],
            "2022-06-08 10:44:21"
        ),
        (
            .js,
            [230158560, 1586950080, 2861135060, 879906120, 286481380, 890005200, 2423820040, 799307540, 1631246250],
            "2021-09-10 11:57:30"
        ),
        (.python, [nil, 2141963720, nil, nil, nil, nil, nil, nil, nil], "2022-06-08 15:59:59"),
    ]

    private static let names = [
        "capitalInSuper", "capitalInBig", "capitalInMid", "capitalInSmall", "capitalOutSuper", "capitalOutBig",
        "capitalOutMid", "capitalOutSmall", "updateTimestamp",
    ]

    private static func numbers(_ figures: CapitalDistribution) -> [Double?] {
        [
            figures.inSuper, figures.inBig, figures.inMid, figures.inSmall, figures.outSuper, figures.outBig,
            figures.outMid, figures.outSmall, figures.updateTimestamp,
        ]
    }

    @Test(arguments: FigureSet.allCases)
    func figuresAreTheSamples(_ set: FigureSet) throws {
        let gateway = VirtualGateway { $0.figures = set }
        try gateway.greet()
        let figures = try gateway.ask(Requests.figures(2)).figures()
        let sample = try #require(Self.samples.first { $0.set == set })
        #expect(figures.updateTime == sample.time)
        for (name, (got, wanted)) in zip(Self.names, zip(Self.numbers(figures), sample.numbers)) {
            if let wanted { #expect(got == wanted, "\(name)") } else { #expect(got != nil, "\(name)") }
        }
    }

    @Test func pythonFiguresPrintAsTheSampleDoes() throws {
        let figures = FigureSet.python.figures
        #expect(String(format: "%.6e", try #require(figures.inSuper)) == "2.261085e+09")
        #expect(String(format: "%.6e", figures.inBig) == "2.141964e+09")
        #expect(String(format: "%.6e", figures.outSmall) == "2.887413e+09")
    }

    @Test(arguments: FigureSet.allCases)
    func sampleTimesAreThoseOfHongKong(_ set: FigureSet) throws {
        #expect(try Self.localTime(set.figures, "Asia/Hong_Kong") == set.figures.updateTime)
    }

    // MARK: - Derived figures

    /// Computed by another program, from the rule in docs/simulator.md.
    private static let derived: [(market: Market, code: String, numbers: [Double])] = [
        (
            .us, "AAPL",
            [
                12062933.9, 19462320.5, 6422087.0, 16143680.18, 2740066.74, 9036071.42, 14238592.35, 9471508.79,
                1654718399,
            ]
        ),
        (
            .hk, "00005",
            [
                3122700.46, 2482109.31, 18298444.45, 20025685.33, 1865550.8, 10656235.45, 5882642.54, 6606070.84,
                1654675199,
            ]
        ),
        (
            .sh, "600519",
            [
                12862218.76, 15140746.26, 16926154.47, 6424670.25, 17453939.93, 10410206.14, 5382164.66, 11828107.13,
                1654675199,
            ]
        ),
        (
            .jp, "7203",
            [
                20304668.61, 20006961.5, 13545682.86, 1789734.99, 6753669.48, 18264539.76, 6943297.6, 9800802.94,
                1654671599,
            ]
        ),
        (
            .au, "BHP",
            [
                8646609.3, 1010428.69, 20842923.44, 17892012.15, 4454464.52, 1528683.01, 18661146.98, 21365767.05,
                1654667999,
            ]
        ),
    ]

    @Test(arguments: derived)
    func otherFiguresFollowFromMarketAndCode(_ market: Market, _ code: String, _ numbers: [Double]) throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        let figures = try gateway.ask(Requests.figures(2, market, code)).figures()
        #expect(Self.numbers(figures) == numbers)
        #expect(figures.updateTime == "2022-06-08 15:59:59")
    }

    @Test func documentationShowsThem() throws {
        let text = try String(contentsOf: root.appending(path: "docs/simulator.md"), encoding: .utf8)
        for (market, code, numbers) in Self.derived.prefix(2) {
            let row = (numbers[...7].map { String($0) } + [String(Int(numbers[8]))]).joined(separator: " | ")
            #expect(text.contains("| `\(market.prefix).\(code)` | \(row) |"))
        }
        for set in FigureSet.allCases { #expect(text.contains("`\(set.rawValue)`"), "\(set)") }
        // The digits that the Python set has.
        for number in Self.numbers(FigureSet.python.figures) {
            let number = try #require(number)
            #expect(text.contains(String(Int(number))))
        }
    }

    @Test(arguments: [
        (Market.hk, "Asia/Hong_Kong"), (.us, "America/New_York"), (.sh, "Asia/Shanghai"), (.sz, "Asia/Shanghai"),
        (.sg, "Asia/Singapore"), (.jp, "Asia/Tokyo"), (.au, "Australia/Sydney"), (.my, "Asia/Kuala_Lumpur"),
        (.ca, "America/Toronto"),
    ])
    func derivedTimesAreTheMarkets(_ market: Market, _ zone: String) throws {
        for number in 0..<50 {
            let figures = CapitalDistribution.derived(market: market.rawValue, code: "\(number)")
            #expect(try Self.localTime(figures, zone) == figures.updateTime)
        }
    }

    @Test func answersAreToldApart() {
        var seen: Set<[Double?]> = []
        var amounts: Set<Double?> = []
        for market in [Market.hk, .us, .sh, .sz] {
            for code in 0..<2_500 {
                let numbers = Self.numbers(.derived(market: market.rawValue, code: "\(code)"))
                seen.insert(numbers)
                amounts.formUnion(numbers.dropLast())
            }
        }
        #expect(seen.count == 10_000)
        // Spread over the whole range: among 80,000, hardly two are equal.
        #expect(amounts.count > 79_990)
        #expect(amounts.allSatisfy { (0..<21_474_836.48).contains($0 ?? -1) })
    }

    @Test(arguments: [Market.hk, .us])
    func oldGatewayLeavesOutWhatIsOptional(_ market: Market) throws {
        let code = market == .hk ? "00700" : "AAPL"
        let (new, old) = (VirtualGateway(), VirtualGateway { $0.isOld = true })
        try new.greet()
        try old.greet()
        var expected = try new.ask(Requests.figures(2, market, code)).figures()
        (expected.inSuper, expected.outSuper, expected.updateTime, expected.updateTimestamp) = (nil, nil, nil, nil)
        #expect(try old.ask(Requests.figures(2, market, code)).figures() == expected)
    }

    /// The local time of a time zone at `updateTimestamp`.
    private static func localTime(_ figures: CapitalDistribution, _ zone: String) throws -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        let timeZone = try #require(TimeZone(identifier: zone))
        formatter.timeZone = timeZone
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return formatter.string(from: Date(timeIntervalSince1970: try #require(figures.updateTimestamp)))
    }

    // MARK: - Without figures

    @Test(arguments: [
        (Market.hk, "00700 00005 12345 99998"), (.us, "AAPL BRK.B A BAC.PR 3M ZZZZZZ"), (.sh, "600519 510300 999998"),
        (.sz, "000001 300750 159915"), (.sg, "D05"), (.jp, "7203 130A"), (.au, "BHP A2M"), (.my, "1155 5235SS"),
        (.ca, "RY"),
    ])
    func stocksHaveFigures(_ market: Market, _ codes: String) throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        for code in codes.split(separator: " ").map(String.init) {
            let figures = try gateway.ask(Requests.figures(2, market, code)).figures()
            #expect(figures.inBig > 0, "\(market.prefix).\(code)")
        }
    }

    @Test(arguments: [
        (Market.hk, "800000 800100 HSImain HSI2406 MHImain"), (.us, ".DJI .IXIC ESmain ES2412 6Emain"),
        (.sh, "000001 000300"), (.sz, "399001"), (.sg, ".STI CNmain"), (.jp, ".N225 NK225main"), (.au, ".XJO"),
        (.fx, "USDCNH"), (.cc, "BTC"), (.hkFuture, "HSImain 00700"),
    ])
    func indicesFuturesAndCurrenciesHaveNone(_ market: Market, _ codes: String) throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        for code in codes.split(separator: " ").map(String.init) {
            let response = try gateway.ask(Requests.figures(2, market, code))
            let head = try response.head()
            #expect(head.retType == RetType.failed, "\(market.prefix).\(code)")
            let isUSIndex = market == .us && code.hasPrefix(".")
            #expect(head.retMsg == (isUSIndex ? "暂不支持美股指数" : "该接口仅支持正股"), "\(market.prefix).\(code)")
            #expect(head.errCode == 0)
            #expect(try decode(response.body, CapitalDistributionResponse.init).content == nil)
        }
    }

    @Test(arguments: [
        (Market.hk.rawValue, "99999|0700|007000|AAPL|main|0070O|00700 "),
        (Market.us.rawValue, "UNKNOWN|aapl|AA PL|AAPL.|.|..|苹果"),
        (Market.sh.rawValue, "999999|60051|6005190|AAPL"), (Market.sz.rawValue, "1|00000a"),
        (Market.jp.rawValue, "1234567"),
        (Market.fx.rawValue, ""), (0, "00700"), (3, "00700"), (-1, "00700"), (Int32.max, "00700"), (Int32.min, "00700"),
    ])
    func anythingElseIsUnknown(_ market: Int32, _ codes: String) throws {
        let gateway = VirtualGateway()
        try gateway.greet()
        for code in codes.split(separator: "|", omittingEmptySubsequences: false).map(String.init) + [""] {
            let head = try gateway.ask(Requests.figures(2, market: market, code)).head()
            #expect(head.retType == RetType.failed, "\(market) \(code)")
            let name = Market(rawValue: market).map { "\($0.prefix)" } ?? "\(market)"
            #expect(head.retMsg == "未知股票 \(name).\(code)", "\(market) \(code)")
            #expect(head.errCode == 0)
        }
    }
}
