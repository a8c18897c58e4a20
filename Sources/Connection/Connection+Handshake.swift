import Codec
import Limiter

/// InitConnect and its answer.
extension Connection {
    /// - Returns: false if OpenSSL fails.
    func encryptHello() -> Bool {
        guard let key = options.rsaKey else { return true }
        let encrypted = (options.hello ?? Self.noHello).withUnsafeBytes { key.encrypt($0) }
        sendLock.withLock { output.pointee.encryptedHello = encrypted }
        return encrypted != nil
    }

    func handshake(_ body: UnsafeRawBufferPointer, isIntact: Bool) {
        if options.behaviour.transport != .tcp { return handshakeWithRelay(body) }
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

    private func handshakeWithRelay(_ body: UnsafeRawBufferPointer) {
        // The key was in it.
        sendLock.withLock { output.pointee.writer.wipeSent() }
        do {
            let response = try InitWebSocketResponse(body, input.pointee.arena)
            if response.head.retType == RetType.succeed {
                // The relay names no interval.
                return stand(response.connID ?? 0, user: 0, version: 0, keepAliveInterval: Self.pingInterval)
            }
            attemptFailed(Self.refused(response.head, "InitWebSocket", hint: "is websocket_key the one set in OpenD?"))
        } catch {
            attemptFailed(Self.invalid("InitWebSocket's answer is not valid: is that port OpenD's?"))
        }
    }

    /// Seconds; pings go out at 4/5 of it, as KeepAlive does.
    private static var pingInterval: Int32 { 10 }

    static let noHello: SecretBytes = {
        var nothing: [UInt8] = []
        return SecretBytes(&nothing)
    }()

    private static func refused(_ head: AnyResponse, _ hello: String, hint: String = "") -> Cause {
        let why = head.retMsg.map { $0.isEmpty ? "no reason given" : $0 } ?? "no reason given"
        return Cause(
            .connectRefused, .initConnect, Cause.InitConnectCode.refused,
            "the gateway refused \(hello): \(why) (retType \(head.retType ?? RetType.unknown))"
                + (hint.isEmpty ? "" : ": \(hint)"),
            isFinal: true)
    }

    private static func invalid(_ text: String) -> Cause {
        Cause(.protocolError, .initConnect, Cause.InitConnectCode.unknown, text)
    }

    /// - Returns: why there is no connection.
    private func take(_ response: InitConnectResponse) -> Cause? {
        guard response.head.retType == RetType.succeed else {
            return Self.refused(response.head, "InitConnect")
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
        stand(
            content.connID, user: content.loginUserID, version: content.serverVersion,
            keepAliveInterval: content.keepAliveInterval)
        return nil
    }

    private func stand(_ connID: UInt64, user: UInt64, version: Int32, keepAliveInterval: Int32) {
        let now = Clock.now()
        input.pointee.passedOver = nil
        stateLock.withLock {
            state.pointee.connID = connID
            state.pointee.loginUserID = user
            state.pointee.serverVersion = version
            membership.quota.with { group in
                state.pointee.machine.handshakeSucceeded(keepAliveInterval: keepAliveInterval, now, &group)
            }
        }
    }
}
