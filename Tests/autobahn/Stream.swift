import Glibc

/// A blocking TCP stream on 127.0.0.1. It fails if a call takes longer than a minute.
final class Stream {
    struct Failed: Error {
        let what: String
    }

    private let descriptor: Int32
    private static let limit = timeval(tv_sec: 60, tv_usec: 0)

    /// Connects.
    init(port: UInt16) throws(Failed) {
        descriptor = try Self.socket()
        var address = Self.loopback(port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result == 0 else { throw Failed(what: "connect") }
    }

    /// Accepts the next client.
    init(from listener: Stream) throws(Failed) {
        descriptor = accept(listener.descriptor, nil, nil)
        guard descriptor >= 0 else { throw Failed(what: "accept") }
        Self.limitWaits(descriptor)
    }

    /// Listens, on a port that the system picks.
    init(listening: Void) throws(Failed) {
        descriptor = try Self.socket()
        var address = Self.loopback(0)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard result == 0, listen(descriptor, 16) == 0 else { throw Failed(what: "listen") }
    }

    deinit { close(descriptor) }

    var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// - Returns: false if the peer is gone.
    func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    /// - Returns: the number of received bytes; 0 if the peer is gone.
    func receive(_ room: UnsafeMutableRawBufferPointer) throws(Failed) -> Int {
        let count = recv(descriptor, room.baseAddress, room.count, 0)
        if count < 0, errno == EAGAIN { throw Failed(what: "nothing came for a minute") }
        return max(count, 0)
    }

    /// Closes the sending side.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private static func socket() throws(Failed) -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed(what: "socket") }
        limitWaits(descriptor)
        return descriptor
    }

    private static func limitWaits(_ descriptor: Int32) {
        var limit = limit
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
