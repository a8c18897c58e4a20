/// An instant of a monotonic clock, in nanoseconds.
package typealias Instant = Int64

extension Instant {
    /// A length of time in milliseconds, for texts.
    package var milliseconds: Int64 { self / 1_000_000 }

    /// Rounded up, so that after this wait the time has passed.
    package var millisecondsRoundedUp: Int32 { Int32(clamping: (self + 999_999) / 1_000_000) }
}
