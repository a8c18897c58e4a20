import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

/// The longest wait for something that must happen, in seconds.
let patience = 15

/// A client's socket. Every wait has a limit. For one thread.
final class TestClient {
    let socket: Int32

    /// Whether something listens at that port.
    static func isHeard(port: UInt16) -> Bool {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafeBytes(of: &address) { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
            return Glibc.connect(socket, pointer, socklen_t(bytes.count)) == 0
        }
    }

    init(port: UInt16, ipv6: Bool = false) throws {
        socket = Glibc.socket(
            ipv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(socket >= 0)
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let status: Int32
        if ipv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            status = connect(to: &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            status = connect(to: &address)
        }
        try #require(status == 0, "connect: \(String(cString: strerror(errno)))")
    }

    deinit { close(socket) }

    private func connect<Address>(to address: inout Address) -> Int32 {
        withUnsafeBytes(of: &address) { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return Glibc.connect(socket, pointer, socklen_t(bytes.count))
        }
    }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            try #require(count > 0, "send: \(String(cString: strerror(errno)))")
            rest = rest.dropFirst(count)
        }
    }

    /// Sends without reading, until the socket has taken nothing for half a second.
    /// - Returns: the number of bytes that were sent.
    func sendUntilFull(_ bytes: [UInt8]) throws -> Int {
        var rest = bytes[...]
        var quietSince = monotonicSeconds()
        while !rest.isEmpty, monotonicSeconds() - quietSince < 0.5 {
            let count = rest.prefix(1 << 16).withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
                quietSince = monotonicSeconds()
            } else {
                try #require(errno == EAGAIN, "send: \(String(cString: strerror(errno)))")
                usleep(5_000)
            }
        }
        return bytes.count - rest.count
    }

    /// The next data; empty at the end of the connection, also after a reset.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(socket, &buffer, buffer.count, 0)
        try #require(count >= 0 || errno == ECONNRESET, "nothing came within \(patience) s")
        return Array(buffer.prefix(max(count, 0)))
    }

    private var reader = FrameReader(maxBodyLength: 1 << 22)

    /// The next frame; nil at the end of the connection.
    func answer() throws -> Answer? {
        while true {
            if let frame = try reader.next() {
                return Answer(
                    protoID: frame.header.protoID, serialNo: frame.header.serialNo, body: Array(frame.body))
            }
            let bytes = try receive()
            if bytes.isEmpty { return nil }
            bytes.withUnsafeBytes { reader.append($0) }
        }
    }

    func ask(_ request: [UInt8]) throws -> Answer {
        try send(request)
        return try #require(try answer(), "the connection was closed")
    }

    @discardableResult
    func greet(recvNotify: Bool? = nil) throws -> InitConnectResponse.Content {
        try ask(Requests.initConnect(1, recvNotify: recvNotify)).initConnect()
    }

    /// Makes the connection end with a reset.
    func endWithReset() {
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
    }
}

/// Runs `body` with a server on a thread of its own, and ends the server.
func withServer(
    host: String = "127.0.0.1", _ change: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (SimulatorServer) throws -> Void
) throws {
    var configuration = GatewayConfiguration()
    configuration.quota = nil
    change(&configuration)
    let server = try SimulatorServer(configuration, host: host)
    try server.start()
    defer {
        server.stop()
        server.join()
    }
    try body(server)
}

func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
