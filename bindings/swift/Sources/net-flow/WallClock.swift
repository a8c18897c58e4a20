/// A date and a time of day in the market's time zone.
struct WallClock {
    let year, month, day, hour, minute, second, nanosecond: Int

    /// Reads "yyyy-MM-dd HH:mm:ss". The seconds may be missing, and a fraction may follow them. Nil for any other text,
    /// and for an invalid date or time.
    static func read(_ text: String) -> WallClock? {
        let halves = text.split(separator: " ", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        let time = halves[1].split(separator: ":", omittingEmptySubsequences: false)
        guard date.count == 3, time.count == 2 || time.count == 3 else { return nil }
        guard let year = number(date[0], digits: 4), let month = number(date[1]), let day = number(date[2]),
            let hour = number(time[0]), let minute = number(time[1])
        else { return nil }
        var second = 0
        var nanosecond = 0
        if time.count == 3 {
            let parts = time[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let whole = number(parts[0]) else { return nil }
            second = whole
            if parts.count == 2 {
                let zeros = String(repeating: "0", count: max(0, 9 - parts[1].utf8.count))
                guard !parts[1].isEmpty, let fraction = number(parts[1] + zeros, digits: 9) else { return nil }
                nanosecond = fraction
            }
        }
        guard year >= 1, 1...12 ~= month, day >= 1, day <= days(month, of: year), hour < 24, minute < 60, second < 60
        else {
            return nil
        }
        return WallClock(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, nanosecond: nanosecond)
    }

    /// The number of exactly that many ASCII digits.
    private static func number(_ text: Substring, digits: Int = 2) -> Int? {
        guard text.utf8.count == digits else { return nil }
        var number = 0
        for byte in text.utf8 {
            guard 0x30...0x39 ~= byte else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }

    private static func days(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
