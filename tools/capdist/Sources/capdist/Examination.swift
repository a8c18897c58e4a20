import CCapDist
import Glibc

/// The steps from this machine to the figures, in order. docs/protocol.md has the facts behind the causes.
struct Examination {
    private let settings: Settings
    private let security: Security
    static let steps = [
        "settings", "name", "port", "gateway", "encryption", "login", "version", "clock", "quota", "figures",
    ]

    init(_ settings: Settings, _ security: Security) {
        self.settings = settings
        self.security = security
    }

    func run(_ tell: (Finding) throws -> Void) throws {
        var done = 0
        func go(_ finding: Finding) throws -> Bool {
            done += 1
            try tell(finding)
            guard finding.state == .failed else { return true }
            for step in Examination.steps.dropFirst(done) { try tell(Finding(step: step, state: .skipped, told: "")) }
            return false
        }
        guard try go(checkSettings()) else { return }
        let (name, addresses) = Reach.resolve(settings)
        guard try go(name) else { return }
        guard try go(Reach.port(settings, addresses)) else { return }
        let gateway = try Gateway(settings, reconnect: false)
        // Longer than the library's own timeout, whose error tells what was missing.
        let (status, text) = gateway.waitReady((settings.connectTimeout ?? 10_000) + 2000)
        guard try go(status == CAPDIST_OK ? connected(gateway) : Causes.gateway(settings, addresses, status, text))
        else { return }
        guard try go(encryption()) else { return }
        let loop = Loop(takingSignals: false)
        guard let state = try globalState(gateway, loop) else {
            _ = try go(
                .failed(
                    "login", .noGateway, "GetGlobalState was not answered",
                    cause: "the gateway is up, and stuck or on its way out",
                    advice: "look at OpenD's window; start it again"))
            return
        }
        guard try go(login(state)), try go(version(state, gateway)), try go(clock(state)) else { return }
        guard try go(quota(gateway)) else { return }
        _ = try go(figures(gateway, loop))
    }

    private func checkSettings() throws -> Finding {
        var where_ = "\(settings.address), \(Settings.transports[Int(settings.transport)])"
        let told = settings.sources.filter {
            !["host", "port", "transport"].contains($0.key) || !$0.value.hasPrefix("--")
        }
        if settings.sources.isEmpty { where_ += " (the defaults)" }
        if !told.isEmpty { where_ += " (\(told.values.sorted().joined(separator: ", ")))" }
        if let path = settings.rsaPrivateKeyFile {
            let key = try Files.read(path, atMost: 65536)
            guard String(decoding: key, as: UTF8.self).contains("PRIVATE KEY-----") else {
                return .failed(
                    "settings", .file, "\(path) holds no private key",
                    cause: "OpenD wants a PEM file, PKCS#1, without a password",
                    advice: "name the file that OpenD has as its rsa_private_key")
            }
        }
        guard let key = try settings.websocketKey() else { return .ok("settings", where_) }
        guard settings.isWebSocket else {
            return .warning(
                "settings", where_, cause: "a WebSocket key is of no use over TCP",
                advice: "add --transport websocket, or leave it out")
        }
        guard key.utf8.count == 32, key.allSatisfy({ $0.isHexDigit }) else { return .ok("settings", where_) }
        return .warning(
            "settings", where_,
            cause:
                "the WebSocket key has 32 hex digits, as its MD5 has, which is what OpenD's settings hold (websocket_key_md5)",
            advice: "if it is that: give the key itself")
    }

    private func connected(_ gateway: Gateway) -> Finding {
        let info = gateway.info
        return .ok(
            "gateway", settings.isWebSocket ? "OpenD's WebSocket answers" : "OpenD answers: connection \(info.conn_id)")
    }

    private func encryption() -> Finding {
        if settings.rsaPrivateKeyFile != nil { return .ok("encryption", "on, and the key is the gateway's") }
        let isHere = ["127.", "localhost", "::1"].contains { settings.host.hasPrefix($0) }
        if isHere || settings.transport == Int32(CAPDIST_TRANSPORT_WEBSOCKET_TLS) {
            return .ok("encryption", isHere ? "off, which does not matter on one machine" : "TLS")
        }
        return .warning(
            "encryption", "off", cause: "what is asked and answered goes over the network in clear",
            advice: "give OpenD an RSA key, or use its WebSocket with TLS (docs/remote.md)")
    }

    // MARK: - The answer to GetGlobalState

