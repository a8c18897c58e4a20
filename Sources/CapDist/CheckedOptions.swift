import CCapDist
import CSystem
import Codec
import Core
import Glibc

/// capdist_options, checked and translated.
struct CheckedOptions {
    var connection = ConnectionOptions()
    var quotaGroup: String
    var quotaLimit: Int
    var quotaWindow: TimeAmount

    /// The smallest struct of any version, in bytes: up to `mode`.
    static let smallest = 24

    private static let defaultQuotaRequests: Int32 = 30
    private static let defaultQuotaWindow: TimeAmount = .seconds(30)

    /// The core's defaults, and those of options that the core does not have.
    static var defaults: capdist_options {
        let connection = ConnectionOptions()
        let behaviour = connection.behaviour
        var options = capdist_options()
        options.struct_size = MemoryLayout<capdist_options>.size
        options.port = Int32(connection.port)
        options.client_version = 101
        options.packet_cipher = Int32(CAPDIST_CIPHER_FTAES_ECB)
        options.reconnect = behaviour.reconnects ? 1 : 0
        options.reconnect_min_ms = behaviour.minBackoff.millisecondsRoundedUp
        options.reconnect_max_ms = behaviour.maxBackoff.millisecondsRoundedUp
        options.connect_timeout_ms = behaviour.connectTimeout.millisecondsRoundedUp
        options.queue_timeout_ms = behaviour.terms.queueTimeout.millisecondsRoundedUp
        options.reply_timeout_ms = behaviour.terms.replyTimeout.millisecondsRoundedUp
        options.quota_requests = defaultQuotaRequests
        options.quota_window_ms = defaultQuotaWindow.millisecondsRoundedUp
        options.quota_mode = Int32(CAPDIST_QUOTA_WAIT)
        options.max_queue = Int32(clamping: behaviour.maxQueue)
        options.max_body_bytes = Int32(clamping: connection.maxBodyLength)
        options.thread_stack_bytes = Int32(clamping: connection.threadStackBytes)
        return options
    }

    init(_ pointer: UnsafePointer<capdist_options>?) throws(CallError) {
        var options = Self.defaults
        if let pointer {
            options = try SizedStruct.read(pointer, "capdist_options", smallest: Self.smallest, Self.defaults)
        }
        let host = try text(options.host, "host") ?? "127.0.0.1"
        try Self.checkHost(host)
        connection.host = host
        let mode = try number(options.mode, "mode", 0...Int32(CAPDIST_MODE_HOST_DRIVEN))
        connection.isApplicationDriven = mode == Int32(CAPDIST_MODE_HOST_DRIVEN)
        if connection.isApplicationDriven, options.on_resolve == nil, Resolver.isName(host) {
            throw CallError(
                .needsAddress,
                "host: in application-driven mode it must be a numeric address or localhost, so that nothing blocks: set"
                    + " on_resolve, or resolve \(host) first")
        }
        connection.port = UInt16(clamping: try number(options.port, "port", 1...65535))
        let transport = Transport(
            rawValue: try number(options.transport, "transport", 0...Int32(CAPDIST_TRANSPORT_WEBSOCKET_TLS)))
        connection.behaviour.transport = transport ?? .tcp
        connection.rsaKey = try Self.rsaKey(options)
        let cipher = try number(
            options.packet_cipher, "packet_cipher", Int32(CAPDIST_CIPHER_NONE)...Int32(CAPDIST_CIPHER_AES_CBC))
        if connection.rsaKey != nil { connection.cipher = CipherAlgorithm(rawValue: cipher) ?? .ftaesECB }
        connection.tls = try Self.tls(options, connection)
        connection.serverName = try Self.serverName(options)
        connection.behaviour.acceptsAnyCertificate = connection.tls?.isVerifying == false
        var firstMessage = try Self.firstMessage(options, connection)
        connection.firstMessage = SecretBytes(&firstMessage)
        connection.behaviour = try Self.behaviour(options, connection)
        let defaults = Self.defaults
        connection.maxBodyLength = Int(
            try size(options.max_body_bytes, "max_body_bytes", 1024...268_435_456, defaults.max_body_bytes))
        connection.threadStackBytes = Int(
            try size(
                options.thread_stack_bytes, "thread_stack_bytes", 131_072...1_073_741_824, defaults.thread_stack_bytes))
        connection.callbacks = Self.callbacks(options, connection)

        quotaLimit = Int(try number(options.quota_requests, "quota_requests", 0...100_000))
        quotaWindow = try time(options.quota_window_ms, "quota_window_ms", Self.defaultQuotaWindow)
        quotaGroup = try text(options.quota_group, "quota_group") ?? Self.group(of: host)
    }

