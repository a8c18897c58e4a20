import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

/// The gateway behind real sockets, on loopback and a port the system picks.
@Suite(.serialized) struct ServerTests {
    /// Runs `body` beside a server, and ends it.
    private func serving(
        _ configuration: GatewayConfiguration = GatewayConfiguration(), host: String = "127.0.0.1",
        _ body: (SimulatorServer) throws -> Void
    ) throws {
        let server = try SimulatorServer(configuration, host: host)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            server.run()
            ended.signal()
        }
        defer {
            server.stop()
            #expect(ended.wait(timeout: .now() + 10) == .success)
        }
        try body(server)
    }

    private func connect(_ server: SimulatorServer) throws -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return client
    }

    private func sendAll(_ client: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    private func frames(_ client: Int32, _ count: Int) throws -> [(UInt32, UInt32)] {
        var reader = FrameReader(maxBodyLength: 1 << 20)
        var got: [(UInt32, UInt32)] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while got.count < count {
            let length = recv(client, &buffer, buffer.count, 0)
            try #require(length > 0, "the server closed or was silent")
            buffer[..<length].withUnsafeBytes { reader.append($0) }
            while let frame = try reader.next() { got.append((frame.header.protoID, frame.header.serialNo)) }
        }
        return got
    }

    private let bench = GatewayBench()

    private func hello() -> [UInt8] {
        bench.frame(ProtoID.initConnect, 1, InitConnectRequest(clientVersion: 101, clientID: "t").encoded())
    }

    @Test func manyClientsAreServedAtOnce() throws {
        var configuration = GatewayConfiguration()
        configuration.quota = nil
        try serving(configuration) { server in
            let clients = try (0..<40).map { _ in try connect(server) }
            defer { for client in clients { close(client) } }
            let request = CapitalDistributionRequest(market: 1, code: "00700").encoded()
            for client in clients {
                var stream = hello()
                for serialNo: UInt32 in 2..<52 {
                    stream += bench.frame(ProtoID.getCapitalDistribution, serialNo, request)
                }
                sendAll(client, stream)
            }
            for client in clients {
                #expect(try frames(client, 51).map(\.1) == Array(1...51))
            }
        }
    }

    @Test func aSlowReaderGetsEverythingInTheEnd() throws {
        var configuration = GatewayConfiguration()
        configuration.quota = nil
        try serving(configuration) { server in
            let client = try connect(server)
            defer { close(client) }
            var small: Int32 = 65_536
            setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, socklen_t(MemoryLayout<Int32>.size))
            var stream = hello()
            let request = CapitalDistributionRequest(market: 1, code: "00700").encoded()
            let count: UInt32 = 40_000
            for serialNo in 2...count { stream += bench.frame(ProtoID.getCapitalDistribution, serialNo, request) }
            sendAll(client, stream)
            #expect(try frames(client, Int(count)).count == Int(count))
        }
    }

    @Test func aLineOfIPv6IsNamedInBrackets() throws {
        try serving(host: "::1") { server in #expect(server.address == "[::1]:\(server.port)" && server.port > 0) }
    }

    @Test func hostsThatAreNoAddressAreRefused() {
        #expect(throws: SimulatorServer.Failure.self) {
            try SimulatorServer(GatewayConfiguration(), host: "localhost!")
        }
    }

    @Test func nothingIsLeftBehind() throws {
        func open() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        try serving { _ in }
        let before = try open()
        for _ in 0..<5 {
            try serving { server in
                let client = try connect(server)
                sendAll(client, hello())
                _ = try frames(client, 1)
                close(client)
            }
        }
        #expect(try open() == before)
    }
}
