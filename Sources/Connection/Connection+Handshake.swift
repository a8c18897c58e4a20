import Codec
import Limiter

/// InitConnect and its answer.
extension Connection {
    /// - Returns: false if OpenSSL fails.
    func encryptHello() -> Bool {
        guard let key = options.rsaKey else { return true }
        let encrypted = options.hello.withUnsafeBytes { key.encrypt($0) }
        sendLock.withLock { output.pointee.encryptedHello = encrypted }
        return encrypted != nil
    }

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
            input.pointee.decryption.wipe()
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
        do throws(Cause) {
            let cipher = try input.pointee.decryption.agree(content)
            sendLock.withLock { output.pointee.cipher = cipher }
        } catch {
            return error
        }
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
}
