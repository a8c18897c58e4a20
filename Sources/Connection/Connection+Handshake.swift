import Codec
import Glibc
import Limiter

/// Where bodies are decrypted to; wiped in the end.
struct PlainBuffer: ~Copyable {
    /// More than this is given back once it is not needed.
    private static let kept = 256 * 1024
    private var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { Self.free(bytes) }

    /// What was in it is lost.
    mutating func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        if bytes.count < count || bytes.count > Self.kept {
            Self.free(bytes)
            bytes = .allocate(byteCount: max(count, FrameReader.baseCapacity), alignment: 16)
        }
        return UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    }

    mutating func wipe() {
        Self.free(bytes)
        bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    private static func free(_ bytes: UnsafeMutableRawBufferPointer) {
        Crypto.wipe(bytes)
        bytes.deallocate()
    }
}

/// InitConnect's answer, and the encryption that follows from it (PROTOCOL.md, Encryption).
extension Connection {
    // MARK: - Encrypting

    /// - Returns: false if OpenSSL fails.
    func encryptHello() -> Bool {
        guard let key = options.rsaKey else { return true }
        let encrypted = options.hello.withUnsafeBytes { key.encrypt($0) }
        sendLock.withLock { output.pointee.encryptedHello = encrypted }
        return encrypted != nil
    }

    // MARK: - Decrypting

    /// - Returns: a frame's body in clear, valid until the next one is opened, and whether it matches its SHA-1.
    /// - Throws: why the line can not be used any more.
    func open(_ frame: Frame) throws(Cause) -> (UnsafeRawBufferPointer, isIntact: Bool) {
        if let cipher = input.pointee.cipher { return try open(frame, cipher) }
        if let key = options.rsaKey, !input.pointee.isGreeted, frame.header.protoID == ProtoID.initConnect {
            return try open(frame, key)
        }
        return (frame.body, matches(frame.body, frame))
    }

    private func open(_ frame: Frame, _ cipher: BodyCipher) throws(Cause) -> (UnsafeRawBufferPointer, isIntact: Bool) {
        do throws(CipherError) {
            let room = input.pointee.plain.room(frame.body.count)
            let body = UnsafeRawBufferPointer(rebasing: room[..<(try cipher.decrypt(frame.body, into: room))])
            if matches(body, frame) { return (body, true) }
            // By chance a body in clear can be decrypted, too.
            guard matches(frame.body, frame) else { return (body, false) }
        } catch {
            guard matches(frame.body, frame) else {
                let why =
                    switch error {
                    case .length: "its length of \(frame.body.count) bytes is no cipher text's"
                    case .padding: "its padding is wrong, as it is under another key"
                    case .system: "OpenSSL failed"
                    }
                throw Cause(.encryptionFailed, .receive, EPROTO, "a body of the gateway can not be decrypted: \(why)")
            }
        }
        throw Cause(
            .encryptionFailed, .receive, EPROTO,
            "the gateway sent a body in clear on an encrypted connection: is something else between here and OpenD?")
    }

    private func open(_ frame: Frame, _ key: RSAKey) throws(Cause) -> (UnsafeRawBufferPointer, isIntact: Bool) {
        if matches(frame.body, frame) {
            // Versions differ in how they answer when nothing else is to be encrypted.
            if case .none = options.cipher { return (frame.body, true) }
            let said = (try? InitConnectResponse(frame.body, input.pointee.arena))?.head.retMsg ?? ""
            throw Cause(
                .encryptionFailed, .initConnect, Cause.InitConnectCode.unknown,
                "the gateway answered in clear: is rsa_private_key set in its configuration?"
                    + (said.isEmpty ? "" : " It said: \(said)"))
        }
        var plain: [UInt8] = []
        defer { plain.withUnsafeMutableBytes { Crypto.wipe($0) } }
        do throws(CipherError) {
            plain = try key.decrypt(frame.body)
        } catch {
            let why =
                if case .length = error {
                    "its \(frame.body.count) bytes are no multiple of the key's \(key.blockSize): has the gateway another RSA key?"
                } else {
                    "has the gateway another RSA key?"
                }
            throw Cause(
                .encryptionFailed, .initConnect, Cause.InitConnectCode.unknown,
                "InitConnect's answer can not be decrypted: \(why)")
        }
        let room = input.pointee.plain.room(plain.count)
        room.copyBytes(from: plain)
        let body = UnsafeRawBufferPointer(room)
        guard matches(body, frame) else {
            throw Cause(
                .encryptionFailed, .initConnect, Cause.InitConnectCode.unknown,
                "InitConnect's answer does not match its SHA-1 once decrypted: has the gateway another RSA key?")
        }
        return (body, true)
    }

