/// The fields of a protobuf message on the wire, one after the other. It throws for everything that is not valid:
/// truncation, field numbers out of 1 to 2^29 - 1, tags and lengths of more than five bytes, numbers of more than ten
/// bytes, groups that do not end.
struct WireFields {
    enum Value {
        case varint(UInt64)
        case fixed64(UnsafeRawBufferPointer)
        case bytes(UnsafeRawBufferPointer)
        /// A group. Our messages have none, so it is an unknown field.
        case group
        case fixed32(UnsafeRawBufferPointer)
    }

    struct Field {
        var number: UInt32
        var value: Value
    }

    /// How deep messages and groups may be nested, as in protobuf's own decoders.
    static var maxDepth: Int { 100 }

    private var rest: UnsafeRawBufferPointer
    private let depth: Int

    /// - Parameter depth: how many messages this one is nested in.
    init(_ message: UnsafeRawBufferPointer, depth: Int) {
        rest = message
        self.depth = depth
    }

    /// Throws unless all fields are valid.
    static func check(_ message: UnsafeRawBufferPointer, depth: Int) throws(MessageError) {
        var fields = WireFields(message, depth: depth)
        while try fields.next() != nil {}
    }

    /// nil at the end.
    mutating func next() throws(MessageError) -> Field? {
        guard !rest.isEmpty else { return nil }
        let (number, wireType) = try tag()
        if wireType == 3 {
            try skipGroup(number)
            return Field(number: number, value: .group)
        }
        return Field(number: number, value: try value(wireType))
    }

    /// Skips to the end of the group with that number. Without recursion, because the sender decides how deep it is.
    private mutating func skipGroup(_ number: UInt32) throws(MessageError) {
        var open = [number]
        while let innermost = open.last {
            guard depth + open.count <= Self.maxDepth, !rest.isEmpty else { throw .malformed }
            let (number, wireType) = try tag()
            switch wireType {
            case 3: open.append(number)
            case 4:
                guard number == innermost else { throw .malformed }
                open.removeLast()
            default: _ = try value(wireType)
            }
        }
    }

    private mutating func tag() throws(MessageError) -> (number: UInt32, wireType: UInt32) {
        guard let tag = UInt32(exactly: try varint(longest: 5)), tag >> 3 != 0 else { throw .malformed }
        return (tag >> 3, tag & 7)
    }

    private mutating func value(_ wireType: UInt32) throws(MessageError) -> Value {
        switch wireType {
        case 0: return .varint(try varint(longest: 10))
        case 1: return .fixed64(try take(8))
        case 2:
            guard let length = Int32(exactly: try varint(longest: 5)) else { throw .malformed }
            return .bytes(try take(Int(length)))
        case 5: return .fixed32(try take(4))
        default: throw .malformed
        }
    }

    /// Bits beyond the 64th are dropped.
    private mutating func varint(longest: Int) throws(MessageError) -> UInt64 {
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(longest).enumerated() {
            value |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte & 0x80 == 0 {
                _ = try take(index + 1)
                return value
            }
        }
        throw .malformed
    }

    private mutating func take(_ count: Int) throws(MessageError) -> UnsafeRawBufferPointer {
        guard count <= rest.count else { throw .malformed }
        let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        return taken
    }
}
