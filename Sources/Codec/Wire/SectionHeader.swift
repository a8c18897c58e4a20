import Glibc

/// Why a binary message is not the bridge's protocol. The stream cannot be used any more.
package enum SectionError: Error, Equatable {
    /// It does not begin with `ft-v1.0`.
    case badMagic
    /// It is shorter than a header.
    case tooShort(Int)
}

/// The bytes before every body of the WebSocket bridge, big-endian and packed: 20 before a request's, 44 before a
/// reply's (docs/protocol.md, WebSocket).
package struct SectionHeader: Equatable {
    package static let requestSize = 20
    package static let replySize = 44
    private static let errorTextSize = 20
    /// "ft-v1.0" and a NUL, as a big-endian number.
    private static let magic: UInt64 = 0x6674_2d76_312e_3000

    /// The protocol number of an OpenD message, or a command of the bridge.
    package var command: UInt32
    /// A reply has the same number as its request.
    package var section: UInt64
    /// In a reply: 0, or why there is no body.
    package var error: Int32 = 0
    package var errorText = ""

    package init(command: UInt32, section: UInt64, error: Int32 = 0, errorText: String = "") {
        self.command = command
        self.section = section
        self.error = error
        self.errorText = errorText
    }

    /// Reads the header of a request.
    package init(request message: UnsafeRawBufferPointer) throws(SectionError) {
        try self.init(message, size: Self.requestSize)
    }

    /// Reads the header of a reply.
    package init(reply message: UnsafeRawBufferPointer) throws(SectionError) {
        try self.init(message, size: Self.replySize)
        error = Int32(bigEndian: message.loadUnaligned(fromByteOffset: 20, as: Int32.self))
        if error != 0 { errorText = Self.errorText(ofReply: message) }
    }

    /// The text of a reply that reports an error; "" if it has none.
    package static func errorText(ofReply message: UnsafeRawBufferPointer) -> String {
        guard message.count >= replySize else { return "" }
        return String(decoding: message[24..<replySize].prefix { $0 != 0 }, as: UTF8.self)
    }

    private init(_ message: UnsafeRawBufferPointer, size: Int) throws(SectionError) {
        guard message.count >= 8 else { throw .tooShort(message.count) }
        guard UInt64(bigEndian: message.loadUnaligned(as: UInt64.self)) == Self.magic else { throw .badMagic }
        guard message.count >= size else { throw .tooShort(message.count) }
        command = UInt32(bigEndian: message.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        section = UInt64(bigEndian: message.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
    }

    /// Writes the header of a request to the first 20 bytes of `message`, which must have at least that many.
    package func write(to message: UnsafeMutableRawBufferPointer) {
        message.storeBytes(of: Self.magic.bigEndian, as: UInt64.self)
        message.storeBytes(of: command.bigEndian, toByteOffset: 8, as: UInt32.self)
        message.storeBytes(of: section.bigEndian, toByteOffset: 12, as: UInt64.self)
    }

    /// A whole reply.
    package func reply(_ body: [UInt8]) -> [UInt8] {
        var message = [UInt8](repeating: 0, count: Self.replySize)
        message.withUnsafeMutableBytes { bytes in
            write(to: bytes)
            bytes.storeBytes(of: error.bigEndian, toByteOffset: 20, as: Int32.self)
            UnsafeMutableRawBufferPointer(rebasing: bytes[24...]).copyBytes(
                from: errorText.utf8.prefix(Self.errorTextSize))
        }
        return message + body
    }
}
