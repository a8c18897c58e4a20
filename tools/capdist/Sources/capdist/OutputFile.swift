import Glibc

/// A file that a command makes: whoever reads it sees the old one or the new one, whole.
enum OutputFile {
    /// The file as far as it is written, for the handler of signals, which may not allocate.
    nonisolated(unsafe) private static var unfinished: UnsafeMutablePointer<CChar>?

    static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// `body` writes it. What it throws leaves the file as it was; so does a signal.
    static func write(to path: String, _ body: (Stream) throws -> Void) throws {
        guard let target = replaceable(path) else { return try writeInto(path, body) }
        let name = "\(target).\(getpid()).tmp"
        unfinished = strdup(name)
        removeOnSignals()
        defer {
            // Nothing is there after the renaming.
            unlink(name)
            let done = unfinished
            unfinished = nil
            free(done)
        }
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path) }
        // Who may read the old one may read the new one, and nobody else.
        var old = stat()
        if stat(target, &old) == 0 { fchmod(descriptor, old.st_mode & 0o777) }
        do {
            try body(Stream(descriptor: descriptor, name: path))
        } catch {
            close(descriptor)
            throw error
        }
        guard close(descriptor) == 0, rename(name, target) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> Failure {
        .file("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }

    /// What is to be put in its place: where a link leads to. nil for what stays what it is: a device, a pipe.
    private static func replaceable(_ path: String) -> String? {
        var told = stat()
        guard stat(path, &told) == 0 else {
            // A link to nothing: the file is made where it points.
            return lstat(path, &told) == 0 ? nil : path
        }
        guard told.st_mode & S_IFMT == S_IFREG, let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func writeInto(_ path: String, _ body: (Stream) throws -> Void) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        try body(Stream(descriptor: descriptor, name: path))
    }

    /// A command that is ended leaves nothing half done.
    private static func removeOnSignals() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] where !Loop.isIgnored(number) {
            signal(number) { number in
                if let path = OutputFile.unfinished { unlink(path) }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
