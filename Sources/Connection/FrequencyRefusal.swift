import Glibc

/// The gateway's refusal for frequency: `<action>频率太高，请求失败，每30秒最多30次。` (PROTOCOL.md, Quota).
package struct FrequencyRefusal: Equatable {
    /// The window the text names, in seconds, if it is from 1 to 600.
    package let seconds: Int64?

    /// nil: the text is no such refusal.
    package init?(_ text: UnsafePointer<CChar>) {
        let named = Self.window(text)
        guard named != nil || strstr(text, "频率太高") != nil else { return nil }
        seconds = named.flatMap { (1...600).contains($0) ? $0 : nil }
    }

    /// N of the first `每N秒最多M次`.
    private static func window(_ text: UnsafePointer<CChar>) -> Int64? {
        var rest = text
        while let found = strstr(rest, "每") {
            rest = UnsafePointer(found).advanced(by: 3)
            var scan = rest
            guard let seconds = number(&scan), skip("秒最多", &scan), number(&scan) != nil, skip("次", &scan) else {
                continue
            }
            return seconds
        }
        return nil
    }

    private static func number(_ scan: inout UnsafePointer<CChar>) -> Int64? {
        var value: Int64 = 0
        var digits = 0
        let decimal = UInt8(ascii: "0")...UInt8(ascii: "9")
        while case let byte = UInt8(bitPattern: scan.pointee), decimal.contains(byte), digits < 9 {
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            digits += 1
            scan += 1
        }
        return digits > 0 ? value : nil
    }

    private static func skip(_ word: StaticString, _ scan: inout UnsafePointer<CChar>) -> Bool {
        let length = word.utf8CodeUnitCount
        guard strncmp(scan, UnsafeRawPointer(word.utf8Start).assumingMemoryBound(to: CChar.self), length) == 0 else {
            return false
        }
        scan += length
        return true
    }
}
