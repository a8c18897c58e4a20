import CCapDist
import Codec

/// A reply as JSON: the gateway's answer, with the names of the .proto files, in the vendor's order.
struct ReplyJSON {
    private(set) var text = "{"
    private var indentation = "\n  "
    private var isFirst = true

    init(_ reply: capdist_reply) {
        if reply.present & UInt32(CAPDIST_HAS_RET_TYPE) != 0 { add("retType", String(reply.ret_type)) }
        if reply.present & UInt32(CAPDIST_HAS_RET_MSG) != 0 { add("retMsg", Self.quoted(reply.ret_msg)) }
        if reply.present & UInt32(CAPDIST_HAS_ERR_CODE) != 0 { add("errCode", String(reply.err_code)) }
        if let distribution = reply.distribution?.pointee {
            add("s2c", "{")
            indentation = "\n    "
            isFirst = true
            add(distribution)
            text += "\n  }"
            indentation = "\n  "
            isFirst = false
        }
        text += isFirst ? "}" : "\n}"
    }

    private mutating func add(_ distribution: capdist_capital_distribution) {
        func has(_ bit: Int) -> Bool { distribution.present & UInt32(bit) != 0 }
        let numbers: [(StaticString, Int, Double)] = [
            ("capitalInBig", CAPDIST_HAS_CAPITAL_IN_BIG, distribution.capital_in_big),
            ("capitalInMid", CAPDIST_HAS_CAPITAL_IN_MID, distribution.capital_in_mid),
            ("capitalInSmall", CAPDIST_HAS_CAPITAL_IN_SMALL, distribution.capital_in_small),
            ("capitalOutBig", CAPDIST_HAS_CAPITAL_OUT_BIG, distribution.capital_out_big),
            ("capitalOutMid", CAPDIST_HAS_CAPITAL_OUT_MID, distribution.capital_out_mid),
            ("capitalOutSmall", CAPDIST_HAS_CAPITAL_OUT_SMALL, distribution.capital_out_small),
        ]
        for (name, bit, value) in numbers where has(bit) { add(name, Self.number(value)) }
        if has(CAPDIST_HAS_UPDATE_TIME) { add("updateTime", Self.quoted(distribution.update_time)) }
        if has(CAPDIST_HAS_UPDATE_TIMESTAMP) { add("updateTimestamp", Self.number(distribution.update_timestamp)) }
        if has(CAPDIST_HAS_CAPITAL_IN_SUPER) { add("capitalInSuper", Self.number(distribution.capital_in_super)) }
        if has(CAPDIST_HAS_CAPITAL_OUT_SUPER) { add("capitalOutSuper", Self.number(distribution.capital_out_super)) }
    }

    private mutating func add(_ name: StaticString, _ value: String) {
        text += isFirst ? indentation : ",\(indentation)"
        text += "\"\(name)\": \(value)"
        isFirst = false
    }

    /// The shortest text that reads back as the same double. It has an exponent from 1e15 up and below 1e-4. NaN and
    /// infinity are strings, as in protobuf's JSON mapping.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        let text = value.description
        let bytes = text.ends(in: ".0") ? text.utf8.dropLast(2) : text.utf8[...]
        guard value.magnitude >= 1e15, !bytes.contains(UInt8(ascii: "e")) else { return String(Substring(bytes)) }
        // Swift uses no exponent up to 2^54.
        let sign = value < 0 ? "-" : ""
        let point = UInt8(ascii: ".")
        let unsigned = bytes.drop { $0 == UInt8(ascii: "-") }
        let exponent = unsigned.prefix { $0 != point }.count - 1
        var digits = unsigned.filter { $0 != point }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        let first = String(decoding: digits.prefix(1), as: UTF8.self)
        let fraction = digits.count > 1 ? "." + String(decoding: digits.dropFirst(), as: UTF8.self) : ""
        return "\(sign)\(first)\(fraction)e+\(exponent)"
    }

    private static func quoted(_ text: UnsafePointer<CChar>?) -> String {
        var result = "\""
        for scalar in String(cString: text ?? cString("")).unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
