import Glibc

/// A descriptor for output. Each text is written completely, without buffering. Only the main thread writes.
struct Stream: @unchecked Sendable {
    let descriptor: Int32
    let name: String

    static let output = Stream(descriptor: 1, name: "the standard output")
    static let error = Stream(descriptor: 2, name: "the standard error")

    func write(_ text: String) throws(Failure) {
        if let code = send(text) {
            throw .file("\(name) cannot be written to: \(String(cString: strerror(code)))")
        }
    }

    func writeIgnoringErrors(_ text: String) {
        _ = send(text)
    }

    /// Writes the text. Returns errno if it failed.
    private func send(_ text: String) -> Int32? {
        var text = text
        let loop = Loop.inCharge
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                loop?.waitToWrite(descriptor)
                // A pipe that poll reports as ready takes this much.
                let sent = Glibc.write(descriptor, rest.baseAddress, loop == nil ? rest.count : min(rest.count, 4096))
                if sent < 0 {
                    // Another program that shares the terminal may have made it non-blocking.
                    if errno == EAGAIN {
                        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                        poll(&ready, 1, -1)
                    } else if errno != EINTR {
                        return errno
                    }
                    continue
                }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(sent))
            }
            return nil
        }
    }
}

enum Files {
    /// Expands "~/", where no shell has done it: in a configuration file, and in `--name=~/file`.
    static func below(home path: String) -> String {
        guard path.hasPrefix("~/"), let home = Terminal.environment("HOME") else { return path }
        return home + path.dropFirst()
    }

    static func exist(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Reads a file, or the standard input for "-".
    static func read(_ path: String, atMost limit: Int) throws(Failure) -> [UInt8] {
        let name = path == "-" ? "the standard input" : path
        let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("\(name) cannot be read: \(String(cString: strerror(errno)))") }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .file("\(name) cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw .file("\(name) is longer than \(limit) bytes") }
            bytes += piece[..<count]
        }
    }
}
