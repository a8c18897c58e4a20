import Testing
@testable import Core

/// Promise 4, in virtual time.
@Suite struct SlidingWindowTests {
    /// A window whose slots were all finished at `at`.
    private func full(_ limit: Int, at: Instant) -> SlidingWindow {
        var window = SlidingWindow(limit: limit, window: 30 * second)
        for _ in 0..<limit {
            expect(window.reserve(at))
            window.confirm(at)
        }
        return window
    }

    @Test func aBurstOfTheWholeLimitIsFineAndOneMoreIsNot() {
        var window = SlidingWindow(limit: 30, window: 30 * second)
        for _ in 0..<30 { expect(window.reserve(5)) }
        expect(!window.reserve(5))
        expect(window.used(5) == 30 && window.held == 30)
    }

    @Test func aSlotIsFreeStrictlyMoreThanAWindowAfterItsAnswer() {
        var window = full(30, at: 100)
        expect(!window.reserve(100 + 30 * second))
        expect(window.nextFree(100 + 30 * second) == 101 + 30 * second)
        expect(window.reserve(101 + 30 * second))
    }

    @Test func onlyAnAnswerStartsTheWindow() {
        var window = SlidingWindow(limit: 1, window: second)
        expect(window.reserve(0))
        expect(!window.reserve(at(1_000 * second)))
        expect(window.nextFree(at(1_000 * second)) == nil)
        window.confirm(at(1_000 * second))
        expect(window.nextFree(at(1_000 * second)) == at(1_001 * second + 1))
    }

    @Test func whatWasNeverSentCostsNothing() {
        var window = SlidingWindow(limit: 1, window: second)
        expect(window.reserve(7))
        window.giveBack()
        expect(window.used(7) == 0 && window.reserve(7))
    }

    @Test func newsOfAFinishedRequestHoldsItsSlotLonger() {
        var window = SlidingWindow(limit: 1, window: 10)
        expect(window.reserve(0))
        let first = window.confirm(0)
        let later = window.extend(first, 6)
        expect(first == 10 && later == 16)
        expect(!window.reserve(16) && window.reserve(17))
    }

    @Test func newsAfterTheSlotIsFreeChangesNothing() {
        var window = SlidingWindow(limit: 1, window: 10)
        expect(window.reserve(0))
        let release = window.confirm(0)
        expect(window.reserve(11))
        _ = window.extend(release, 12)
        expect(window.used(12) == 1 && window.held == 1)
    }

    @Test func anEarlierInstantCountsAsTheLatestSeen() {
        var window = SlidingWindow(limit: 2, window: 10)
        expect(window.reserve(100))
        window.confirm(100)
        expect(window.reserve(90))
        // It finished "at 90", but 100 has been seen, so it counts as 100.
        window.confirm(90)
        expect(!window.reserve(110) && window.reserve(111))
    }

    @Test func nextFreeCountsThoseThatMustEndFirst() {
        var window = SlidingWindow(limit: 2, window: 10)
        for at: Instant in [0, 5] {
            expect(window.reserve(at))
            window.confirm(at)
        }
        expect(window.nextFree(6) == 11)
        expect(window.reserve(11))
        expect(window.nextFree(11) == 16)
    }

    @Test func aClosedGateGivesNothingUntilItOpens() {
        var window = SlidingWindow(limit: 5, window: 10)
        window.closeGate(100, for: 30)
        expect(window.nextFree(100) == 131 && window.gateClosed(100) == 31)
        expect(window.available(130) == 0 && window.gateClosed(130) == 1 && window.gateClosed(131) == 0)
        expect(window.reserve(131))
    }

    @Test func aShorterRefusalDoesNotOpenTheGateSooner() {
        var window = SlidingWindow(limit: 5, window: 10)
        window.closeGate(0, for: 100)
        window.closeGate(1, for: 5)
        expect(window.nextFree(1) == 101)
    }

    @Test func historyIsKeptUnderOtherFigures() {
        let window = full(3, at: 0)
        var tighter = window.with(limit: 2, window: 60 * second)
        expect(tighter.used(0) == 3)
        expect(!tighter.reserve(at(60 * second)) && tighter.reserve(at(60 * second + 1)))
        var wider = window.with(limit: 5, window: 30 * second)
        expect(wider.reserve(0) && wider.reserve(0) && !wider.reserve(0))
    }

    @Test func idleMeansNothingToRemember() {
        var window = full(1, at: 0)
        expect(!window.isIdle(at(30 * second)) && window.isIdle(at(30 * second + 1)))
        window.closeGate(at(40 * second), for: second)
        expect(!window.isIdle(at(41 * second)) && window.isIdle(at(41 * second + 1)))
    }

    /// A gateway counts each request between its sending and its answer or, if it was given up, between its sending and
    /// the last time that it may have been read. Whenever that is, no window has more requests than the limit.
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func noWindowHoldsMoreThanTheLimit(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let limit = Int.random(in: 1...6, using: &random)
        let length = TimeAmount.random(in: 1...40, using: &random)
        var window = SlidingWindow(limit: limit, window: length)
        var now: Instant = 0
        var underWay: [Instant] = []  // when each request was sent
        var news: [(sent: Instant, release: Instant)] = []  // given up, may still be counted
        var counted: [Instant] = []
        for _ in 0..<400 {
            now += .random(in: 0...6, using: &random)
            switch Int.random(in: 0...5, using: &random) {
            case 0...2:
                let free = window.nextFree(now)
                let isGiven = window.reserve(now)
                expect(isGiven == (free.map { $0 <= now } ?? false), "seed \(seed): nextFree and reserve disagree")
                if isGiven { underWay.append(now) }
            case 3, 4:
                guard let sent = underWay.popLast() else { continue }
                if Int.random(in: 0...9, using: &random) == 0 {
                    window.giveBack()
                } else if Bool.random(using: &random) {
                    window.confirm(now)
                    counted.append(Instant.random(in: sent...now, using: &random))
                } else {
                    news.append((sent, window.confirm(now)))
                }
            default:
                guard let (sent, release) = news.popLast() else { continue }
                if release >= now {
                    _ = window.extend(release, now)
                    counted.append(Instant.random(in: sent...now, using: &random))
                } else {
                    counted.append(Instant.random(in: sent...(release - length), using: &random))
                }
            }
        }
        counted.sort()
        for (early, late) in zip(counted, counted.dropFirst(limit)) {
            expect(late - early > length, "seed \(seed): \(limit + 1) within \(late - early) of \(length)")
        }
        expect(!counted.isEmpty)
    }
}

/// The same random numbers in every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    }
}

/// `#expect` for expressions that change their subject.
func expect(
    _ condition: Bool, _ text: @autoclosure () -> String = "", at location: SourceLocation = #_sourceLocation
) {
    #expect(condition, Comment(rawValue: text()), sourceLocation: location)
}
