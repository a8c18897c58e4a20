import Glibc

/// An error of the system, as errno.
package struct SystemError: Error, Equatable {
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// The system's text for it.
    package var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(code, start, 256) == 0 else { return "error \(code)" }
            return String(cString: start)
        }
    }
}
