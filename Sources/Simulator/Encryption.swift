import Codec

/// How a body is encrypted.
package enum Encryption {
    case none
    case rsa(RSAKey)
    case aes(BodyCipher, CipherAlgorithm)

    package init(_ key: RSAKey?) { self = key.map { .rsa($0) } ?? .none }

    /// A frame with the right length and the SHA-1 of `body`; empty if OpenSSL fails.
    package func frame(_ protoID: UInt32, _ serialNo: UInt32, _ body: [UInt8]) -> [UInt8] {
        var writer = FrameWriter()
        _ = body.withUnsafeBytes { body in
            switch self {
            case .none: writer.append(protoID: protoID, serialNo: serialNo, body: body)
            case .rsa(let key):
                writer.append(
                    protoID: protoID, serialNo: serialNo, body: body, encrypted: key.encrypt(body) ?? [])
            case .aes(let cipher, _): writer.append(protoID: protoID, serialNo: serialNo, body: body, cipher: cipher)
            }
        }
        return Array(writer.pending)
    }

    /// nil if it cannot be decrypted.
    package func decrypt(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        switch self {
        case .none: return Array(body)
        case .rsa(let key): return try? key.decrypt(body)
        case .aes(let cipher, _):
            var plain = [UInt8](repeating: 0, count: body.count)
            let length = plain.withUnsafeMutableBytes { room in try? cipher.decrypt(body, into: room) }
            return length.map { Array(plain[..<$0]) }
        }
    }
}
