import Codec
import Glibc

/// Decrypts the gateway's bodies, and refuses what would be a silent downgrade (docs/protocol.md, Encryption). For one
/// thread at a time.
package struct Decryption: ~Copyable {
    /// The most RSA blocks that are accepted in an answer to InitConnect. A real answer has far fewer, even with one
    /// byte in each block. The limit is needed because a block of a 4096-bit key takes milliseconds.
    private static let maxBlocks = 512

    private let key: RSAKey?
    /// The cipher that InitConnect requested.
    private let asked: CipherAlgorithm
    /// The cipher that was agreed on with InitConnect's answer.
    var cipher: BodyCipher?
    private var isAgreed = false
    private var plain = PlainBuffer()

    /// - Parameter key: nil for no encryption.
    package init(_ key: RSAKey?, _ asked: CipherAlgorithm) {
        self.key = key
        self.asked = asked
    }

    /// Prepares for the next stream. Keys and bodies of the last one are wiped.
    package mutating func reset() {
        cipher = nil
        isAgreed = false
        plain.wipe()
    }

    // MARK: - InitConnect's answer

    /// Makes the stream's ciphers from InitConnect's answer.
    /// - Returns: the cipher for sending; nil if bodies are not encrypted. It is a separate object, because another
    ///   thread uses it.
    /// - Throws: why the stream cannot be used.
    package mutating func agree(_ content: InitConnectResponse.Content) throws(Cause) -> BodyCipher? {
        isAgreed = true
        let algorithm = asked.agreed(hasIV: content.aesCBCIV != nil)
        if key == nil { return nil }
        if case .none = algorithm { return nil }
        guard content.connAESKey.count == BodyCipher.keySize else {
            throw Self.refused(Texts.sessionKeyLength(content.connAESKey.count, "session key"))
        }
        if case .aesCBC = algorithm, let iv = content.aesCBCIV, iv.count != BodyCipher.keySize {
            throw Self.refused(Texts.sessionKeyLength(iv.count, "aesCBCiv"))
        }
        func make() -> BodyCipher? {
            content.connAESKey.withUnsafeBytes { key in
                guard let iv = content.aesCBCIV else { return BodyCipher(algorithm, key: key, iv: nil) }
                return iv.withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
            }
        }
        guard let incoming = make(), let outgoing = make() else { throw Self.refused(Texts.noCipher) }
        cipher = incoming
        return outgoing
    }

    /// Wipes the body that was decrypted last.
    package mutating func wipe() { plain.wipe() }

    /// Never final: the gateway may get the right key, and be started again.
    private static func refused(_ text: String) -> Cause {
        Cause(.encryptionFailed, .initConnect, Cause.InitConnectCode.unknown, text)
    }

    // MARK: - Bodies

    /// - Parameter goesOn: called during long work; false stops it.
    /// - Returns: the decrypted body of a frame, valid until the next call, and whether it matches its SHA-1.
    /// - Throws: why the stream cannot be used any more.
    package mutating func open(
        _ frame: Frame, _ arena: borrowing MessageArena, while goesOn: () -> Bool = { true }
    ) throws(Cause) -> (UnsafeRawBufferPointer, isIntact: Bool) {
        if let cipher { return (try open(frame, cipher), true) }
        if let key, !isAgreed, frame.header.protoID == ProtoID.initConnect {
            return (try open(frame, key, arena, while: goesOn), true)
        }
        return (frame.body, matches(frame.body, frame))
    }

    private mutating func open(_ frame: Frame, _ cipher: BodyCipher) throws(Cause) -> UnsafeRawBufferPointer {
        var why: CipherError?
        do throws(CipherError) {
            let room = plain.room(frame.body.count)
            let body = UnsafeRawBufferPointer(rebasing: room[..<(try cipher.decrypt(frame.body, into: room))])
            if matches(body, frame) { return body }
        } catch {
            why = error
        }
        // An unencrypted body can be "decrypted" by chance, too.
        throw Cause(
            .encryptionFailed, .receive, EPROTO,
            matches(frame.body, frame) ? Texts.bodyInClear : Texts.bodyUndecryptable(why, bytes: frame.body.count))
    }

    private mutating func open(
        _ frame: Frame, _ key: RSAKey, _ arena: borrowing MessageArena, while goesOn: () -> Bool
    ) throws(Cause) -> UnsafeRawBufferPointer {
        if matches(frame.body, frame) {
            // If no later body is encrypted, some versions of OpenD answer without encryption.
            if case .none = asked { return frame.body }
            let said = (try? InitConnectResponse(frame.body, arena))?.head.retMsg ?? ""
            throw Self.refused(Texts.answeredInClear(said))
        }
        guard frame.body.count / key.blockSize <= Self.maxBlocks else {
            throw Self.refused(Texts.tooManyBlocks(frame.body.count, most: Self.maxBlocks))
        }
        var decrypted: [UInt8] = []
        defer { decrypted.withUnsafeMutableBytes { Crypto.wipe($0) } }
        do throws(CipherError) {
            decrypted = try key.decrypt(frame.body, while: goesOn)
        } catch {
            throw Self.refused(Texts.firstMessageUndecryptable(error, bytes: frame.body.count, block: key.blockSize))
        }
        let room = plain.room(decrypted.count)
        room.copyBytes(from: decrypted)
        let body = UnsafeRawBufferPointer(room)
        guard matches(body, frame) else { throw Self.refused(Texts.firstMessageSHA1Decrypted) }
        return body
    }

    private func matches(_ body: UnsafeRawBufferPointer, _ frame: Frame) -> Bool {
        SHA1Digest(of: body) == frame.header.sha1
    }
}
