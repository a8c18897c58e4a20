/// What may be wrong, for people: a line that fails says little, the moment at which it does says more.
extension ConnectionMachine {
    /// The line was lost before the handshake was done: what that says of the attempt.
    func duringHandshake(_ cause: Cause) -> Cause {
        guard cause.status == .disconnected else { return cause }
        let code = cause.kind == .send ? Cause.InitConnectCode.notSent : Cause.InitConnectCode.disconnected
        if phase == .upgrading {
            return Cause(
                .connectFailed, .initConnect, code, "lost before \(opening): \(cause.text):\(samePort)",
                isFinal: cause.isFinal)
        }
        let hello = configuration.transport.helloName
        let text =
            "lost before \(hello) was answered: \(cause.text)" + (configuration.transport == .tcp ? "" : ":" + rightKey)
        guard phase == .handshaking, configuration.isEncrypted else {
            return Cause(.connectFailed, .initConnect, code, text + mayEncrypt, isFinal: cause.isFinal)
        }
        return Cause(.encryptionFailed, .initConnect, code, text + ":" + sameKey, isFinal: cause.isFinal)
    }

    /// A gateway that can not decrypt what it is sent has no words for it.
    func underEncryption(_ cause: Cause) -> Cause {
        guard configuration.isEncrypted, cause.status == .disconnected, highestAnswered <= initConnectSerialNo ?? 0
        else {
            return cause
        }
        var cause = cause
        cause.text +=
            ", before it answered anything but InitConnect: does it decrypt with the same cipher (packet_cipher)?"
        return cause
    }

    /// What a gateway that wants encryption does with a hello in clear is published nowhere.
    private var mayEncrypt: String {
        configuration.transport == .tcp ? " If the gateway encrypts, it wants rsa_private_key here too." : ""
    }

    var whyUnanswered: String {
        if configuration.isEncrypted { return sameKey }
        return configuration.transport == .tcp ? " is that port OpenD's?" + mayEncrypt : rightKey
    }

    private var rightKey: String {
        " is websocket_key the one set in OpenD? A wrong or missing one is met with silence"
    }

    var opening: String {
        configuration.transport == .webSocketTLS
            ? "TLS and the WebSocket were opened" : "the upgrade to WebSocket was answered"
    }

    var samePort: String {
        configuration.transport == .webSocketTLS
            ? " is that OpenD's WebSocket port, and has it a certificate?"
            : " is that OpenD's WebSocket port, and does it want TLS?"
    }

    private var sameKey: String { " has the gateway the same RSA key, and rsa_private_key set in its configuration?" }
}
