import Codec

/// Bodies with errors in them, made field by field.
extension Fault {
    /// Numbers of the fields of every response (Common.Response in the .proto files).
    private static let (retTypeNumber, retMsgNumber, errCodeNumber) = (UInt32(1), UInt32(2), UInt32(3))
    private static let s2cNumber = UInt32(4)

    /// - Returns: nil if this fault does not change bodies.
    func body(
        _ body: [UInt8], _ argument: Int64, _ protoID: UInt32, _ words: Words,
        using random: inout some RandomNumberGenerator
    ) -> [UInt8]? {
        switch self {
        case .emptyBody: return []
        case .randomBody: return Self.randomBytes(Int.random(in: 1...200, using: &random), using: &random)
        case .truncated: return Array(body.prefix(Int.random(in: 0...max(body.count - 1, 0), using: &random)))
        default: break
        }
        var response = ProtobufFields(body) ?? ProtobufFields()
        switch self {
        case .wrongTypes:
            Self.changeTypes(&response)
        case .missingField:
            Self.loseField(&response, protoID, using: &random)
        case .repeatedFields:
            response.changeContent { $0 = $0.repeated }
            response = response.repeated
        case .unknownFields:
            response.changeContent { $0 = $0.withUnknownFields(using: &random) }
            response = response.withUnknownFields(using: &random)
        case .nan: response.changeAmounts { _ in .nan }
        case .infinity: response.changeAmounts { $0.isMultiple(of: 2) ? .infinity : -.infinity }
        case .denormal: response.changeAmounts { _ in .leastNonzeroMagnitude }
        case .badUTF8: response.changeTexts([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf5])
        case .embeddedNUL: response.changeTexts(Array("be\u{0}fore".utf8))
        case .longText:
            response.set(Self.retMsgNumber, .bytes([UInt8](repeating: UInt8(ascii: "x"), count: Int(argument))))
        case .retType, .retTypeBare:
            response = Self.refusal(argument, self == .retType ? words.onDemand : nil)
        case .tooFrequent: response = Self.refusal(words.tooFrequent(limit: 30, seconds: argument))
        case .noQuoteRight: response = Self.refusal(words.noQuoteRight)
        case .upstreamLost: response = Self.refusal(words.upstreamLost)
        case .upstreamTimeout: response = Self.refusal(words.upstreamTimeout)
        case .noContent, .initNoContent:
            response.set(Self.retTypeNumber, .varint(0))
            response.remove(Self.s2cNumber)
        case .initRefused: response = Self.refusal(words.initRefused)
        case .noIV: response.changeContent { $0.remove(Self.ivNumber) }
        case .ivLength:
            let iv = [UInt8](repeating: UInt8(ascii: "i"), count: Int(argument))
            response.changeContent { $0.set(Self.ivNumber, .bytes(iv)) }
        case .keyLength:
            let key = [UInt8](repeating: UInt8(ascii: "k"), count: Int(argument))
            response.changeContent { $0.set(Self.keyNumber, .bytes(key)) }
        case .keepAlive:
            response.changeContent { $0.set(Self.keepAliveNumber, .varint(UInt64(bitPattern: argument))) }
        default: return nil
        }
        return response.encoded
    }

    /// Gives each field of the content another wire type; without content, the retType.
    private static func changeTypes(_ response: inout ProtobufFields) {
        if response.message(s2cNumber) == nil { response.set(retTypeNumber, .bytes(Array("0".utf8))) }
        response.changeContent { content in
            for index in content.fields.indices {
                switch content.fields[index].value {
                case .varint(let value), .fixed64(let value):
                    content.fields[index].value = .bytes(Array("\(value)".utf8))
                case .fixed32(let value): content.fields[index].value = .varint(UInt64(value))
                case .bytes: content.fields[index].value = .varint(1)
                }
            }
        }
    }

