import CCapDist

/// Likely causes of failures, with advice. docs/protocol.md has the facts.
enum Causes {
    /// Why there is no connection although the port is open.
    static func gateway(
        _ settings: Settings, _ addresses: [Reach.Address], _ status: capdist_status, _ text: String
    ) -> Finding {
        func failed(_ ending: Ending = .noGateway, cause: String, advice: String) -> Finding {
            .failed("gateway", ending, Terminal.harmless(text), cause: cause, advice: advice)
        }
        if !settings.isWebSocket {
            if let (cause, advice) = otherServer(addresses) { return failed(cause: cause, advice: advice) }
            if let finding = otherKey(settings, text) { return finding }
        }
        switch Int(status) {
        case CAPDIST_CONNECT_TIMEOUT:
            let (cause, advice) = silence(settings, text)
            return failed(.timedOut, cause: cause, advice: advice)
        case CAPDIST_CONNECT_REFUSED:
            return failed(
                cause: "OpenD waits for a code (it refuses until then), or has an RSA key that is not this one",
                advice: "look at OpenD's window or console; compare its rsa_private_key with --rsa-private-key-file")
        case CAPDIST_PROTOCOL_ERROR where settings.rsaPrivateKeyFile == nil && text.contains("encrypt"):
            return failed(
                cause: "OpenD encrypts: it has an RSA key, and this side has none",
                advice: "give its rsa_private_key with --rsa-private-key-file")
        case CAPDIST_PROTOCOL_ERROR:
            return failed(
                cause: settings.isWebSocket
                    ? "no WebSocket of OpenD's is behind this port" : "something else than OpenD listens there",
                advice: "compare the port with OpenD's settings (API default 11111; WebSocket is another)")
        case CAPDIST_ENCRYPTION_FAILED:
            return failed(
                cause:
                    "OpenD has another RSA key, or none: one that it cannot read turns its encryption off without an error",
                advice: "look for \"API RSA Enable\" among OpenD's first lines, and give both sides the same file")
        case CAPDIST_TLS_FAILED:
            return failed(
                cause: "the certificate is not trusted here, is for another name, or the port speaks no TLS",
                advice: "name the certificate or its CA with --tls-ca-file, and its name with --tls-server-name")
        case _ where settings.isWebSocket:
            return failed(
                cause: "this is OpenD's API port or another server's; OpenD's WebSocket has a port of its own",
                advice: "set websocket_port in OpenD's settings, and give that number with --port")
        default:
            return failed(
                cause:
                    "OpenD closed the connection: it takes at most 128 clients, and drops all when its login is forced out",
                advice: "end clients that are not needed; look at OpenD's window")
        }
    }

    /// Why an attempt timed out although the port is open, with advice.
    private static func silence(_ settings: Settings, _ text: String) -> (cause: String, advice: String) {
        if settings.isWebSocket, text.contains("upgrade") {
            return (
                "what listens there speaks no WebSocket, or needs TLS first",
                "compare the port with websocket_port in OpenD's settings; if OpenD has a certificate, add --transport websocket-tls"
            )
        }
        if settings.isWebSocket {
            return (
                "the WebSocket key may be wrong or missing, which OpenD does not answer; an OpenD that has an RSA key may not answer, either",
                "compare the key with OpenD's: give the key itself; OpenD's settings hold its MD5"
            )
        }
        return (
            "OpenD may not be logged in yet: it listens before it has logged in, and does not answer until then; or this is not OpenD's port",
            "look at OpenD's window or console: does it wait for a password or a code? Then compare the port"
        )
    }

    /// The server that listens on the port, if it is known and not OpenD's API, with advice.
    private static func otherServer(_ addresses: [Reach.Address]) -> (cause: String, advice: String)? {
        switch Reach.kind(addresses) {
        case .webSocket:
            (
                "this port is a WebSocket, not OpenD's API port",
                "give the API port (default 11111), or add --transport websocket"
            )
        case .tls:
            (
                "this port speaks TLS: perhaps OpenD's WebSocket with a certificate",
                "give the API port (default 11111), or add --transport websocket-tls"
            )
        case .web, .tlsOrWeb: ("this port is a web server's", "give OpenD's API port (default 11111)")
        case .ssh: ("this port is an SSH server's", "give OpenD's API port (default 11111)")
        case nil: nil
        }
    }

    /// Tries again without the key, to see whether the encryption differs.
    private static func otherKey(_ settings: Settings, _ text: String) -> Finding? {
        guard let path = settings.rsaPrivateKeyFile else { return nil }
        var clear = settings
        clear.rsaPrivateKeyFile = nil
        clear.connectTimeout = 3000
        guard let gateway = try? Gateway(clear, reconnect: false), gateway.waitReady(3000).status == CAPDIST_OK else {
            return nil
        }
        return .failed(
            "gateway", .noGateway, Terminal.harmless(text), cause: "OpenD is not encrypted, and this side is",
            advice:
                "give OpenD the key of \(path) (rsa_private_key; one that it cannot read turns its encryption off without an error), or leave it out here"
        )
    }

    /// The meaning of a gateway's messages about a security.
    private static let refusals: [(words: [String], cause: String, advice: String)] = [
        (
            ["网络中断", "ProtoRet_TimeOut", "ByDisConn"], "OpenD has lost the vendor's servers, or waits for them",
            "try again in a minute; look at OpenD's window"
        ),
        (
            ["SvrFailed"], "the vendor's servers failed, or did not like what was asked",
            "try again; try another security"
        ),
        (
            ["行情权限", "No right", "no permission"], "the account has no right to this market's quotes",
            "look at the quote rights in the vendor's app"
        ),
        (
            ["未知股票", "Unknown stock"], "OpenD knows no such security",
            "compare the code with the vendor's app: HK.00700, US.AAPL, SH.600519"
        ),
        (["未知的协议", "未知协议"], "this OpenD is older than the interface", "update OpenD"),
        (["仅支持"], "this kind of security has no such figures: only stocks, warrants and funds do", "ask for a stock"),
    ]

    static func figures(_ security: Security, _ answer: Answer) -> Finding {
        let told = "\(security.name): \(answer.text)"
        switch Int(answer.status) {
        case CAPDIST_OK:
            let time = answer.figures?.updateTime.map { ", of \(Terminal.harmless($0))" } ?? ", without a time"
            return .ok("figures", "\(security.name) has figures\(time)")
        case CAPDIST_RATE_LIMITED:
            return .warning(
                "figures", told,
                cause:
                    "other programs, or this one a moment ago, used this gateway's quota (30 requests in 30 s for all)",
                advice: "give each a share with --quota-requests (docs/quota.md)")
        case CAPDIST_REFUSED:
            let known = refusals.first { refusal in refusal.words.contains { answer.gatewaySays.contains($0) } }
            return .failed(
                "figures", .refused, told, cause: known?.cause ?? "the gateway's own words say why",
                advice: known?.advice ?? "try another security: if that works, it is this one")
        case CAPDIST_REPLY_TIMEOUT, CAPDIST_QUEUE_TIMEOUT:
            return .failed(
                "figures", .timedOut, told, cause: "OpenD waits for the vendor's servers, or is stuck",
                advice: "try again in a minute; look at OpenD's window")
        default:
            return .failed(
                "figures", answer.ending, told, cause: "the connection or the answer broke",
                advice: "try again; look at OpenD's log")
        }
    }
}
