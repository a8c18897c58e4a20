import Glibc

/// Reads files that the application names: keys and certificates.
enum RegularFile {
    struct Unreadable: Error {
        /// The end of a sentence.
        let text: String

        // glibc's strerror has a buffer for each thread.
        static var system: Unreadable {
            Unreadable(text: "it cannot be read: \(strerror(errno).map { String(cString: $0) } ?? "")")
        }
    }

    /// Calls `body` with the first `longest` bytes of a file, and wipes them after that.
    static func read<R>(
        _ path: UnsafePointer<CChar>, longest: Int, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(Unreadable) -> R {
        // Opening or reading other files, such as a named pipe, may wait forever.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .system }
        defer { close(file) }
        var information = stat()
        guard fstat(file, &information) == 0 else { throw .system }
        guard information.st_mode & S_IFMT == S_IFREG else { throw Unreadable(text: "it is not a regular file") }
        let size = min(max(Int(information.st_size), 0) + 1, longest)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer {
            Crypto.wipe(buffer)
            buffer.deallocate()
        }
        var length = 0
        while length < buffer.count {
            let count = Glibc.read(file, buffer.baseAddress?.advanced(by: length), buffer.count - length)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system }
            if count == 0 { break }
            length += count
        }
        return body(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }
}
