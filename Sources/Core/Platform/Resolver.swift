import CSystem
import Codec
import Glibc

/// Finds the addresses of a host name.
package enum Resolver {
    /// Whether a host is loopback, in any spelling.
    package static func isLoopback(_ host: String) -> Bool {
        guard let addresses = inPlace(host, 0) else { return false }
        return addresses.allSatisfy { $0.isLoopback }
    }

    /// The addresses of a numeric address or of `localhost`, without a lookup. nil: it is a name.
    static func inPlace(_ host: String, _ port: UInt16) -> [Address]? {
        // The system's resolver may ask servers about localhost.
        let isLocalhost = ["localhost", "localhost."].contains(host.asciiLowercased)
        let hosts = isLocalhost ? ["127.0.0.1", "::1"] : [host]
        var addresses: [Address] = []
        for host in hosts {
            guard case .success(let found) = lookUp(host, port, flags: AI_NUMERICHOST | AI_NUMERICSERV) else {
                return nil
            }
            addresses += found
        }
        return addresses
    }

    /// Whether a host is a name that must be looked up.
    package static func isName(_ host: String) -> Bool { inPlace(host, 1) == nil }

    static func lookUp(_ host: String, _ port: UInt16, flags: Int32 = AI_NUMERICSERV) -> Result<
        [Address], LookUpFailure
    > {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return .failure(LookUpFailure(code: code)) }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let info = next?.pointee {
            if let address = Address(info) { addresses.append(address) }
            next = info.ai_next
        }
        return addresses.isEmpty ? .failure(LookUpFailure(code: EAI_NONAME)) : .success(addresses)
    }
}
