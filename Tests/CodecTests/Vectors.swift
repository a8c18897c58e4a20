import Foundation
import Testing

/// Messages and frames that were made with the vendor's own code (`Tests/vectors/opend.json`).
struct Vectors: Decodable, Sendable {
    struct Message: Decodable, Sendable, CustomTestStringConvertible {
        /// The protobuf message and, in brackets, the case.
        let message: String
        let bytes: String
        /// protobuf's text format
        let text: String

        var testDescription: String { message }

        var body: [UInt8] {
            get throws { try #require(fromHex(bytes)) }
        }
    }

    struct Frame: Decodable, Sendable, CustomTestStringConvertible {
        let message: String
        let proto_id: UInt32
        let serial_no: UInt32
        let format: UInt8
        let bytes: String

        var testDescription: String { "\(message) \(serial_no)" }
    }

    struct Cipher: Decodable, Sendable {
        let algorithm: String
        let key: String
        let iv: String?
        let plain: String
        let cipher: String
    }

    struct RSA: Decodable, Sendable {
        let plain: String
        let cipher: String
    }

    let messages: [Message]
    let frames: [Frame]
    let aes: [Cipher]
    let rsa: [RSA]
    let rsa_private_key_pem: String

    /// Empty if the file cannot be read. `VectorTests.allAreThere` reports that.
    static let all: Vectors = {
        let file = folder.appending(path: "opend.json")
        let vectors = try? JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
        return vectors ?? Vectors(messages: [], frames: [], aes: [], rsa: [], rsa_private_key_pem: "")
    }()

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "vectors")

    /// The bytes of the message called `name`.
    static func message(_ name: String) throws -> [UInt8] {
        let vector = try #require(all.messages.first { $0.message == name }, "no vector named \(name)")
        return try vector.body
    }
}

/// A message in protobuf's text format, as far as the vectors use it: a field on each line, and no field repeated.
indirect enum TextFormat: Equatable {
    case scalar(String)
    case message([String: TextFormat])

    init(_ text: String) throws {
        var lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }[...]
        self = .message(try Self.fields(&lines))
        try #require(lines.isEmpty, "more closing braces than opening ones")
    }

    private static func fields(_ lines: inout ArraySlice<String>) throws -> [String: TextFormat] {
        var fields: [String: TextFormat] = [:]
        while let line = lines.popFirst(), line != "}" {
            if line.hasSuffix(" {") {
                fields[String(line.dropLast(2))] = .message(try Self.fields(&lines))
            } else {
                let colon = try #require(line.firstRange(of: ": "), "no field: \(line)")
                fields[String(line[..<colon.lowerBound])] = .scalar(String(line[colon.upperBound...]))
            }
        }
        return fields
    }

    /// The field with that path, such as "s2c.connID"; nil if it is absent.
    private func scalar(_ path: String) -> String? {
        var here = self
        for name in path.split(separator: ".") {
            guard case .message(let fields) = here, let next = fields[String(name)] else { return nil }
            here = next
        }
        guard case .scalar(let value) = here else { return nil }
        return value
    }

    func has(_ name: String) -> Bool {
        guard case .message(let fields) = self else { return false }
        return fields[name] != nil
    }

    /// A number or a boolean; nil if it is absent.
    func optional<Number: LosslessStringConvertible>(_ path: String) throws -> Number? {
        guard let text = scalar(path) else { return nil }
        let value: Number = try #require(Number(text), "\(path) is no number")
        return value
    }

    /// A number or a boolean that must be there.
    func number<Number: LosslessStringConvertible>(_ path: String) throws -> Number {
        let value: Number? = try optional(path)
        return try #require(value, "\(path) is absent")
    }

    /// A text; nil if it is absent.
    func optionalText(_ path: String) throws -> String? {
        guard let quoted = scalar(path) else { return nil }
        try #require(quoted.count >= 2 && quoted.hasPrefix("\"") && quoted.hasSuffix("\"") && !quoted.contains("\\"))
        return String(quoted.dropFirst().dropLast())
    }

    /// A text that must be there.
    func text(_ path: String) throws -> String {
        try #require(try optionalText(path), "\(path) is absent")
    }
}
