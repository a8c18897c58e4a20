import Glibc

/// Why a name has no addresses.
package struct LookUpFailure: Error {
    /// The code of getaddrinfo().
    let code: Int32
    let text: String

    init(code: Int32) {
        self.code = code
        text = String(cString: gai_strerror(code))
    }

    /// With the reason that the application gave.
    init(_ text: String) {
        code = EAI_NONAME
        self.text = text
    }
}
