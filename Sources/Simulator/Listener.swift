import CSystem
import Glibc

/// A listening socket that can refuse connections for a while without losing its port. For one thread at a time.
final class Listener {
    /// Where it listens, as people write it: `127.0.0.1:PORT` or `[::1]:PORT`.
    let address: String
    let port: UInt16
    private(set) var socket: Int32

    /// - Parameters:
    ///   - host: a numeric address.
    ///   - port: 0 lets the system choose.
    ///   - isOpen: whether it listens at once. If not, the port is kept and refuses connections until `comeBack`.
    init(_ host: String, _ port: UInt16, isOpen: Bool = true) throws(SimulatorServer.Failure) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let info = list?.pointee else {
            throw SimulatorServer.Failure(text: "\(host) is not a numeric address")
        }
        defer { freeaddrinfo(list) }
        let kind = info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let first = Glibc.socket(info.ai_family, kind, info.ai_protocol)
        let socket = Glibc.socket(info.ai_family, kind, info.ai_protocol)
        defer { Glibc.close(first) }
        guard first >= 0, socket >= 0 else {
            let error = errno
            Glibc.close(socket)
            throw SimulatorServer.Failure("no socket", error)
        }
        // The port can be used again as soon as the simulator has ended.
        for socket in [first, socket] {
            var on: Int32 = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        // A socket that is shut down and listens again keeps its port only if it was bound to that number. So a first
        // socket finds a free number.
        guard Glibc.bind(first, info.ai_addr, info.ai_addrlen) == 0,
            Self.bind(socket, as: first) == 0, !isOpen || listen(socket, SOMAXCONN) == 0
        else {
            let error = errno
            Glibc.close(socket)
            throw SimulatorServer.Failure("cannot listen on \(host) port \(port)", error)
        }
        self.socket = socket
        self.port = Self.port(of: socket)
        address = info.ai_family == AF_INET6 ? "[\(host)]:\(self.port)" : "\(host):\(self.port)"
    }

    deinit { close() }

    func close() {
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
    }

    /// A client's socket, non-blocking; below 0 if no client waits.
    func accept() -> Int32 {
        let client = csystem_accept(socket)
        if client >= 0 {
            var on: Int32 = 1
            setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        return client
    }

    /// Refuses connections. A listening socket keeps its port when it is shut down.
    func goAway() { shutdown(socket, Int32(SHUT_RD)) }

    func comeBack() -> Bool { listen(socket, SOMAXCONN) == 0 }

    /// Binds a socket to the address and port of another.
    private static func bind(_ socket: Int32, as other: Int32) -> Int32 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return getsockname(other, address, &length) == 0 ? Glibc.bind(socket, address, length) : -1
        }
    }

    private static func port(of socket: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return 0 }
            getsockname(socket, address, &length)
            // The port has the same offset in both families.
            return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
    }
}
