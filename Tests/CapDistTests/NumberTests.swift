import Glibc
import Testing

@testable import CapDist

/// Numbers in the JSON: the shortest digits that read back, with an exponent from 1e15 up and below 1e-4, as in C++.
@Suite struct NumberTests {
    @Test(arguments: [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (859_479_380.0, "859479380"), (0.1, "0.1"), (-2.5, "-2.5"),
        (999_999_999_999_999.0, "999999999999999"), (999_999_999_999_999.9, "999999999999999.9"),
        (1e15, "1e+15"), (-1e15, "-1e+15"), (1_234_567_890_123_456.0, "1.234567890123456e+15"),
        (1_234_567_890_123_456.5, "1.2345678901234565e+15"),
        (9_007_199_254_740_993.0, "9.007199254740992e+15"), (18_014_398_509_481_984.0, "1.8014398509481984e+16"),
        (1e22, "1e+22"), (1e100, "1e+100"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1e-7, "1e-07"),
        (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
        (.nan, "\"NaN\""), (.infinity, "\"Infinity\""), (-.infinity, "\"-Infinity\""),
    ])
    func isPrinted(_ value: Double, _ text: String) {
        #expect(ReplyJSON.number(value) == text)
    }

    @Test func everyNumberReadsBackAsItself() {
        var random = Seeded(state: 20_220_608)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            #expect(strtod(ReplyJSON.number(value), nil).bitPattern == value.bitPattern)
        }
        for _ in 0..<20_000 {
            let value =
                Double(Int64.random(in: -2_000_000_000_000_000_000...2_000_000_000_000_000_000, using: &random)) / 100
            let text = ReplyJSON.number(value)
            #expect(strtod(text, nil) == value)
            #expect(text.contains("e") == (value.magnitude >= 1e15))
        }
    }

    /// The same random numbers in every run.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
