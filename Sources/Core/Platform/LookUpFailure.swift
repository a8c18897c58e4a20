import Glibc

/// Why a name has no addresses.
package struct LookUpFailure: Error {
    /// getaddrinfo's code.
    let code: Int32
    let text: String

    init(code: Int32) {
        self.code = code
        text = String(cString: gai_strerror(code))
    }

    /// The application's own reason.
    init(_ text: String) {
        code = EAI_NONAME
        self.text = text
    }
}