    /// The body of the connection's first message.
    private static func firstMessage(
        _ options: capdist_options, _ connection: ConnectionOptions
    ) throws(CallError) -> [UInt8] {
        let clientID = try text(options.client_id, "client_id") ?? "capdist"
        let language = try text(options.programming_language, "programming_language") ?? "C"
        let initConnect = InitConnectRequest(
            clientVersion: try number(options.client_version, "client_version", 0...Int32.max), clientID: clientID,
            recvNotify: try flag(options.recv_notify, "recv_notify"), packetEncAlgo: connection.cipher.rawValue,
            pushProtoFormat: Int32(FrameHeader.protobufFormat), programmingLanguage: language)
        guard connection.behaviour.transport != .tcp else { return initConnect.encoded() }
        return try initWebSocket(options, clientID, language)
    }

    /// What the state machine needs.
    private static func behaviour(
        _ options: capdist_options, _ connection: ConnectionOptions
    ) throws(CallError) -> ConnectionConfiguration {
        var behaviour = connection.behaviour
        behaviour.connectTimeout = try time(options.connect_timeout_ms, "connect_timeout_ms", behaviour.connectTimeout)
        var terms = behaviour.terms
        terms.queueTimeout = try time(options.queue_timeout_ms, "queue_timeout_ms", terms.queueTimeout)
        terms.replyTimeout = try time(options.reply_timeout_ms, "reply_timeout_ms", terms.replyTimeout)
        terms.failsWithoutSlot = try quotaMode(options.quota_mode) == Int32(CAPDIST_QUOTA_FAIL)
        terms.failsInOutage = try outageMode(options.outage_mode) == Int32(CAPDIST_OUTAGE_FAIL)
        behaviour.terms = terms
        behaviour.reconnects = try flag(options.reconnect, "reconnect")
        behaviour.minBackoff = try time(options.reconnect_min_ms, "reconnect_min_ms", behaviour.minBackoff)
        behaviour.maxBackoff = try time(options.reconnect_max_ms, "reconnect_max_ms", behaviour.maxBackoff)
        guard behaviour.minBackoff <= behaviour.maxBackoff else {
            throw .invalid("reconnect_min_ms is above reconnect_max_ms")
        }
        behaviour.maxQueue = Int(try size(options.max_queue, "max_queue", 1...1_000_000, defaults.max_queue))
        behaviour.isEncrypted = connection.rsaKey != nil
        behaviour.endpoint.host = connection.host
        behaviour.endpoint.port = connection.port
        behaviour.endpoint.keyLooksLikeMD5 = looksLikeMD5(options.websocket_key)
        behaviour.wantsLog = options.on_log != nil
        behaviour.tellsAttempts = options.on_attempt_failed != nil
        behaviour.seed = try seed()
        return behaviour
    }

    private static func callbacks(_ options: capdist_options, _ connection: ConnectionOptions) -> ApplicationCallbacks {
        var callbacks = connection.callbacks
        callbacks.onInitConnect = options.on_init_connect
        callbacks.onDisconnect = options.on_disconnect
        // The WebSocket bridge always pushes.
        let isUnwanted = connection.behaviour.transport != .tcp && options.recv_notify == 0
        callbacks.onPush = isUnwanted ? nil : options.on_push
        callbacks.onLog = options.on_log
        callbacks.onAttemptFailed = options.on_attempt_failed
        callbacks.onClosed = options.on_closed
        callbacks.onResolve = options.on_resolve
        callbacks.onThreadStart = options.on_thread_start
        callbacks.userData = options.user_data
        callbacks.onAnswer = deliverAnswer
        callbacks.onCompletion = deliverCompletion
        callbacks.name = Payload.name
        return callbacks
    }

    /// A random number of the system. Swift's own generator would end the process if the system has none.
    private static func seed() throws(CallError) -> UInt64 {
        var seed: UInt64 = 0
        guard csystem_random(&seed, MemoryLayout<UInt64>.size) == 0 else {
            let why = SystemError(code: errno).text
            throw CallError(
                .systemError, "the system gives no random numbers, neither getrandom() nor /dev/urandom: \(why)")
        }
        return seed
    }

    /// The default group of a host. All names of loopback are one group. The prefix separates it from the application's
    /// names.
    static func group(of host: String) -> String {
        "host:" + (Resolver.isLoopback(host) ? "localhost" : host.asciiLowercased)
    }

