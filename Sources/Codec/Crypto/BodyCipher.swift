import COpenSSL

/// The cipher of bodies after InitConnect (docs/protocol.md, Encryption; capdist.h, CAPDIST_CIPHER_*).
package enum CipherAlgorithm: Int32, CaseIterable, Sendable {
    case none = -1
    case ftaesECB = 0
    case aesECB = 1
    case aesCBC = 2

    /// The cipher that a stream uses.
    /// - Parameter hasIV: whether InitConnect's answer had an iv. Without one the default is used, as by the vendor's
    ///   client.
    package func agreed(hasIV: Bool) -> CipherAlgorithm {
        if case .aesCBC = self, !hasIV { .ftaesECB } else { self }
    }
}

/// Encrypts and decrypts bodies with AES-128. For one thread at a time.
package final class BodyCipher {
    package static let keySize = 16
    private static let block = 16
    /// How many bytes a cipher text is longer than its body, at most: FTAES_ECB's padding and its last block.
    package static let overhead = 2 * block

    private let isFTAES: Bool
    private let encryption: OpaquePointer
    private let decryption: OpaquePointer

    /// - Parameters:
    ///   - key: 16 bytes.
    ///   - iv: 16 bytes, for `aesCBC`.
    /// - Returns: nil for other lengths, for the cipher `none`, and if OpenSSL fails.
    package convenience init?(_ algorithm: CipherAlgorithm, key: UnsafeRawBufferPointer, iv: UnsafeRawBufferPointer?) {
        guard key.count == Self.keySize else { return nil }
        if case .none = algorithm { return nil }
        let isCBC = if case .aesCBC = algorithm { true } else { false }
        guard !isCBC || iv?.count == Self.block else { return nil }
        guard let encryption = EVP_CIPHER_CTX_new() else { return nil }
        guard let decryption = EVP_CIPHER_CTX_new() else {
            EVP_CIPHER_CTX_free(encryption)
            return nil
        }
        self.init(encryption, decryption, isFTAES: algorithm == .ftaesECB)
        let key = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
        // ECB has no iv.
        let iv = iv?.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let isReady = Crypto.gated { () -> Bool in
            guard let crypto = Crypto.shared else { return false }
            let cipher = isCBC ? crypto.aesCBC : crypto.aesECB
            return EVP_EncryptInit_ex2(encryption, cipher, key, iv, nil) == 1
                && EVP_DecryptInit_ex2(decryption, cipher, key, iv, nil) == 1
        }
        guard isReady else { return nil }
        if isFTAES {
            EVP_CIPHER_CTX_set_padding(encryption, 0)
            EVP_CIPHER_CTX_set_padding(decryption, 0)
        }
    }

    private init(_ encryption: OpaquePointer, _ decryption: OpaquePointer, isFTAES: Bool) {
        self.encryption = encryption
        self.decryption = decryption
        self.isFTAES = isFTAES
    }

    // OpenSSL wipes the key.
    deinit {
        EVP_CIPHER_CTX_free(encryption)
        EVP_CIPHER_CTX_free(decryption)
    }

    /// Encrypts the first `count` bytes of `room` in place; it must be longer by `overhead`.
    /// - Returns: the cipher text's length; nil if OpenSSL fails.
    package func encrypt(_ room: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        var length = count
        if isFTAES {
            length = (count + Self.block - 1) / Self.block * Self.block
            guard room.count >= length + Self.block else { return nil }
            for place in count..<length { room[place] = 0 }
        }
        guard room.count >= length + Self.block, let bytes = room.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let input = Int32(exactly: length)
        else { return nil }
        var (first, last): (Int32, Int32) = (0, 0)
        // Resets the context, with the same key and the same iv.
        let isDone =
            EVP_EncryptInit_ex2(encryption, nil, nil, nil, nil) == 1
            && EVP_EncryptUpdate(encryption, bytes, &first, bytes, input) == 1
            && EVP_EncryptFinal_ex(encryption, bytes + Int(first), &last) == 1
        guard isDone else { return nil }
        length = Int(first) + Int(last)
        guard isFTAES else { return length }
        for place in length..<(length + Self.block - 1) { room[place] = 0 }
        room[length + Self.block - 1] = UInt8(count % Self.block)
        return length + Self.block
    }

    /// Decrypts a body into `room`, which must have the same length.
    /// - Returns: the length of the decrypted body.
    package func decrypt(
        _ body: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) throws(CipherError) -> Int {
        guard body.count % Self.block == 0, let last = body.last, var input = Int32(exactly: body.count),
            room.count >= body.count, let bytes = body.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let plain = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { throw .length }
        if isFTAES {
            guard last < Self.block else { throw .padding }
            input -= Int32(Self.block)
            guard input > 0 || last == 0 else { throw .length }
        }
        var (first, rest): (Int32, Int32) = (0, 0)
        guard EVP_DecryptInit_ex2(decryption, nil, nil, nil, nil) == 1,
            EVP_DecryptUpdate(decryption, plain, &first, bytes, input) == 1
        else { throw .system }
        // What fails here makes the thread an error queue.
        let isPadded = Crypto.gated { EVP_DecryptFinal_ex(decryption, plain + Int(first), &rest) == 1 }
        guard isPadded else { throw .padding }
        let padding = isFTAES && last != 0 ? Self.block - Int(last) : 0
        return Int(first) + Int(rest) - padding
    }
}