    /// Removes a required field: one of the content, or the retType.
    private static func loseField(
        _ response: inout ProtobufFields, _ protoID: UInt32, using random: inout some RandomNumberGenerator
    ) {
        let content = response.message(s2cNumber) == nil ? [] : requiredNumbers(protoID)
        let lost = Int.random(in: 0...content.count, using: &random)
        if lost == content.count {
            response.remove(retTypeNumber)
        } else {
            response.changeContent { $0.remove(content[lost]) }
        }
    }

    private static func refusal(_ text: String) -> ProtobufFields { refusal(Int64(RetType.failed), text) }

    /// A refusal with an errCode of 0, like OpenD's. Without a text it has only a retType.
    private static func refusal(_ retType: Int64, _ text: String?) -> ProtobufFields {
        var response = ProtobufFields()
        response.add(retTypeNumber, .varint(UInt64(bitPattern: retType)))
        guard let text else { return response }
        response.add(retMsgNumber, .bytes(Array(text.utf8)))
        response.add(errCodeNumber, .varint(0))
        return response
    }

    /// Field numbers of InitConnect.S2C.
    private static let (keyNumber, keepAliveNumber, ivNumber) = (UInt32(4), UInt32(5), UInt32(6))

    private static func requiredNumbers(_ protoID: UInt32) -> [UInt32] {
        switch protoID {
        case ProtoID.initConnect: [1, 2, 3, 4, 5]
        case ProtoID.getGlobalState: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        case ProtoID.notify, ProtoID.keepAlive: [1]
        case ProtoID.getCapitalDistribution: [1, 2, 3, 4, 5, 6]
        default: []
        }
    }

    static func randomBytes(_ count: Int, using random: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
}

extension ProtobufFields {
    /// Changes a response's `s2c`, if there is one.
    fileprivate mutating func changeContent(_ change: (inout ProtobufFields) -> Void) {
        guard var content = message(4) else { return }
        change(&content)
        set(4, .bytes(content.encoded))
    }

    /// - Parameter change: returns the amount for a field's number.
    fileprivate mutating func changeAmounts(_ change: (UInt32) -> Double) {
        changeContent { content in
            for index in content.fields.indices {
                guard case .fixed64 = content.fields[index].value else { continue }
                // The timestamp is not an amount.
                guard content.fields[index].number != 8 else { continue }
                content.fields[index].value = .fixed64(change(content.fields[index].number).bitPattern)
            }
        }
    }

    /// Changes the retMsg, and all texts of the content.
    fileprivate mutating func changeTexts(_ text: [UInt8]) {
        set(2, .bytes(text))
        changeContent { content in
            for index in content.fields.indices {
                if case .bytes = content.fields[index].value { content.fields[index].value = .bytes(text) }
            }
        }
    }

    /// Each field twice: with a wrong value, then with its own. In protobuf the last value counts, and messages are
    /// merged.
    fileprivate var repeated: ProtobufFields {
        ProtobufFields(
            fields.flatMap { field in
                var wrong = field
                switch field.value {
                case .varint(let value): wrong.value = .varint(value ^ 1)
                case .fixed64(let value): wrong.value = .fixed64(value ^ 0x000f_ffff_0000_0000)
                case .fixed32(let value): wrong.value = .fixed32(value ^ 1)
                case .bytes(let value):
                    // A message merged with itself is unchanged; of two texts the last one counts.
                    if ProtobufFields(value) == nil || value.isEmpty { wrong.value = .bytes(Array("wrong".utf8)) }
                }
                return [wrong, field]
            })
    }

    /// With unknown fields of every type between its own and after them.
    fileprivate func withUnknownFields(using random: inout some RandomNumberGenerator) -> ProtobufFields {
        let unknown = [
            Field(number: 77, value: .varint(random.next())), Field(number: 1_000, value: .fixed64(random.next())),
            Field(number: 19_999, value: .bytes(Fault.randomBytes(20, using: &random))),
            Field(number: 536_870_911, value: .fixed32(UInt32(truncatingIfNeeded: random.next()))),
        ]
        var mixed = self
        for field in unknown { mixed.fields.insert(field, at: Int.random(in: 0...mixed.fields.count, using: &random)) }
        return mixed
    }
}