    /// Refuses a text that is neither a name nor an address: looking it up would fail much later.
    private static func checkHost(_ host: String) throws(CallError) {
        guard Resolver.isName(host),
            let mark = host.utf8.first(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") })
        else { return }
        if mark == UInt8(ascii: "/") || host.utf8.contains(UInt8(ascii: "/")) {
            throw .invalid(
                "host is \(host): give the name or address alone, without a scheme or a path; pass the port as port")
        }
        if host.utf8.first == UInt8(ascii: "[") {
            throw .invalid("host is \(host): give the address without brackets; pass the port as port")
        }
        throw .invalid("host is \(host): give the name or address alone; pass the port as port")
    }

    /// nil: no encryption. The application's text is not copied.
    private static func rsaKey(_ options: capdist_options) throws(CallError) -> RSAKey? {
        guard options.rsa_private_key == nil || options.rsa_private_key_file == nil else {
            throw .invalid("rsa_private_key and rsa_private_key_file are both set: set only one")
        }
        do throws(RSAKey.LoadError) {
            if let text = options.rsa_private_key { return try RSAKey(text: text) }
            return try options.rsa_private_key_file.map { (path) throws(RSAKey.LoadError) in try RSAKey(file: path) }
        } catch {
            let name = options.rsa_private_key == nil ? "rsa_private_key_file" : "rsa_private_key"
            throw .invalid("\(name) cannot be used: \(error.text)")
        }
    }

    /// Which certificates to trust. Also refuses options that have no effect with this transport: an application that
    /// sets them relies on them.
    private static func tls(
        _ options: capdist_options, _ connection: ConnectionOptions
    ) throws(CallError) -> TLSTrust? {
        let acceptsAny = try flag(
            options.tls_insecure_accept_any_certificate, "tls_insecure_accept_any_certificate")
        switch connection.behaviour.transport {
        case .tcp:
            if options.websocket_key != nil {
                throw .invalid("websocket_key is set, but transport is CAPDIST_TRANSPORT_TCP: change one of them")
            }
            if options.tls_server_name != nil {
                throw .invalid("tls_server_name is set, but transport is CAPDIST_TRANSPORT_TCP: change one of them")
            }
            try refuseTLS(options, acceptsAny)
            return nil
        case .webSocket:
            try refuseKey(connection)
            try refuseTLS(options, acceptsAny)
            return nil
        case .webSocketTLS:
            try refuseKey(connection)
            return try trust(options, acceptsAny)
        }
    }

    private static func refuseTLS(_ options: capdist_options, _ acceptsAny: Bool) throws(CallError) {
        if options.tls_ca_file != nil { throw .invalid("tls_ca_file is set, but transport has no TLS") }
        if acceptsAny { throw .invalid("tls_insecure_accept_any_certificate is set, but transport has no TLS") }
    }

    private static func refuseKey(_ connection: ConnectionOptions) throws(CallError) {
        guard connection.rsaKey != nil else { return }
        throw .invalid("an RSA key encrypts over TCP only: over WebSocket use CAPDIST_TRANSPORT_WEBSOCKET_TLS")
    }

    private static func trust(_ options: capdist_options, _ acceptsAny: Bool) throws(CallError) -> TLSTrust {
        if acceptsAny, options.tls_ca_file != nil {
            throw .invalid("tls_ca_file and tls_insecure_accept_any_certificate are both set: set only one")
        }
        if acceptsAny { return .anybody }
        guard let path = options.tls_ca_file else { return .system }
        // A file name may have any bytes, and need not be UTF-8.
        let trust = TLSTrust.file(String(cString: path))
        if let problem = trust.problem { throw .invalid("tls_ca_file cannot be used: \(problem)") }
        return trust
    }

    /// The name becomes part of an HTTP header, so characters that would end it are refused.
    private static func serverName(_ options: capdist_options) throws(CallError) -> String? {
        let name = try text(options.tls_server_name, "tls_server_name")
        guard name?.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ?? true else {
            throw .invalid("tls_server_name must be printable ASCII without a space")
        }
        // OpenSSL would accept every name that ends in it.
        guard name?.utf8.first != UInt8(ascii: ".") else { throw .invalid("tls_server_name begins with a dot") }
        return name
    }

    /// The body of InitWebSocket, which contains the key's MD5.
    private static func initWebSocket(
        _ options: capdist_options, _ clientID: String, _ language: String
    ) throws(CallError) -> [UInt8] {
        let longest = 255
        let key = UnsafeRawBufferPointer(
            start: options.websocket_key, count: options.websocket_key.map { strnlen($0, longest + 1) } ?? 0)
        guard key.count <= longest else { throw .invalid("websocket_key is longer than \(longest) bytes") }
        var request = InitWebSocketRequest(websocketKey: nil, clientID: clientID, programmingLanguage: language)
        request.websocketKey = InitWebSocketRequest.digest(ofKey: key)
        defer { request.wipe() }
        return request.encoded()
    }
}

/// Whether a key has 32 hex digits, like an MD5.
private func looksLikeMD5(_ key: UnsafePointer<CChar>?) -> Bool {
    guard let key, strnlen(key, 33) == 32 else { return false }
    return (0..<32).allSatisfy { isxdigit(Int32(UInt8(bitPattern: key[$0]))) != 0 }
}
