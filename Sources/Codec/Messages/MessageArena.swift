import CProtobufC
import Glibc

/// Why a body could not be decoded.
package enum MessageError: Error, Equatable {
    /// Not valid protobuf, a required field is missing, or it needs more memory than a body of its length may.
    case malformed
    /// Its retType is success, but it has no `s2c`.
    case noContent
}

/// Memory for one decoded message at a time. protobuf-c allocates many small pieces; they are cut from one block and
/// freed together. The memory for one body is limited, because protobuf-c needs a hundred bytes for each two-byte
/// unknown field. For one thread at a time. Everything is at fixed addresses, because protobuf-c and the messages point
/// to it.
package struct MessageArena: ~Copyable {
    private struct State {
        let block: UnsafeMutableRawPointer
        /// Free bytes, at the end of the block: a multiple of the alignment.
        var free = blockSize
        /// Further blocks, for what did not fit. Each begins with the next one's address and its own size.
        var overflow: UnsafeMutableRawPointer?
        /// Bytes that may still be allocated beyond the block.
        var budget = 0
        /// Whether protobuf-c freed something while it decoded.
        var hasDropped = false
    }

    package typealias Unpack<Message> = (
        UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
    ) -> UnsafeMutablePointer<Message>?

    private static var blockSize: Int { 4 * 1024 }
    private static var alignment: Int { 16 }

    private let state: UnsafeMutablePointer<State>
    private let allocator: UnsafeMutablePointer<ProtobufCAllocator>

    package init() {
        state = .allocate(capacity: 1)
        state.initialize(to: State(block: .allocate(byteCount: Self.blockSize, alignment: Self.alignment)))
        allocator = .allocate(capacity: 1)
        allocator.initialize(
            to: ProtobufCAllocator(
                alloc: { MessageArena.allocate($0, $1) }, free: { data, _ in MessageArena.drop(data) },
                allocator_data: state))
    }

    deinit {
        reset()
        state.pointee.block.deallocate()
        state.deallocate()
        allocator.deallocate()
    }

    /// Decodes `body`. The result is valid until the next call; nil if the body is malformed.
    /// - Parameters:
    ///   - unpack: a generated `..._unpack` function.
    ///   - descriptor: the descriptor of the message.
    package borrowing func unpack<Message>(
        _ body: UnsafeRawBufferPointer, _ unpack: Unpack<Message>,
        _ descriptor: @autoclosure () -> ProtobufCMessageDescriptor
    ) -> UnsafeMutablePointer<Message>? {
        guard let message = unpackPlain(body, unpack), !hasDropped else {
            return unpackAgain(body, unpack, descriptor())
        }
        // Every generated struct begins with a ProtobufCMessage.
        return Self.hasValidTags(UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self))
            ? message : nil
    }

    /// The second decoding, of a body that protobuf-c refuses (`SecondReading`). Messages with a bool are only decoded
    /// in this way, because protobuf-c accepts a bool of any wire type.
    package borrowing func unpackAgain<Message>(
        _ body: UnsafeRawBufferPointer, _ unpack: Unpack<Message>, _ descriptor: ProtobufCMessageDescriptor
    ) -> UnsafeMutablePointer<Message>? {
        SecondReading.with(body, descriptor) { unpackPlain($0, unpack) }
    }

    /// Whether protobuf-c dropped a part of the last message. When it merges the pieces of a message field, it drops
    /// the unknown fields of all pieces but the last, even those with invalid numbers.
    @inline(__always)
    var hasDropped: Bool { state.pointee.hasDropped }

    /// Whether all unknown fields have valid numbers: protobuf-c does not check them.
    static func hasValidTags(_ message: UnsafePointer<ProtobufCMessage>) -> Bool {
        let unknown = UnsafeBufferPointer(
            start: message.pointee.unknown_fields, count: Int(message.pointee.n_unknown_fields))
        guard unknown.allSatisfy({ (1..<1 << 29).contains($0.tag) }), let descriptor = message.pointee.descriptor else {
            return false
        }
        let fields = UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
        return fields.allSatisfy { field in
            guard cprotobuf_is_message(field.type) != 0 else { return true }
            let member = UnsafeRawPointer(message).load(
                fromByteOffset: Int(field.offset), as: UnsafePointer<ProtobufCMessage>?.self)
            // The recursion is as deep as our own message types are nested.
            return member.map { hasValidTags($0) } ?? true
        }
    }

    /// Decodes with protobuf-c alone.
    @inline(__always)
    package borrowing func unpackPlain<Message>(
        _ body: UnsafeRawBufferPointer,
        _ unpack: Unpack<Message>
    ) -> UnsafeMutablePointer<Message>? {
        reset()
        // Twice the body is enough for its texts; the rest is for the struct, and for unknown fields of a newer
        // version.
        state.pointee.budget = body.count * 2 + 64 * 1024
        // protobuf-c does not accept NULL, not even for an empty body.
        guard let bytes = body.baseAddress, body.count > 0 else {
            var nothing: UInt8 = 0
            return unpack(allocator, 0, &nothing)
        }
        return unpack(allocator, body.count, bytes.assumingMemoryBound(to: UInt8.self))
    }

    /// Overwrites the last message, which contained a secret.
    package borrowing func wipe() {
        Crypto.wipe(
            UnsafeMutableRawBufferPointer(start: state.pointee.block, count: Self.blockSize - state.pointee.free))
        var block = state.pointee.overflow
        while let piece = block {
            block = piece.load(as: UnsafeMutableRawPointer?.self)
            let count = piece.load(fromByteOffset: MemoryLayout<Int>.size, as: Int.self)
            Crypto.wipe(UnsafeMutableRawBufferPointer(start: piece.advanced(by: Self.alignment), count: count))
        }
        reset()
    }

    /// Frees what the last message needed beyond the block.
    private func reset() {
        state.pointee.free = Self.blockSize
        state.pointee.hasDropped = false
        while let block = state.pointee.overflow {
            state.pointee.overflow = block.load(as: UnsafeMutableRawPointer?.self)
            free(block)
        }
    }

    private static func drop(_ data: UnsafeMutableRawPointer?) {
        data?.assumingMemoryBound(to: State.self).pointee.hasDropped = true
    }

    private static func allocate(_ data: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
        guard let state = data?.assumingMemoryBound(to: State.self), size >= 0 else { return nil }
        if size <= state.pointee.free {
            let piece = state.pointee.block.advanced(by: blockSize &- state.pointee.free)
            state.pointee.free &-= (size &+ (alignment - 1)) & ~(alignment - 1)
            return piece
        }
        let (padded, overflow) = size.addingReportingOverflow(alignment - 1)
        let rounded = padded & ~(alignment - 1)
        guard !overflow, rounded <= state.pointee.budget else { return nil }
        state.pointee.budget -= rounded
        guard let block = malloc(rounded + alignment) else { return nil }
        block.storeBytes(of: state.pointee.overflow, as: UnsafeMutableRawPointer?.self)
        block.storeBytes(of: rounded, toByteOffset: MemoryLayout<Int>.size, as: Int.self)
        state.pointee.overflow = block
        return block.advanced(by: alignment)
    }
}

