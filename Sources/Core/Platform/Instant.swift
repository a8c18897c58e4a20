/// An instant of a monotonic clock. Two of them are a length of time apart; they cannot be added. What lies beyond the
/// clock's range is its end: `max` means never.
package struct Instant: Comparable, Sendable {
    /// Since the clock's beginning.
    package let nanoseconds: Int64

    @inline(__always)
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static var zero: Instant { Instant(nanoseconds: 0) }
    package static var min: Instant { Instant(nanoseconds: .min) }
    package static var max: Instant { Instant(nanoseconds: .max) }

    @inline(__always)
    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    @inline(__always)
    package static func + (instant: Instant, time: TimeAmount) -> Instant {
        Instant(nanoseconds: instant.nanoseconds.saturatingSum(time.nanoseconds))
    }

    @inline(__always)
    package static func - (instant: Instant, time: TimeAmount) -> Instant {
        Instant(nanoseconds: instant.nanoseconds.saturatingDifference(time.nanoseconds))
    }

    @inline(__always)
    package static func - (later: Instant, earlier: Instant) -> TimeAmount {
        TimeAmount(nanoseconds: later.nanoseconds.saturatingDifference(earlier.nanoseconds))
    }

    package static func += (instant: inout Instant, time: TimeAmount) { instant = instant + time }

    /// The next one: first after the last of something.
    package var next: Instant { self + .nanosecond }
}

/// A length of time. Named as in SwiftNIO; the standard library's Duration has 128 bits, which count on each request.
package struct TimeAmount: Comparable, Hashable, Sendable {
    package let nanoseconds: Int64

    @inline(__always)
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static var zero: TimeAmount { TimeAmount(nanoseconds: 0) }
    package static var nanosecond: TimeAmount { TimeAmount(nanoseconds: 1) }

    package static func microseconds(_ count: Int64) -> TimeAmount { TimeAmount(nanoseconds: 1_000) * count }
    package static func milliseconds(_ count: Int64) -> TimeAmount { TimeAmount(nanoseconds: 1_000_000) * count }
    package static func seconds(_ count: Int64) -> TimeAmount { TimeAmount(nanoseconds: 1_000_000_000) * count }

    @inline(__always)
    package static func < (left: TimeAmount, right: TimeAmount) -> Bool { left.nanoseconds < right.nanoseconds }

    @inline(__always)
    package static func + (left: TimeAmount, right: TimeAmount) -> TimeAmount {
        TimeAmount(nanoseconds: left.nanoseconds.saturatingSum(right.nanoseconds))
    }

    @inline(__always)
    package static func - (left: TimeAmount, right: TimeAmount) -> TimeAmount {
        TimeAmount(nanoseconds: left.nanoseconds.saturatingDifference(right.nanoseconds))
    }

    package static func * (time: TimeAmount, count: Int64) -> TimeAmount {
        let (product, overflow) = time.nanoseconds.multipliedReportingOverflow(by: count)
        guard overflow else { return TimeAmount(nanoseconds: product) }
        return TimeAmount(nanoseconds: (time.nanoseconds < 0) == (count < 0) ? .max : .min)
    }

    /// - Parameter count: 0 is taken as 1.
    package static func / (time: TimeAmount, count: Int64) -> TimeAmount {
        let (quotient, overflow) = time.nanoseconds.dividedReportingOverflow(by: count)
        return overflow ? time : TimeAmount(nanoseconds: quotient)
    }

    /// For texts.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
    package var seconds: Int64 { nanoseconds / 1_000_000_000 }

    /// Rounded up, so that after this wait the time has passed.
    package var millisecondsRoundedUp: Int32 { Int32(clamping: nanoseconds.saturatingSum(999_999) / 1_000_000) }

    /// Seconds, and the nanoseconds that are left.
    package var parts: (seconds: Int, nanoseconds: Int) {
        let parts = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return (Int(parts.quotient), Int(parts.remainder))
    }

    /// One between these two, both included.
    package static func random(
        in range: ClosedRange<TimeAmount>, using generator: inout some RandomNumberGenerator
    ) -> TimeAmount {
        let numbers = range.lowerBound.nanoseconds...range.upperBound.nanoseconds
        return TimeAmount(nanoseconds: .random(in: numbers, using: &generator))
    }
}

extension Int64 {
    @inline(__always)
    fileprivate func saturatingSum(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    @inline(__always)
    fileprivate func saturatingDifference(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
