import CToml

/// The settings in ~/.config/capdist.toml: a `name = value` on each line, with the names of `capdist_options`.
struct ConfigFile {
    let path: String
    let values: [String: String]

    /// nil if there is no file and none was named.
    static func find(_ named: String?) throws(Failure) -> ConfigFile? {
        if let path = named ?? Terminal.environment("CAPDIST_CONFIG") { return try ConfigFile(path) }
        let folder = Terminal.environment("XDG_CONFIG_HOME") ?? Terminal.environment("HOME").map { $0 + "/.config" }
        guard let path = folder.map({ $0 + "/capdist.toml" }), Files.exist(path) else { return nil }
        return try ConfigFile(path)
    }

    private init(_ path: String) throws(Failure) {
        self.path = path
        let bytes = try Files.read(path, atMost: 1 << 20)
        let told = Told()
        var error = [CChar](repeating: 0, count: 256)
        let line = bytes.withUnsafeBufferPointer { bytes in
            ctoml_read(
                bytes.baseAddress, bytes.count,
                { context, name, value in
                    guard let context, let name else { return }
                    let told = Unmanaged<Told>.fromOpaque(context).takeUnretainedValue()
                    told.settings.append((String(cString: name), value.map { String(cString: $0) }))
                }, Unmanaged.passUnretained(told).toOpaque(), &error, error.count)
        }
        guard line == 0 else {
            let text = error.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
            throw .usage("\(path), line \(line): \(Terminal.harmless(text))")
        }
        var values: [String: String] = [:]
        for (name, value) in told.settings {
            guard let value else { throw .usage("\(path): \(name) must be a text, a whole number, true or false") }
            values[name] = value
        }
        self.values = values
    }
}

/// Collects the settings in the reader's order.
private final class Told {
    var settings: [(String, String?)] = []
}
