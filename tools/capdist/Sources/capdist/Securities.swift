import ArgumentParser
import CCapDist

/// A security: the text, and the library's struct.
struct Security {
    let name: String
    let value: capdist_security

    /// nil if the text is not a security; capdist_last_error() tells why.
    init?(_ text: String) {
        var value = capdist_security()
        guard capdist_security_parse(text, &value) == CAPDIST_OK else { return nil }
        var buffer = [CChar](repeating: 0, count: 96)
        guard capdist_security_format(&value, &buffer, buffer.count) > 0 else { return nil }
        self.value = value
        name = buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? text }
    }
}

/// The securities that a command is given.
struct SecurityArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Such as HK.00700 or US.AAPL; - reads them from the standard input.", valueName: "security"))
    var securities: [String] = []
    @Option(
        name: [.customLong("file"), .customShort("f")],
        help: ArgumentHelp("File of securities, one a line; # begins a remark.", valueName: "list"))
    var files: [String] = []

    /// The list without duplicates, in its order; and whether all texts were securities. The others are printed.
    func read() throws(Failure) -> (list: [Security], complete: Bool) {
        var list: [Security] = []
        var seen: Set<String> = []
        var complete = true
        func add(_ text: String, _ place: String) {
            guard let security = Security(text) else {
                say("\(place)\(Terminal.harmless(text)): \(String(cString: capdist_last_error()))")
                complete = false
                return
            }
            if seen.insert(security.name).inserted { list.append(security) }
        }
        for text in securities where text != "-" { add(text, "") }
        for path in files + securities.filter({ $0 == "-" }) {
            let name = path == "-" ? "standard input" : path
            let before = list.count
            for (number, words) in try SecurityArguments.lines(path, name) {
                for word in words { add(word, "\(name), line \(number): ") }
            }
            if list.count == before, seen.isEmpty { throw .file("\(name) is no list of securities: none is in it") }
        }
        guard !list.isEmpty || !complete else {
            throw .usage("name a security, such as HK.00700, or a list with --file")
        }
        return (list, complete)
    }

    private static func lines(_ path: String, _ name: String) throws(Failure) -> [(Int, [String])] {
        var bytes = try Files.read(path, atMost: 4 << 20)
        // The byte order mark at the beginning of texts from Windows.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw .file("\(name) is no list of securities: it is no text")
        }
        var result: [(Int, [String])] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let told = line.prefix { $0 != "#" }
            let words = told.split { $0 == "," || $0.isWhitespace }.map(String.init)
            // Prose or a program is not a list: one error, instead of one for each word.
            guard words.count <= 1000 else { throw .file("\(name) is no list of securities: see line \(number + 1)") }
            if !words.isEmpty { result.append((number + 1, words)) }
        }
        if let (number, words) = result.first, !words.contains(where: { Security($0) != nil }) {
            throw .file(
                "\(name) is no list of securities: line \(number) begins with \"\(Terminal.cut(Terminal.harmless(words[0]), 40))\""
            )
        }
        return result
    }
}
