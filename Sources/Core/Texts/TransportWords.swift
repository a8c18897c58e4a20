/// What texts say otherwise over each transport.
struct TransportWords {
    /// What to say about the port if it refused the connection.
    let portHint: String
    /// The steps before the first message: one text for a timeout, one for a stream that was lost before.
    let notOpened: String
    let opening: String
    /// What to ask about the port in these cases.
    let portQuestion: String
    /// What to ask if OpenD refused the first message.
    let refusalQuestion: String

    static func of(_ transport: Transport) -> TransportWords {
        switch transport {
        case .tcp:
            TransportWords(
                portHint: "", notOpened: "", opening: "", portQuestion: "",
                refusalQuestion: ". Is OpenD waiting for a code or a password? Look at its window.")
        case .webSocket:
            TransportWords(
                portHint: bridgePort, notOpened: "the upgrade to WebSocket was not answered",
                opening: "the upgrade to WebSocket was answered",
                portQuestion: ": is that OpenD's WebSocket port, and does it need TLS?",
                refusalQuestion: bridgeKey)
        case .webSocketTLS:
            TransportWords(
                portHint: bridgePort, notOpened: "TLS and the WebSocket did not open",
                opening: "TLS and the WebSocket were opened",
                portQuestion: ": is that OpenD's WebSocket port, and does it have a certificate?",
                refusalQuestion: bridgeKey)
        }
    }

    private static var bridgePort: String {
        " Its WebSocket port is off by default, and opens only after OpenD's login."
    }
    private static var bridgeKey: String { ": is websocket_key the one set in OpenD?" }
}