/// The bytes of a message that was filled in as its generated C struct.
func packed<Message>(_ message: inout Message) -> [UInt8] {
    withUnsafeMutablePointer(to: &message) { pointer in
        pointer.withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { message in
            [UInt8](unsafeUninitializedCapacity: protobuf_c_message_get_packed_size(message)) { buffer, count in
                count = buffer.baseAddress.map { protobuf_c_message_pack(message, $0) } ?? 0
            }
        }
    }
}

/// The bytes of a C string.
func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
}

/// Passes a C string to `body`, as protobuf-c's structs need it; nil stays nil.
func withMutableCString<R>(_ text: String?, _ body: (UnsafeMutablePointer<CChar>?) -> R) -> R {
    guard let text else { return body(nil) }
    return text.withCString { body(UnsafeMutablePointer(mutating: $0)) }
}

/// The same for bytes, of which none is 0.
func withMutableCString<R>(_ text: [UInt8]?, _ body: (UnsafeMutablePointer<CChar>?) -> R) -> R {
    guard var text else { return body(nil) }
    text.append(0)
    // It may contain a key.
    defer { text.withUnsafeMutableBytes { Crypto.wipe($0) } }
    return text.withUnsafeMutableBytes { body($0.baseAddress?.assumingMemoryBound(to: CChar.self)) }
}
