import CCapDist
import Core
import Glibc

// Checks of single fields that the application set.

/// A text of the caller, checked: not empty, at most `longest` bytes, UTF-8. nil for NULL.
func text(_ pointer: UnsafePointer<CChar>?, _ name: StaticString, longest: Int = 255) throws(CallError) -> String? {
    guard let pointer else { return nil }
    let length = strnlen(pointer, longest + 1)
    guard length > 0 else { throw .invalid("\(name) is empty: pass NULL for the default") }
    guard length <= longest else { throw .invalid("\(name) is longer than \(longest) bytes") }
    guard let text = String(validatingCString: pointer) else { throw .invalid("\(name) is not UTF-8") }
    return text
}

/// A number of the caller, checked.
func number(_ value: Int32, _ name: StaticString, _ range: ClosedRange<Int32>) throws(CallError) -> Int32 {
    guard range.contains(value) else {
        throw .invalid("\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
}

/// One hour: the longest time of any option.
let longestMilliseconds: Int32 = 3_600_000

func flag(_ value: Int32, _ name: StaticString) throws(CallError) -> Bool {
    try number(value, name, 0...1) == 1
}

func quotaMode(_ value: Int32) throws(CallError) -> Int32 {
    try number(value, "quota_mode", Int32(CAPDIST_QUOTA_DEFAULT)...Int32(CAPDIST_QUOTA_FAIL))
}

func outageMode(_ value: Int32) throws(CallError) -> Int32 {
    try number(value, "outage_mode", Int32(CAPDIST_OUTAGE_DEFAULT)...Int32(CAPDIST_OUTAGE_FAIL))
}

func size(
    _ value: Int32, _ name: StaticString, _ range: ClosedRange<Int32>, _ byDefault: Int32
) throws(CallError) -> Int32 {
    value == 0 ? byDefault : try number(value, name, range)
}

/// A length of time in milliseconds; 0 gives the default.
func time(_ value: Int32, _ name: StaticString, _ byDefault: TimeAmount) throws(CallError) -> TimeAmount {
    let milliseconds = try number(value, name, 0...longestMilliseconds)
    return milliseconds == 0 ? byDefault : .milliseconds(Int64(milliseconds))
}
