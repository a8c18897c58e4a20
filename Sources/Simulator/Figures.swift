import Codec

/// The figures of HK.00700: those that the vendor's documentation shows for each language's sample.
package enum FigureSet: String, CaseIterable, Sendable {
    case cpp, csharp, java, js, python

    package var figures: CapitalDistribution {
        switch self {
        case .cpp:
            CapitalDistribution(
                inSuper: 824_967_660, inBig: 859_479_380, inMid: 763_181_580, inSmall: 1_011_289_940,
                outSuper: 252_818_140, outBig: 444_405_720, outMid: 503_977_520, outSmall: 807_438_760,
                updateTime: "2022-06-08 10:44:21", updateTimestamp: 1_654_656_261)
        case .csharp:
            CapitalDistribution(
                inSuper: 230_158_560, inBig: 299_700_820, inMid: 521_403_800, inSmall: 740_895_620,
                outSuper: 286_481_380, outBig: 332_038_880, outMid: 483_401_260, outSmall: 682_124_080,
                updateTime: "2022-06-07 10:46:02", updateTimestamp: 1_654_569_962)
        case .java:
            CapitalDistribution(
                inSuper: 824_967_660, inBig: 866_532_740, inMid: 768_769_980, inSmall: 1_020_387_820,
                outSuper: 267_217_140, outBig: 448_065_120, outMid: 506_827_920, outSmall: 812_602_480,
                updateTime: "2022-06-08 10:44:34", updateTimestamp: 1_654_656_274)
        case .js:
            CapitalDistribution(
                inSuper: 230_158_560, inBig: 1_586_950_080, inMid: 2_861_135_060, inSmall: 879_906_120,
                outSuper: 286_481_380, outBig: 890_005_200, outMid: 2_423_820_040, outSmall: 799_307_540,
                updateTime: "2021-09-10 11:57:30", updateTimestamp: 1_631_246_250)
        case .python:
            // The sample prints four of the nine columns, two of them rounded. The others are chosen: in_mid, in_small,
            // out_super, out_big, out_mid, and the digits that 2.261085e+09 and 2.887413e+09 leave out.
            CapitalDistribution(
                inSuper: 2_261_085_120, inBig: 2_141_963_720, inMid: 2_404_108_360, inSmall: 3_120_457_240,
                outSuper: 1_283_551_480, outBig: 1_462_098_640, outMid: 2_010_345_880, outSmall: 2_887_413_260,
                updateTime: "2022-06-08 15:59:59", updateTimestamp: 1_654_675_199)
        }
    }
}

extension CapitalDistribution {
    /// Figures that are computed from market and code alone, so that each security has different ones, and any program
    /// can compute them. The eight amounts are made one after the other, from an FNV-1a hash of "market.code", by the
    /// generator of Knuth's MMIX. docs/simulator.md has the rule and examples, and tests rely on it.
    package static func derived(market: Int32, code: String) -> CapitalDistribution {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(market).\(code)".utf8 {
            state ^= UInt64(byte)
            state = state &* 0x0000_0100_0000_01b3
        }
        func amount() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // From the upper bits, because the lower ones repeat soon: 0 to 21 million, in hundredths.
            return Double(state >> 33) / 100
        }
        return CapitalDistribution(
            inSuper: amount(), inBig: amount(), inMid: amount(), inSmall: amount(), outSuper: amount(),
            outBig: amount(), outMid: amount(), outSmall: amount(), updateTime: "2022-06-08 15:59:59",
            updateTimestamp: 1_654_703_999 - Double(hoursEastOfGreenwich(market)) * 3600)
    }

    /// The offset of the market's time zone on that day in June.
    private static func hoursEastOfGreenwich(_ market: Int32) -> Int {
        switch Market(rawValue: market) {
        case .us, .ca: -4
        case .jp: 9
        case .au: 10
        default: 8
        }
    }

    /// As an old gateway sends them: without the super figures and both times.
    package var old: CapitalDistribution {
        var old = self
        old.inSuper = nil
        old.outSuper = nil
        old.updateTime = nil
        old.updateTimestamp = nil
        return old
    }
}
