import Glibc

extension RSAKey {
    /// No key is longer; a text that is has not been meant.
    package static let longestText = 64 * 1024
    private static let tooLong = Refusal(text: "it has more than \(longestText / 1024) KiB, and no key does")

    /// Reads PEM text, which is not kept.
    package convenience init(text: UnsafePointer<CChar>) throws(Refusal) {
        let length = strnlen(text, Self.longestText + 1)
        guard length <= Self.longestText else { throw Self.tooLong }
        try self.init(pem: UnsafeRawBufferPointer(start: text, count: length))
    }

    /// Reads a PEM file; what was read of it is wiped.
    package convenience init(file path: UnsafePointer<CChar>) throws(Refusal) {
        // Opening or reading what is no regular file may wait for ever.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Self.unreadable() }
        defer { close(file) }
        var information = stat()
        guard fstat(file, &information) == 0 else { throw Self.unreadable() }
        guard information.st_mode & S_IFMT == S_IFREG else { throw Refusal(text: "it is no regular file") }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.longestText + 1, alignment: 16)
        defer {
            Crypto.wipe(buffer)
            buffer.deallocate()
        }
        var length = 0
        while length < buffer.count {
            let count = read(file, buffer.baseAddress?.advanced(by: length), buffer.count - length)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.unreadable() }
            if count == 0 { break }
            length += count
        }
        guard length <= Self.longestText else { throw Self.tooLong }
        try self.init(pem: UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }

    // glibc's strerror has a text for each thread.
    private static func unreadable() -> Refusal {
        Refusal(text: "it can not be read: \(strerror(errno).map { String(cString: $0) } ?? "")")
    }
}
