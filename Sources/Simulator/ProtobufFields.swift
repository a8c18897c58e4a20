/// Protobuf at the level of bytes, for bodies that no encoder makes: a message is a list of fields, each with a number
/// and a value, in any order and of any type.
struct ProtobufFields: Equatable {
    struct Field: Equatable {
        /// 1 to 536,870,911
        var number: UInt32
        var value: Value
    }

    /// The value, by its wire type.
    enum Value: Equatable {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes([UInt8])
        case fixed32(UInt32)
    }

    var fields: [Field] = []

    /// nil if these bytes are not a message. Groups are not supported.
    init?(_ bytes: some Sequence<UInt8>) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            guard let tag = Self.takeVarint(&rest), let number = UInt32(exactly: tag >> 3), number > 0 else {
                return nil
            }
            switch tag & 7 {
            case 0:
                guard let value = Self.takeVarint(&rest) else { return nil }
                add(number, .varint(value))
            case 1:
                guard let value = Self.takeFixed(&rest, 8) else { return nil }
                add(number, .fixed64(value))
            case 2:
                guard let length = Self.takeVarint(&rest), length <= UInt64(rest.count) else { return nil }
                add(number, .bytes(Array(rest.prefix(Int(length)))))
                rest = rest.dropFirst(Int(length))
            case 5:
                guard let value = Self.takeFixed(&rest, 4) else { return nil }
                add(number, .fixed32(UInt32(truncatingIfNeeded: value)))
            default: return nil
            }
        }
    }

    init(_ fields: [Field] = []) { self.fields = fields }

    mutating func add(_ number: UInt32, _ value: Value) { fields.append(Field(number: number, value: value)) }

    mutating func remove(_ number: UInt32) { fields.removeAll { $0.number == number } }

    /// Replaces the first field of that number, or appends it.
    mutating func set(_ number: UInt32, _ value: Value) {
        if let index = fields.firstIndex(where: { $0.number == number }) {
            fields[index].value = value
        } else {
            add(number, value)
        }
    }

    /// The first field of that number.
    subscript(_ number: UInt32) -> Value? { fields.first { $0.number == number }?.value }

    /// The first field of that number as a message; nil if it is not a message.
    func message(_ number: UInt32) -> ProtobufFields? {
        guard case .bytes(let bytes) = self[number] else { return nil }
        return ProtobufFields(bytes)
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            func put(tag type: UInt64) { Self.put(UInt64(field.number) << 3 | type, &bytes) }
            switch field.value {
            case .varint(let value):
                put(tag: 0)
                Self.put(value, &bytes)
            case .fixed64(let value):
                put(tag: 1)
                withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
            case .bytes(let value):
                put(tag: 2)
                Self.put(UInt64(value.count), &bytes)
                bytes += value
            case .fixed32(let value):
                put(tag: 5)
                withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
            }
        }
        return bytes
    }

    private static func put(_ value: UInt64, _ bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func takeVarint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func takeFixed(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