    private func globalState(_ gateway: Gateway, _ loop: Loop) throws -> GlobalState? {
        try gateway.ask(proto: 1002, GlobalState.request)
        let deadline = now() + Int64(settings.replyTimeout ?? 12_000) + 1000
        while now() < deadline {
            switch loop.wait(gateway.mailbox, until: deadline) {
            case .readerGone: Loop.die(SIGPIPE)
            case .signal, .stopped, .time, .resized: break
            case .mail:
                for item in gateway.mailbox.take() {
                    if case .raw(_, let body, _) = item { return GlobalState(body) }
                }
            }
        }
        return nil
    }

    private func login(_ state: GlobalState) -> Finding {
        if state.isLoggedIn { return .ok("login", "OpenD is logged in to quotes") }
        return .failed(
            "login", .refused, "OpenD is not logged in to quotes",
            cause: "it waits for a password or a code, or the vendor's servers cut it off",
            advice: "look at OpenD's window or console: enter what it asks for, or start it again")
    }

    private func version(_ state: GlobalState, _ gateway: Gateway) -> Finding {
        let number = Int(state.version)
        let minor = number % 100
        let told =
            "OpenD \(number / 100).\(minor < 10 ? "0" : "")\(minor), build \(state.build); this is capdist \(String(cString: capdist_version()))"
        guard number < 500 else { return .ok("version", told) }
        return .warning(
            "version", told, cause: "gateways of before 2021 tell no super figures, and so no main money and no total",
            advice: "update OpenD")
    }

    private func clock(_ state: GlobalState) -> Finding {
        let ahead = Clock.seconds() - Double(state.time)
        guard ahead.magnitude > 5 else {
            return .ok("clock", "within \(Int(ahead.magnitude.rounded(.up))) s of the gateway's")
        }
        return .warning(
            "clock",
            "\(Progress.time(Int(min(ahead.magnitude, 1e9)) * 1000)) \(ahead > 0 ? "ahead of" : "behind") the gateway's",
            cause: "one of the two machines' clocks is wrong",
            advice: "let both be set by NTP: what is recorded carries this clock's time")
    }

    // MARK: - Quota and figures

    private func quota(_ gateway: Gateway) -> Finding {
        let quota = gateway.quota
        if quota.limit == 0 {
            return .warning(
                "quota", "none is kept", cause: "quota_requests is 0",
                advice: "OpenD refuses the 31st request in 30 s: leave it at 30")
        }
        return .ok("quota", "\(quota.limit) requests in \(quota.window_ms / 1000) s, kept by this program for itself")
    }

    private func figures(_ gateway: Gateway, _ loop: Loop) -> Finding {
        gateway.ask(security, index: 0)
        while true {
            switch loop.wait(gateway.mailbox, until: nil) {
            case .readerGone: Loop.die(SIGPIPE)
            case .signal, .stopped, .time, .resized: break
            case .mail:
                for item in gateway.mailbox.take() {
                    if case .answer(let answer) = item { return Causes.figures(security, answer) }
                }
            }
        }
    }
}

/// The fields of GetGlobalState's answer that are used.
struct GlobalState {
    let isLoggedIn: Bool
    let version: UInt64
    let build: UInt64
    let time: UInt64
    /// c2s { userID: 0 }
    static let request: [UInt8] = [0x0A, 0x02, 0x08, 0x00]

    /// nil if the body is not a valid answer.
    init?(_ body: [UInt8]) {
        guard let content = Protobuf.fields(body[...])?.last(where: { $0.number == 4 })?.bytes,
            let fields = Protobuf.fields(content)
        else { return nil }
        func number(_ field: UInt64) -> UInt64? { fields.last { $0.number == field }?.value }
        guard let isLoggedIn = number(6), let version = number(8), let time = number(10) else { return nil }
        self.isLoggedIn = isLoggedIn != 0
        self.version = version
        self.build = number(9) ?? 0
        self.time = time
    }
}

/// Reads the fields of a protobuf message. A protobuf library would be too much for five fields.
enum Protobuf {
    struct Field {
        let number: UInt64
        var value: UInt64 = 0
        var bytes: ArraySlice<UInt8> = []
    }

    static func fields(_ bytes: ArraySlice<UInt8>) -> [Field]? {
        var rest = bytes
        var result: [Field] = []
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        while !rest.isEmpty {
            guard let key = varint() else { return nil }
            var field = Field(number: key >> 3)
            let length: UInt64
            switch key & 7 {
            case 0:
                guard let value = varint() else { return nil }
                field.value = value
                length = 0
            case 1: length = 8
            case 2:
                guard let told = varint() else { return nil }
                length = told
            case 5: length = 4
            default: return nil
            }
            guard length <= UInt64(rest.count) else { return nil }
            field.bytes = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            result.append(field)
        }
        return result
    }
}
