import COpenSSL

/// The private key that client and gateway share: InitConnect both ways, RSA with PKCS#1 v1.5 (docs/protocol.md,
/// Encryption). It never changes, and OpenSSL counts its references atomically, so any thread may use it.
package final class RSAKey: @unchecked Sendable {
    package static let bits: ClosedRange<Int32> = 512...4096
    /// How many bytes of each block PKCS#1 v1.5 uses itself.
    private static let overhead = 11

    private let key: OpaquePointer
    /// Length of an encrypted block, in bytes.
    package let blockSize: Int

    /// Why a text cannot be used as a key, for people.
    package struct LoadError: Error, Equatable {
        package let text: String
    }

    /// Reads PEM text: PKCS#1 or PKCS#8. The text is not kept.
    package convenience init(pem: UnsafeRawBufferPointer) throws(LoadError) {
        try self.init(Self.decode(pem))
    }

    static func decode(_ pem: UnsafeRawBufferPointer) throws(LoadError) -> OpaquePointer {
        let read = Crypto.gated {
            Result { () throws(LoadError) in
                guard let crypto = Crypto.shared else { throw LoadError(text: "OpenSSL does not support it") }
                return try Self.decode(pem, crypto)
            }
        }
        return try read.get()
    }

    init(_ key: OpaquePointer) throws(LoadError) {
        self.key = key
        blockSize = Int(EVP_PKEY_get_size(key))
        let bits = EVP_PKEY_get_bits(key)
        guard Self.bits.contains(bits) else {
            throw LoadError(text: "its \(bits) bits are not \(Self.bits.lowerBound) to \(Self.bits.upperBound)")
        }
        // Also does what OpenSSL does at first use, on the application's thread.
        let word: [UInt8] = Array("capdist".utf8)
        let back = Crypto.gated { word.withUnsafeBytes { encrypted($0) }?.withUnsafeBytes { decrypted($0) } ?? nil }
        guard back == word else { throw LoadError(text: "its numbers do not match each other") }
    }

    deinit { Crypto.gated { EVP_PKEY_free(key) } }

    /// - Returns: nil if OpenSSL fails.
    package func encrypt(_ body: UnsafeRawBufferPointer) -> [UInt8]? { Crypto.gated { encrypted(body) } }

    /// - Parameter goesOn: called before each block, because a block may take milliseconds; false stops. A fork waits
    ///   for one block at most.
    /// - Returns: the decrypted bytes, which the caller must wipe.
    /// - Throws: `padding` also for a text that was encrypted with another key; `system` also if `goesOn` was false.
    package func decrypt(
        _ cipherText: UnsafeRawBufferPointer, while goesOn: () -> Bool = { true }
    ) throws(CipherError) -> [UInt8] {
        guard !cipherText.isEmpty, cipherText.count % blockSize == 0 else { throw .length }
        var body: [UInt8] = []
        // Otherwise the array would grow, and leave copies in freed memory.
        body.reserveCapacity(cipherText.count)
        do throws(CipherError) {
            for start in stride(from: 0, to: cipherText.count, by: blockSize) {
                guard goesOn() else { throw .system }
                let block = UnsafeRawBufferPointer(rebasing: cipherText[start..<(start + blockSize)])
                guard var plain = Crypto.gated({ decrypted(block) }) else { throw .padding }
                body += plain
                plain.withUnsafeMutableBytes { Crypto.wipe($0) }
            }
        } catch {
            body.withUnsafeMutableBytes { Crypto.wipe($0) }
            throw error
        }
        return body
    }

    private func encrypted(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        blocks(body, of: blockSize - Self.overhead, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt)
    }

    private func decrypted(_ cipherText: UnsafeRawBufferPointer) -> [UInt8]? {
        blocks(cipherText, of: blockSize, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt)
    }

    private typealias Begin = (OpaquePointer?) -> Int32
    private typealias Step = (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?, UnsafePointer<UInt8>?, Int
    ) -> Int32

    private func blocks(_ input: UnsafeRawBufferPointer, of size: Int, _ begin: Begin, _ step: Step) -> [UInt8]? {
        guard size > 0, let crypto = Crypto.shared,
            let context = EVP_PKEY_CTX_new_from_pkey(crypto.context, key, nil)
        else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard begin(context) == 1, EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 else { return nil }
        let count = (input.count + size - 1) / size
        var isDone = true
        var output = [UInt8](unsafeUninitializedCapacity: count * blockSize) { output, written in
            for block in 0..<count {
                let rest = UnsafeRawBufferPointer(rebasing: input[(block * size)...].prefix(size))
                var length = output.count - written
                let room = output.baseAddress.map { $0 + written }
                isDone =
                    step(context, room, &length, rest.baseAddress?.assumingMemoryBound(to: UInt8.self), rest.count)
                    == 1
                guard isDone else { return }
                written += length
            }
        }
        if isDone { return output }
        output.withUnsafeMutableBytes { Crypto.wipe($0) }
        return nil
    }
}
