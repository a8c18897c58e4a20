import ArgumentParser

/// How to reach the gateway, with the names of `capdist_options`. For each option, the flag comes first, then the
/// variable (CAPDIST_TLS_CA_FILE for `--tls-ca-file`), then capdist.toml (tls_ca_file), then the library's default.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Address or name of the machine that OpenD runs on.", valueName: "host"))
    var host: String?
    @Option(help: ArgumentHelp("Port of OpenD, or of its WebSocket.", valueName: "port"))
    var port: String?
    @Option(help: ArgumentHelp("tcp, websocket or websocket-tls.", valueName: "transport"))
    var transport: String?
    @Option(help: ArgumentHelp("Private key that OpenD has, too: turns encryption on.", valueName: "file"))
    var rsaPrivateKeyFile: String?
    @Option(help: ArgumentHelp("none, ftaes-ecb, aes-ecb or aes-cbc.", valueName: "cipher"))
    var packetCipher: String?
    @Option(help: ArgumentHelp("File that holds OpenD's WebSocket key.", valueName: "file"))
    var websocketKeyFile: String?
    @Option(help: ArgumentHelp("Certificates to trust.", valueName: "file"))
    var tlsCaFile: String?
    @Option(help: ArgumentHelp("Name that the certificate must be for.", valueName: "name"))
    var tlsServerName: String?
    @Option(help: ArgumentHelp("1: any certificate is trusted; for tests.", valueName: "0|1"))
    var tlsInsecureAcceptAnyCertificate: String?
    @Option(help: ArgumentHelp("Name that the gateway is told.", valueName: "name"))
    var clientId: String?
    @Option(help: ArgumentHelp("Version that the gateway is told.", valueName: "number"))
    var clientVersion: String?
    @Option(help: ArgumentHelp("Limit for one attempt to connect.", valueName: "ms"))
    var connectTimeoutMs: String?
    @Option(help: ArgumentHelp("Limit from sent to answered.", valueName: "ms"))
    var replyTimeoutMs: String?
    @Option(help: ArgumentHelp("First pause before a new attempt.", valueName: "ms"))
    var reconnectMinMs: String?
    @Option(help: ArgumentHelp("Longest pause before a new attempt.", valueName: "ms"))
    var reconnectMaxMs: String?
    @Option(help: ArgumentHelp("Requests a window; 0: no quota is kept.", valueName: "number"))
    var quotaRequests: String?
    @Option(help: ArgumentHelp("The quota's window.", valueName: "ms"))
    var quotaWindowMs: String?
    @Option(help: ArgumentHelp("Longest answer that is accepted.", valueName: "bytes"))
    var maxBodyBytes: String?
    @Option(help: ArgumentHelp("Securities firm that is asked for.", valueName: "number"))
    var securityFirm: String?
    @Option(help: ArgumentHelp("Instead of ~/.config/capdist.toml.", valueName: "file"))
    var config: String?

    /// By their names in the file.
    private var given: [(String, String?)] {
        [
            ("host", host), ("port", port), ("transport", transport), ("rsa_private_key_file", rsaPrivateKeyFile),
            ("packet_cipher", packetCipher), ("websocket_key_file", websocketKeyFile), ("tls_ca_file", tlsCaFile),
            ("tls_server_name", tlsServerName),
            ("tls_insecure_accept_any_certificate", tlsInsecureAcceptAnyCertificate), ("client_id", clientId),
            ("client_version", clientVersion), ("connect_timeout_ms", connectTimeoutMs),
            ("reply_timeout_ms", replyTimeoutMs), ("reconnect_min_ms", reconnectMinMs),
            ("reconnect_max_ms", reconnectMaxMs), ("quota_requests", quotaRequests),
            ("quota_window_ms", quotaWindowMs), ("max_body_bytes", maxBodyBytes), ("security_firm", securityFirm),
        ]
    }

    func settings() throws(Failure) -> Settings {
        var settings = Settings()
        let file = try ConfigFile.find(config)
        var unknown = Set(file?.values.keys.map { $0 } ?? [])
        for (name, flag) in given {
            unknown.remove(name)
            let variable = "CAPDIST_" + name.uppercased()
            if let flag {
                try settings.set(name, flag, from: "--" + name.replacing("_", with: "-"))
            } else if let value = Terminal.environment(variable) {
                try settings.set(name, value, from: variable)
            } else if let file, let value = file.values[name] {
                try settings.set(name, value, from: "\(file.path): \(name)")
            }
        }
        if let file, let name = unknown.sorted().first {
            throw .usage("\(file.path): there is no setting \(name)")
        }
        return settings
    }
}
