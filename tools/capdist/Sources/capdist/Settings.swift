import CCapDist
import Glibc

/// How to reach the gateway, with checked values. nil: the library's default.
struct Settings {
    var host = "127.0.0.1"
    var port: Int32 = 11111
    var transport = Int32(CAPDIST_TRANSPORT_TCP)
    var packetCipher: Int32?
    var rsaPrivateKeyFile: String?
    var websocketKeyFile: String?
    var tlsCaFile: String?
    var tlsServerName: String?
    var tlsInsecure = false
    var clientID: String?
    var clientVersion: Int32?
    var connectTimeout: Int32?
    var replyTimeout: Int32?
    var reconnectMin: Int32?
    var reconnectMax: Int32?
    var quotaRequests: Int32?
    var quotaWindow: Int32?
    var maxBodyBytes: Int32?
    var securityFirm: Int32 = 0
    /// For each value that was set: where it came from.
    var sources: [String: String] = [:]

    static let transports = ["tcp", "websocket", "websocket-tls"]
    static let ciphers = [
        "none": CAPDIST_CIPHER_NONE, "ftaes-ecb": CAPDIST_CIPHER_FTAES_ECB,
        "aes-ecb": CAPDIST_CIPHER_AES_ECB, "aes-cbc": CAPDIST_CIPHER_AES_CBC,
    ]

    var isWebSocket: Bool { transport != Int32(CAPDIST_TRANSPORT_TCP) }
    /// The address as people write it.
    var address: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// `source` is named in the error about an invalid value.
    mutating func set(_ name: String, _ value: String, from source: String) throws(Failure) {
        func number(_ range: ClosedRange<Int32>) throws(Failure) -> Int32 {
            guard let number = Int32(value), range.contains(number) else {
                throw .usage(
                    "\(source) is \"\(value)\"; it must be a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        func text() throws(Failure) -> String {
            guard !value.isEmpty, value.utf8.count <= 255 else {
                throw .usage("\(source) must have from 1 to 255 bytes")
            }
            return value
        }
        func choice<Number: BinaryInteger>(_ choices: [String: Number]) throws(Failure) -> Int32 {
            guard let number = choices[value] else {
                throw .usage(
                    "\(source) is \"\(value)\"; it must be one of \(choices.keys.sorted().joined(separator: ", "))")
            }
            return Int32(number)
        }
        let time: ClosedRange<Int32> = 1...3_600_000
        switch name {
        case "host": host = try text()
        case "port": port = try number(1...65535)
        case "transport":
            transport = try choice(Dictionary(uniqueKeysWithValues: zip(Settings.transports, 0...)))
        case "packet_cipher": packetCipher = try choice(Settings.ciphers)
        case "rsa_private_key_file": rsaPrivateKeyFile = Files.below(home: value)
        case "websocket_key_file": websocketKeyFile = Files.below(home: value)
        case "tls_ca_file": tlsCaFile = Files.below(home: value)
        case "tls_server_name": tlsServerName = try text()
        case "tls_insecure_accept_any_certificate": tlsInsecure = try number(0...1) == 1
        case "client_id": clientID = try text()
        case "client_version": clientVersion = try number(0...Int32.max)
        case "connect_timeout_ms": connectTimeout = try number(time)
        case "reply_timeout_ms": replyTimeout = try number(time)
        case "reconnect_min_ms": reconnectMin = try number(time)
        case "reconnect_max_ms": reconnectMax = try number(time)
        case "quota_requests": quotaRequests = try number(0...100_000)
        case "quota_window_ms": quotaWindow = try number(time)
        case "max_body_bytes": maxBodyBytes = try number(1024...268_435_456)
        case "security_firm": securityFirm = try number(0...Int32.max)
        default: throw .usage("\(source): there is no such setting")
        }
        sources[name] = source
    }

    /// The key in the file, without the line end.
    func websocketKey() throws(Failure) -> String? {
        guard let path = websocketKeyFile else { return nil }
        var bytes = try Files.read(path, atMost: 1024)
        while let last = bytes.last, last == 10 || last == 13 { bytes.removeLast() }
        guard let key = String(validating: bytes, as: UTF8.self), !key.isEmpty, bytes.count <= 255, !bytes.contains(0)
        else {
            throw .usage("\(path) must hold OpenD's WebSocket key, from 1 to 255 bytes of text")
        }
        return key
    }

    /// Starts to connect. The texts are valid during the call.
    func connect(reconnect: Bool, _ fill: (inout capdist_options) -> Void) throws(Failure) -> OpaquePointer {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        var texts: [UnsafeMutablePointer<CChar>?] = []
        defer { texts.forEach { free($0) } }
        func c(_ text: String?) -> UnsafePointer<CChar>? {
            guard let text else { return nil }
            texts.append(strdup(text))
            return UnsafePointer(texts[texts.count - 1])
        }
        options.host = c(host)
        options.port = port
        options.transport = transport
        options.programming_language = c("Swift")
        options.client_id = c(clientID ?? "capdist-tool")
        options.rsa_private_key_file = c(rsaPrivateKeyFile)
        if isWebSocket { options.websocket_key = c(try websocketKey()) }
        options.tls_ca_file = c(tlsCaFile)
        options.tls_server_name = c(tlsServerName)
        options.tls_insecure_accept_any_certificate = tlsInsecure ? 1 : 0
        if let packetCipher { options.packet_cipher = packetCipher }
        if let clientVersion { options.client_version = clientVersion }
        if let connectTimeout { options.connect_timeout_ms = connectTimeout }
        if let replyTimeout { options.reply_timeout_ms = replyTimeout }
        if let reconnectMin { options.reconnect_min_ms = reconnectMin }
        if let reconnectMax { options.reconnect_max_ms = reconnectMax }
        if let quotaRequests { options.quota_requests = quotaRequests }
        if let quotaWindow { options.quota_window_ms = quotaWindow }
        if let maxBodyBytes { options.max_body_bytes = maxBodyBytes }
        options.reconnect = reconnect ? 1 : 0
        fill(&options)
        var connection: OpaquePointer?
        let status = capdist_init_connect(&options, &connection)
        guard status == CAPDIST_OK, let connection else {
            var text = String(cString: capdist_last_error())
            if let file = rsaPrivateKeyFile, text.hasPrefix("rsa_private_key_file") { text += " (\(file))" }
            throw Failure(status == CAPDIST_SYSTEM_ERROR ? .noGateway : .usage, text)
        }
        return connection
    }
}
