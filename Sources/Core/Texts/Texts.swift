/// The texts of errors, each with its likely causes, the likeliest first. Pure. (Texts about certificates are in
/// TLSSession+Texts.swift.) A text ends in a full stop or a question mark only if another sentence follows.
package enum Texts {
    /// The text with a full stop, so that another sentence can follow.
    static func sentence(_ text: String) -> String {
        guard let last = text.utf8.last, ![UInt8(ascii: "."), UInt8(ascii: "?"), UInt8(ascii: "!")].contains(last)
        else {
            return text
        }
        return text + "."
    }

    static var stoodBefore: String { ". It answered before: look at OpenD's window." }

    static func differences(_ endpoint: Endpoint) -> TransportWords { .of(endpoint.transport) }
    private static func isBridge(_ endpoint: Endpoint) -> Bool { endpoint.transport != .tcp }

    // MARK: - Connecting

    package static func nameNotFound(_ host: String, _ why: String) -> String {
        "the name \(host) was not found (\(why)): is it spelled right?"
    }

    package static func portRefused(_ endpoint: Endpoint) -> String {
        "\(endpoint.host): port \(endpoint.port) refused the connection: is OpenD running there?"
            + differences(endpoint).portHint
    }

    package static func portSilent(_ endpoint: Endpoint) -> String {
        "\(endpoint.host): port \(endpoint.port) did not answer: is the address right?"
    }

    static func connectTimedOut(_ endpoint: Endpoint, _ milliseconds: Int64) -> String {
        let text = "no connection within \(milliseconds) ms: "
        return text
            + (endpoint.hasStood
                ? "it answered before. Is that machine running, and does the network work?"
                : "does the name resolve, is the address right, is a firewall in the way?")
    }

    // MARK: - The first message

    /// OpenD listens before it has logged in, but does not answer until then.
    static func firstMessageTimedOut(_ endpoint: Endpoint, _ milliseconds: Int64) -> String {
        let text = "connected, but \(endpoint.firstMessage) was not answered within \(milliseconds) ms"
        guard !isBridge(endpoint) else { return text + bridgeUnanswered(endpoint) }
        let login = " Is OpenD logged in, or waiting for a code or a password? It listens before it has logged in."
        if endpoint.hasStood { return text + stoodBefore + login }
        return text + "." + login + " Is port \(endpoint.port) OpenD's API port, not its WebSocket port?"
            + key(endpoint)
    }

    /// The stream was lost before the first message was answered.
    static func firstMessageLost(_ endpoint: Endpoint, _ why: String) -> String {
        let text = "lost before \(endpoint.firstMessage) was answered: \(why)"
        guard !isBridge(endpoint) else { return text + bridgeUnanswered(endpoint) }
        let window = " Is it logged in? Does it have too many clients (128 at most)?"
        if endpoint.hasStood { return text + stoodBefore + window }
        return sentence(text) + " Is port \(endpoint.port) OpenD's API port, not its WebSocket port or one with TLS?"
            + window
            + key(endpoint)
    }

    /// It is not documented how a gateway that encrypts handles an unencrypted first message.
    private static func key(_ endpoint: Endpoint) -> String {
        endpoint.isEncrypted
            ? " Does the gateway have the same RSA key, and is rsa_private_key set in its configuration?"
            : " If the gateway encrypts, it needs rsa_private_key here too."
    }

    static func firstMessageRefused(_ endpoint: Endpoint, _ words: String?, _ retType: Int32) -> String {
        let said = words.map { $0.isEmpty ? "no reason given" : $0 } ?? "no reason given"
        let text = "the gateway refused \(endpoint.firstMessage): \(said) (retType \(retType))"
        return text + differences(endpoint).refusalQuestion
    }

    static func firstMessageInvalid(_ endpoint: Endpoint) -> String {
        "\(endpoint.firstMessage)'s answer is not valid: is port \(endpoint.port) OpenD's?"
    }

    static var firstMessageSuccessWithoutContent: String { "InitConnect's answer says success and has no s2c" }
    static var firstMessageSHA1: String {
        "the SHA-1 of InitConnect's answer does not match its body: does the gateway encrypt, and need"
            + " rsa_private_key here too?"
    }

    // MARK: - This machine

    static func noLookUp(_ host: String, _ why: String) -> String { "no thread to look up \(host): \(why)" }
    static func noSocket(_ why: String) -> String { "no socket could be made: \(why)" }
    static func notPolled(_ why: String) -> String { "waiting on the socket failed: \(why)" }

    static func noTrustThread(_ why: String) -> String { "no thread to read the certificates that are trusted: \(why)" }

    static func trustUnusable(_ why: String) -> String {
        "the certificates to trust (tls_ca_file) cannot be used: \(why)"
    }

    // MARK: - The application

    static var descriptorClosed: String {
        "the application closed a descriptor of this connection; it must close only its own"
    }

    static var callbackLeft: String {
        "a callback of this connection did not return: it was left by a jump, an exception or the end of its thread"
    }

    // MARK: - The end

    /// - Parameter reconnects: true if the cause is final in itself, false if it is final because `reconnect` is 0.
    static func final(_ text: String, reconnects: Bool) -> String {
        sentence(text)
            + (reconnects
                ? " This is final, since it does not change by itself: release the connection and make a new one."
                : " This is final, since reconnect is off: release the connection and make a new one.")
    }

    static func connectingFailed(_ text: String, nextIn pause: Int64) -> String {
        "connecting failed, next attempt in \(pause) ms: \(text)"
    }

    static func outage(_ text: String) -> String { "not connected; the last attempt failed: \(text)" }

    // MARK: - The stream

    static var outOfSerialNumbers: String { "out of serial numbers on this connection" }
    static var closed: String { "the gateway closed the connection" }
    static func broke(_ why: String) -> String { "the connection broke: \(why)" }

    static func silent(_ seconds: Int64) -> String {
        "the gateway was silent for \(seconds) s: is OpenD frozen, or is the network down?"
    }

    static func quiet(_ seconds: Int64, endsIn left: Int64) -> String {
        "nothing has come from the gateway for \(seconds) s, not even an answer to KeepAlive: is OpenD frozen, or the network"
            + " gone? The connection is given up if that goes on for \(left) s more."
    }

    /// A gateway that cannot decrypt a message closes the connection without a reason.
    static func lostUnderEncryption(_ text: String) -> String {
        "\(text), before it answered anything but InitConnect: does it decrypt with the same cipher (packet_cipher)?"
    }

    static func lost(_ text: String, requests: Int) -> String {
        "connection lost: \(text)" + (requests > 0 ? " (requests in flight: \(requests))" : "")
    }

    /// - Parameter first: the first byte received that does not begin a frame.
    package static func notOpenD(_ endpoint: Endpoint, first: UInt8?, isReady: Bool) -> String {
        if isReady {
            return "what the gateway sends is not OpenD's protocol any more: is something between here and OpenD?"
        }
        let text = "what the peer sends is not OpenD's protocol"
        switch first {
        case UInt8(ascii: "H"):
            return text + " but HTTP: is port \(endpoint.port) OpenD's WebSocket port, or a web server's?"
        case 0x15, 0x16:
            return text
                + " but TLS: is port \(endpoint.port) OpenD's WebSocket port with a certificate, or another program's?"
        default: return text + ": is port \(endpoint.port) OpenD's?"
        }
    }

    package static func bodyTooLong(_ length: UInt32, most: Int) -> String {
        "the gateway announced a body of \(length) bytes, more than the \(most) accepted"
    }

    package static func unsupportedFormat(_ format: UInt8) -> String {
        "the gateway sent a body of format \(format); only protobuf (0) is understood"
    }
}
