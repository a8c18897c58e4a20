import CJansson
import Glibc
import Simulator

/// Reads a file that --record wrote, or another in the same format: one JSON object on each line, with `direction` (c2s
/// or s2c), `proto_id`, `serial_no` and `body` (hex, decrypted), and, if there is more than one client or a push,
/// `client` and `is_push`. Everything else is ignored, and so is a line with `about` and no `direction`.
enum RecordingFile {
    struct Refusal: Error {
        let text: String
    }

    static func read(_ path: String) throws(Refusal) -> Recording {
        guard let file = fopen(path, "re") else {
            throw Refusal(text: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var recording = Recording()
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        var number = 0
        while true {
            errno = 0
            let count = getline(&line, &room, file)
            guard count >= 0, let line else { break }
            number += 1
            let bytes = UnsafeRawBufferPointer(start: line, count: count)
            if bytes.allSatisfy({ [0x20, 0x09, 0x0a, 0x0d].contains($0) }) { continue }
            do throws(Refusal) {
                if let entry = try entry(bytes) { recording.add(entry) }
            } catch {
                throw Refusal(text: "\(path) line \(number): \(error.text)")
            }
        }
        if ferror(file) != 0 { throw Refusal(text: "cannot read \(path): \(String(cString: strerror(errno)))") }
        guard recording.count > 0 else { throw Refusal(text: "\(path) has no answer to any request") }
        return recording
    }

    /// nil: a line about the recording.
    private static func entry(_ line: UnsafeRawBufferPointer) throws(Refusal) -> Recording.Entry? {
        var error = json_error_t()
        let start = line.baseAddress?.assumingMemoryBound(to: CChar.self)
        // Section numbers have 64 bits without a sign, and its integers have a sign.
        let flags = size_t(JSON_DECODE_INT_AS_REAL)
        guard let object = json_loadb(start, line.count, flags, &error) else {
            throw Refusal(text: "no JSON: \(text(error))")
        }
        defer { json_decref(object) }
        guard object.pointee.type == JSON_OBJECT else { throw Refusal(text: "no JSON object") }
        guard let direction = json_object_get(object, "direction") else {
            if json_object_get(object, "about") != nil { return nil }
            throw Refusal(text: "it has no direction")
        }
        guard let word = json_string_value(direction).map({ String(cString: $0) }), ["c2s", "s2c"].contains(word) else {
            throw Refusal(text: "direction is c2s or s2c")
        }
        guard let protoID = UInt32(exactly: try number(object, "proto_id")) else {
            throw Refusal(text: "proto_id is out of range")
        }
        guard let serialNo = UInt64(exactly: try number(object, "serial_no")) else {
            throw Refusal(text: "serial_no is out of range")
        }
        guard let hex = json_string_value(json_object_get(object, "body")), let body = bytes(hex) else {
            throw Refusal(text: "body is no hex text")
        }
        let client = json_object_get(object, "client") == nil ? 0 : try number(object, "client")
        let isPush = json_object_get(object, "is_push")?.pointee.type == JSON_TRUE
        return Recording.Entry(
            client: Int64(exactly: client) ?? 0, isRequest: word == "c2s", protoID: protoID, serialNo: serialNo,
            isPush: isPush, body: body)
    }

    private static func number(
        _ object: UnsafeMutablePointer<json_t>, _ name: String
    ) throws(Refusal) -> Double {
        guard let value = json_object_get(object, name), value.pointee.type == JSON_REAL else {
            throw Refusal(text: "\(name) is no number")
        }
        return json_real_value(value)
    }

    private static func bytes(_ hex: UnsafePointer<CChar>) -> [UInt8]? {
        let digits = String(cString: hex).utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[place], let low = digits[place + 1] else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return bytes
    }

    private static func text(_ error: json_error_t) -> String {
        withUnsafeBytes(of: error.text) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
