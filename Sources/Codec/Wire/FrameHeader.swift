/// Protocol numbers that the library uses (docs/protocol.md, Frames over TCP).
package enum ProtoID {
    package static let initConnect: UInt32 = 1001
    package static let getGlobalState: UInt32 = 1002
    package static let notify: UInt32 = 1003
    package static let keepAlive: UInt32 = 1004
    package static let getCapitalDistribution: UInt32 = 3212
}

/// Why the bytes received are not OpenD's protocol. The stream cannot be used any more.
package enum FrameError: Error, Equatable {
    /// The bytes do not start with `FT`.
    case badMagic
    /// The header announces more than the longest body accepted.
    case bodyTooLong(UInt32)
    /// The body format is not protobuf. 1 is JSON, which the library does not request; others are unknown.
    case unsupportedFormat(UInt8)
}

/// The 44 bytes before every body, little-endian and packed (docs/protocol.md, Frames over TCP).
package struct FrameHeader: Equatable {
    package static let size = 44
    package static let magic = (UInt8(ascii: "F"), UInt8(ascii: "T"))
    package static let protobufFormat: UInt8 = 0

    package var protoID: UInt32
    package var format: UInt8
    package var version: UInt8
    package var serialNo: UInt32
    /// Length of the body as it is sent, in bytes.
    package var bodyLength: UInt32
    /// SHA-1 of the body before encryption.
    package var sha1: SHA1Digest

    package init(
        protoID: UInt32, format: UInt8 = FrameHeader.protobufFormat, version: UInt8 = 0, serialNo: UInt32,
        bodyLength: UInt32, sha1: SHA1Digest
    ) {
        self.protoID = protoID
        self.format = format
        self.version = version
        self.serialNo = serialNo
        self.bodyLength = bodyLength
        self.sha1 = sha1
    }

    /// Reads a header.
    /// - Returns: nil if `bytes` has less than a whole header.
    /// - Throws: as soon as the bytes cannot begin a frame. So a peer with another protocol is noticed by its first
    ///   byte, and not by a timeout.
    package init?(_ bytes: UnsafeRawBufferPointer, maxBodyLength: Int) throws(FrameError) {
        if bytes.count > 0, bytes[0] != Self.magic.0 { throw .badMagic }
        if bytes.count > 1, bytes[1] != Self.magic.1 { throw .badMagic }
        guard bytes.count >= Self.size else { return nil }
        // Frames begin at any address.
        protoID = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
        format = bytes[6]
        version = bytes[7]
        serialNo = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        bodyLength = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        sha1 = bytes.loadUnaligned(fromByteOffset: 16, as: SHA1Digest.self)
        guard format == Self.protobufFormat else { throw .unsupportedFormat(format) }
        guard Int(bodyLength) <= maxBodyLength else { throw .bodyTooLong(bodyLength) }
    }

    /// Writes the header to the first 44 bytes of `bytes`, which must have at least that many.
    package func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes[0] = Self.magic.0
        bytes[1] = Self.magic.1
        bytes.storeBytes(of: protoID.littleEndian, toByteOffset: 2, as: UInt32.self)
        bytes[6] = format
        bytes[7] = version
        bytes.storeBytes(of: serialNo.littleEndian, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: bodyLength.littleEndian, toByteOffset: 12, as: UInt32.self)
        bytes.storeBytes(of: sha1, toByteOffset: 16, as: SHA1Digest.self)
        bytes.storeBytes(of: 0, toByteOffset: 36, as: UInt64.self)
    }
}
