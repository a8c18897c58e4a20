import Glibc

/// The monotonic clock, which all timing uses.
package enum Clock {
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// How long the machine has been suspended since it was booted, and `now` stood still. Some of the time between the
    /// two readings is counted, too.
    package static func suspended() -> TimeAmount {
        let now = now()
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)) - now
    }

    /// Unix time in seconds, for messages to the gateway.
    package static func unixSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
