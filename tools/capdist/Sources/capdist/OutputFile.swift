import Glibc

/// Writes a file atomically: a reader sees either the old or the complete new one.
enum OutputFile {
    /// The path of the unfinished file, for the signal handler, which must not allocate.
    nonisolated(unsafe) private static var unfinished: UnsafeMutablePointer<CChar>?

    static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// `body` writes the file. If it throws, or a signal ends the process, the old file is unchanged.
    static func write(to path: String, _ body: (Stream) throws -> Void) throws {
        guard let target = replaceable(path) else { return try writeInto(path, body) }
        let name = "\(target).\(getpid()).tmp"
        unfinished = strdup(name)
        removeOnSignals()
        defer {
            // After the rename there is no such file.
            unlink(name)
            let done = unfinished
            unfinished = nil
            free(done)
        }
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path) }
        // The new file gets the old one's permissions.
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

    /// The path to replace, with symbolic links followed; nil for what cannot be replaced, such as a device or a pipe.
    private static func replaceable(_ path: String) -> String? {
        var told = stat()
        guard stat(path, &told) == 0 else {
            // A dangling link: the file is created where it points.
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

    /// Deletes the unfinished file if a signal ends the process.
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
