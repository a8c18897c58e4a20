import Codec

extension Texts {
    // MARK: - Opening

    static func openingTimedOut(_ endpoint: Endpoint, _ milliseconds: Int64) -> String {
        "connected, but \(differences(endpoint).notOpened) within \(milliseconds) ms\(samePort(endpoint))"
    }

    static func openingLost(_ endpoint: Endpoint, _ why: String) -> String {
        "lost before \(differences(endpoint).opening): \(why)\(samePort(endpoint))"
    }

    private static func samePort(_ endpoint: Endpoint) -> String {
        endpoint.hasStood ? stoodBefore : differences(endpoint).portQuestion
    }

    /// OpenD does not answer a wrong key, and its WebSocket port opens only after the login.
    static func bridgeUnanswered(_ endpoint: Endpoint) -> String {
        if endpoint.hasStood { return stoodBefore }
        let md5 =
            endpoint.keyLooksLikeMD5
            ? " The key given has 32 hex digits, like an MD5: OpenD's settings file holds the MD5 of the key."
                + " Pass the key itself."
            : " Pass the key itself; OpenD's settings file holds its MD5."
        return ": is websocket_key the one set in OpenD? OpenD does not answer a wrong or missing one.\(md5)"
            + " An OpenD with an RSA key may stay silent, too. (OpenD is logged in: its WebSocket port opens only then.)"
    }

    static func bridgeFailed(_ error: Int32, _ words: String) -> String {
        let what =
            switch error {
            case BridgeError.timeout: "the WebSocket bridge got no answer in time"
            case BridgeError.openDTimeout: "OpenD got no answer in time"
            case BridgeError.lostOpenD: "the WebSocket bridge lost its OpenD"
            default: "the WebSocket bridge failed with error \(error)"
            }
        return words.isEmpty ? what : "\(what): \(words)"
    }

    static var noRandomBytes: String { "the system gave no random bytes" }
    static var noTLSSession: String { "OpenSSL made no TLS session" }
    static var tlsAsksTooMuch: String { "the gateway causes more TLS answers than it reads" }
    static var certificateUnverified: String {
        "the gateway's certificate is not verified: tls_insecure_accept_any_certificate is set"
    }

    static func bridgeLostAtFirstMessage(_ text: String) -> String { "\(text): is OpenD logged in?" }

    // MARK: - Failed upgrades, broken frames and messages

    static func upgradeRefused(_ endpoint: Endpoint, _ refusal: WebSocketUpgrade.Failure) -> String {
        let there = "port \(endpoint.port)"
        switch refusal {
        case .status(let status, let location): return upgradeStatus(endpoint, status, location)
        case .wrongAccept:
            return "\(there) accepted another WebSocket key than the one sent: does a proxy answer from its cache?"
        case .malformed(let what): return "\(there) answered the upgrade to WebSocket wrongly: \(what)"
        case .tooLong:
            return "\(there) answered the upgrade to WebSocket with a header of more than \(HTTPHead.longest) bytes"
        case .speaksTLS: return "\(there) speaks TLS: set transport to CAPDIST_TRANSPORT_WEBSOCKET_TLS"
        case .speaksTCP:
            return "\(there) is OpenD's TCP port: set transport to CAPDIST_TRANSPORT_TCP, or name the WebSocket port"
        case .notHTTP: return "what answered at \(there) is not a WebSocket: is that OpenD's WebSocket port?"
        }
    }

    private static func upgradeStatus(_ endpoint: Endpoint, _ status: Int, _ location: String?) -> String {
        let there = "port \(endpoint.port)"
        switch status {
        case 200..<300:
            return
                "\(there) answered the upgrade to WebSocket with HTTP status \(status), as a web server does: is that OpenD's"
                + " WebSocket port?"
        case 300..<400:
            return
                "\(there) answered the upgrade to WebSocket with HTTP \(status), and redirects to \(location ?? "nowhere"):"
                + " name that as host and port"
        case 401, 403:
            return
                "\(there) refused the upgrade to WebSocket (HTTP status \(status)): does a proxy restrict access?"
        case 404:
            return
                "\(there) has no WebSocket at this path (HTTP status 404): is that OpenD's WebSocket port, or a proxy's path missing?"
        case 400 where endpoint.transport == .webSocket:
            return "\(there) refused the upgrade to WebSocket (HTTP status 400): does it need TLS?"
        default: return "\(there) answered the upgrade to WebSocket with HTTP status \(status)"
        }
    }

    static func sectionFailed(_ endpoint: Endpoint, _ error: SectionError) -> String {
        switch error {
        case .badMagic: "what the peer sends is not the WebSocket bridge's protocol: is port \(endpoint.port) OpenD's?"
        case .tooShort(let count): "the gateway sent a message of \(count) bytes, less than its header needs"
        }
    }

    static func webSocketFailed(_ failure: WebSocketFailure, most: Int) -> String {
        switch failure {
        case .closed(let code, let reason):
            let said = reason.isEmpty ? "" : ": \(reason)"
            return "the gateway closed the WebSocket"
                + (code == 1005 ? "" : " with code \(code)\(meaning(of: code))\(said)")
        case .broken: return "what the gateway sends breaks WebSocket (RFC 6455)"
        case .notBinary: return "the gateway sent a text message; only binary ones are understood"
        case .tooLong: return "the gateway sent a message with a body of more than the \(most) bytes accepted"
        }
    }

    /// RFC 6455, 7.4.1.
    private static func meaning(of code: UInt16) -> String {
        switch code {
        case 1000: " (done)"
        case 1001: " (going away)"
        case 1002: " (protocol error)"
        case 1003: " (unacceptable data)"
        case 1007: " (inconsistent data)"
        case 1008: " (policy violation)"
        case 1009: " (message too big)"
        case 1011: " (unexpected condition)"
        default: ""
        }
    }
}
