import Glibc

extension RSAKey {
    /// No key is longer than this. A longer text is probably another file.
    package static let longestText = 64 * 1024
    private static var tooLong: LoadError {
        LoadError(text: "it is larger than \(longestText / 1024) KiB, which no key is")
    }

    /// Reads PEM text. The text is not kept.
    package convenience init(text: UnsafePointer<CChar>) throws(LoadError) {
        let length = strnlen(text, Self.longestText + 1)
        guard length <= Self.longestText else { throw Self.tooLong }
        try self.init(pem: UnsafeRawBufferPointer(start: text, count: length))
    }

    /// Reads a PEM file. The bytes read are wiped.
    package convenience init(file path: UnsafePointer<CChar>) throws(LoadError) {
        let read: Result<OpaquePointer, LoadError>
        do throws(RegularFile.Unreadable) {
            read = try RegularFile.read(path, longest: Self.longestText + 1) { text in
                Result { () throws(LoadError) in
                    guard text.count <= Self.longestText else { throw Self.tooLong }
                    return try Self.decode(text)
                }
            }
        } catch {
            throw LoadError(text: error.text)
        }
        try self.init(read.get())
    }
}
