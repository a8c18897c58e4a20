import CProtobufC

/// Decodes a message by protobuf's specification, and encodes it again in a form that protobuf-c accepts. protobuf-c
/// refuses three things that are valid: groups, a field of another wire type than its own (both are unknown fields by
/// the specification), and a message field in several pieces if one piece lacks a required field (the pieces are one
/// message). Unknown fields are left out.
struct SecondReading {
    /// May contain a secret.
    private var written: [UInt8] = []

    /// Calls `body` with the message in protobuf-c's form; nil if `message` is not valid protobuf.
    static func with<Result>(
        _ message: UnsafeRawBufferPointer, _ descriptor: ProtobufCMessageDescriptor,
        _ body: (UnsafeRawBufferPointer) -> Result?
    ) -> Result? {
        var reading = SecondReading()
        // Enough room, although the length of each message field takes five bytes here: so the array is never moved,
        // and leaves no copy of a secret.
        reading.written.reserveCapacity(message.count + 256)
        defer { reading.written.withUnsafeMutableBytes { Crypto.wipe($0) } }
        do throws(MessageError) {
            try reading.write(message, descriptor, depth: 0)
        } catch {
            return nil
        }
        return reading.written.withUnsafeBytes { body($0) }
    }

    /// A known field: its last value or, if it is a message, all its pieces.
    private enum Known {
        case none
        case scalar(WireFields.Value)
        case message(first: UnsafeRawBufferPointer, length: Int, pieces: Int)
    }

    /// The recursion is as deep as our own message types are nested.
    private mutating func write(
        _ message: UnsafeRawBufferPointer, _ descriptor: ProtobufCMessageDescriptor, depth: Int
    ) throws(MessageError) {
        let fields = UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
        var known = [Known](repeating: .none, count: fields.count)
        var scan = WireFields(message, depth: depth)
        while let field = try scan.next() {
            guard let index = fields.firstIndex(where: { $0.id == field.number }), fields[index].takes(field.value)
            else {
                continue
            }
            guard case .bytes(let piece) = field.value, fields[index].isMessage else {
                known[index] = .scalar(field.value)
                continue
            }
            if case .message(let first, let length, let pieces) = known[index] {
                known[index] = .message(first: first, length: length + piece.count, pieces: pieces + 1)
            } else {
                known[index] = .message(first: piece, length: piece.count, pieces: 1)
            }
        }
        for (field, value) in zip(fields, known) {
            switch value {
            case .none: break
            case .scalar(let value): write(field, value)
            case .message(let first, _, pieces: 1): try write(field, first, depth)
            case .message(_, let length, _): try writePieces(of: field, message, length, depth)
            }
        }
    }

    /// The pieces of a message, one after the other, are the message.
    private mutating func writePieces(
        of field: ProtobufCFieldDescriptor, _ message: UnsafeRawBufferPointer, _ length: Int, _ depth: Int
    ) throws(MessageError) {
        var whole: [UInt8] = []
        whole.reserveCapacity(length)
        defer { whole.withUnsafeMutableBytes { Crypto.wipe($0) } }
        var scan = WireFields(message, depth: depth)
        while let next = try scan.next() {
            guard next.number == field.id, case .bytes(let piece) = next.value else { continue }
            // Otherwise a field that is cut off in one piece would continue in the next.
            try WireFields.check(piece, depth: depth + 1)
            whole.append(contentsOf: piece)
        }
        let result = whole.withUnsafeBytes { whole -> Result<Void, MessageError> in
            do throws(MessageError) {
                return .success(try write(field, whole, depth))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private mutating func write(
        _ field: ProtobufCFieldDescriptor, _ message: UnsafeRawBufferPointer, _ depth: Int
    ) throws(MessageError) {
        guard let descriptor = field.descriptor?.assumingMemoryBound(to: ProtobufCMessageDescriptor.self) else {
            throw .malformed
        }
        tag(field.id, 2)
        let start = written.count
        written.append(contentsOf: [0, 0, 0, 0, 0])
        try write(message, descriptor.pointee, depth: depth + 1)
        // The length is known only now, so it always takes five bytes.
        let length = UInt64(written.count - start - 5)
        for index in 0..<5 {
            written[start + index] =
                UInt8(truncatingIfNeeded: length >> UInt64(7 * index)) & 0x7f | (index < 4 ? 0x80 : 0)
        }
    }

    private mutating func write(_ field: ProtobufCFieldDescriptor, _ value: WireFields.Value) {
        switch value {
        case .varint(let number):
            tag(field.id, 0)
            varint(number)
        case .fixed64(let bytes):
            tag(field.id, 1)
            written.append(contentsOf: bytes)
        case .bytes(let bytes):
            tag(field.id, 2)
            varint(UInt64(bytes.count))
            written.append(contentsOf: bytes)
        case .group: break
        case .fixed32(let bytes):
            tag(field.id, 5)
            written.append(contentsOf: bytes)
        }
    }

    private mutating func tag(_ number: UInt32, _ wireType: UInt64) { varint(UInt64(number) << 3 | wireType) }

    private mutating func varint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            written.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        written.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension ProtobufCFieldDescriptor {
    fileprivate var isMessage: Bool { cprotobuf_is_message(type) != 0 }

    /// Whether the value is of the field's wire type.
    fileprivate func takes(_ value: WireFields.Value) -> Bool {
        switch (value, cprotobuf_wire_type(type)) {
        case (.varint, 0), (.fixed64, 1), (.bytes, 2), (.fixed32, 5): true
        default: false
        }
    }
}