    private func matches(_ body: UnsafeRawBufferPointer, _ frame: Frame) -> Bool {
        input.pointee.hasher.hash(body) == frame.header.sha1
    }

    // MARK: - The answer

    func handshake(_ body: UnsafeRawBufferPointer, isIntact: Bool) {
        guard isIntact else {
            return attemptFailed(
                Self.invalid(
                    "the SHA-1 of InitConnect's answer does not match its body: does the gateway encrypt, and want"
                        + " rsa_private_key here too?"))
        }
        do {
            var response = try InitConnectResponse(body, input.pointee.arena)
            let cause = take(response)
            // The session's key was in all three.
            response.wipe()
            input.pointee.arena.wipe()
            input.pointee.plain.wipe()
            if let cause { attemptFailed(cause) }
        } catch {
            attemptFailed(Self.invalid("InitConnect's answer is not valid: is that port OpenD's?"))
        }
    }

    private static func invalid(_ text: String) -> Cause {
        Cause(.protocolError, .initConnect, Cause.InitConnectCode.unknown, text)
    }

    /// - Returns: why there is no connection.
    private func take(_ response: InitConnectResponse) -> Cause? {
        guard response.head.retType == RetType.succeed else {
            let why = response.head.retMsg.map { $0.isEmpty ? "no reason given" : $0 } ?? "no reason given"
            return Cause(
                .connectRefused, .initConnect, Cause.InitConnectCode.refused,
                "the gateway refused InitConnect: \(why) (retType \(response.head.retType ?? RetType.unknown))",
                isFinal: true)
        }
        guard let content = response.content else {
            return Self.invalid("InitConnect's answer says success and has no s2c")
        }
        if let problem = agree(content) {
            return Cause(.encryptionFailed, .initConnect, Cause.InitConnectCode.unknown, problem)
        }
        input.pointee.isGreeted = true
        let now = Clock.now()
        stateLock.withLock {
            state.pointee.connID = content.connID
            state.pointee.loginUserID = content.loginUserID
            state.pointee.serverVersion = content.serverVersion
            membership.quota.with { group in
                state.pointee.machine.handshakeSucceeded(
                    keepAliveInterval: content.keepAliveInterval, now, &group)
            }
        }
        return nil
    }

    /// Makes the line's ciphers.
    /// - Returns: why it has none.
    private func agree(_ content: InitConnectResponse.Content) -> String? {
        let algorithm = options.cipher.agreed(hasIV: content.aesCBCIV != nil)
        if options.rsaKey == nil { return nil }
        if case .none = algorithm { return nil }
        guard content.connAESKey.count == BodyCipher.keySize else {
            return "the gateway's session key has \(content.connAESKey.count) bytes instead of \(BodyCipher.keySize)"
        }
        if case .aesCBC = algorithm, let iv = content.aesCBCIV, iv.count != BodyCipher.keySize {
            return "the gateway's aesCBCiv has \(iv.count) bytes instead of \(BodyCipher.keySize)"
        }
        func make() -> BodyCipher? {
            content.connAESKey.withUnsafeBytes { key in
                guard let iv = content.aesCBCIV else { return BodyCipher(algorithm, key: key, iv: nil) }
                return iv.withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
            }
        }
        // One for each direction: they are used on different threads.
        guard let incoming = make(), let outgoing = make() else { return "OpenSSL made no cipher" }
        input.pointee.cipher = incoming
        sendLock.withLock { output.pointee.cipher = outgoing }
        return nil
    }
}
