import Codec

/// InitConnect and its answer.
extension Connection {
    /// - Returns: false if OpenSSL fails.
    func encryptFirstMessage() -> Bool {
        guard let key = options.rsaKey else { return true }
        let encrypted = (options.firstMessage ?? Self.noFirstMessage).withUnsafeBytes { key.encrypt($0) }
        sendLock.withLock { output.pointee.encryptedFirstMessage = encrypted }
        return encrypted != nil
    }

    func handshake(_ body: UnsafeRawBufferPointer, isIntact: Bool) {
        if options.behaviour.transport != .tcp { return handshakeWithBridge(body) }
        guard isIntact else {
            return attemptFailed(Self.invalid(Texts.firstMessageSHA1))
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
            attemptFailed(Self.invalid(Texts.firstMessageInvalid(options.behaviour.endpoint)))
        }
    }

    private func handshakeWithBridge(_ body: UnsafeRawBufferPointer) {
        // The key was in it.
        sendLock.withLock { output.pointee.writer.wipeSent() }
        do {
            let response = try InitWebSocketResponse(body, input.pointee.arena)
            if response.head.retType == RetType.succeed {
                // The bridge names no interval.
                return stand(response.connID ?? 0, user: 0, version: 0, keepAliveInterval: Self.pingInterval)
            }
            attemptFailed(refused(response.head))
        } catch {
            attemptFailed(Self.invalid(Texts.firstMessageInvalid(options.behaviour.endpoint)))
        }
    }

    /// Seconds; pings go out at 4/5 of it, as KeepAlive does.
    private static var pingInterval: Int32 { 10 }

    static let noFirstMessage: SecretBytes = {
        var nothing: [UInt8] = []
        return SecretBytes(&nothing)
    }()

    /// Not final: OpenD refuses while it waits for a code, say, and accepts minutes later.
    private func refused(_ head: AnyResponse) -> Cause {
        let text = Texts.firstMessageRefused(options.behaviour.endpoint, head.retMsg, head.retType ?? RetType.unknown)
        return Cause(.connectRefused, .initConnect, Cause.InitConnectCode.refused, text)
    }

    private static func invalid(_ text: String) -> Cause {
        Cause(.protocolError, .initConnect, Cause.InitConnectCode.unknown, text)
    }

    /// - Returns: why there is no connection.
    private func take(_ response: InitConnectResponse) -> Cause? {
        guard response.head.retType == RetType.succeed else {
            return refused(response.head)
        }
        guard let content = response.content else {
            return Self.invalid(Texts.firstMessageSuccessWithoutContent)
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
