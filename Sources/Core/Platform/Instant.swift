/// An instant of a monotonic clock, in nanoseconds.
package typealias Instant = Int64

extension Instant {
    /// A length of time in milliseconds, for texts.
    var milliseconds: Int64 { self / 1_000_000 }
}
