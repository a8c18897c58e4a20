import CSystem
import Codec
import Glibc

/// A gateway behind a real socket, on the thread that calls `run`.
package final class SimulatorServer: @unchecked Sendable {
    /// Where it listens, as clients name it: `127.0.0.1:PORT` or `[::1]:PORT`.
    package let address: String
    package let port: UInt16

    private struct Client {
        var socket: Int32
        /// Bytes the socket has not taken yet.
        var unsent: [UInt8] = []
        /// Whether it is closed once they are sent.
        var isClosing = false
    }

    /// A client that takes nothing while this much waits for it is dropped.
    private static let maxUnsent = 64 * 1024 * 1024

    private let listener: Int32
    /// Written to by `stop`.
    private let stopEvent: Int32
    private var gateway: Gateway
    private var clients: [Gateway.ClientID: Client] = [:]
    private var nextClient: Gateway.ClientID = 1
    /// Frames whose time has not come, in the order of their time.
    private var delayed: [(at: Instant, client: Gateway.ClientID, bytes: [UInt8])] = []

    package struct Failure: Error {
        package let text: String
        package init(text: String) { self.text = text }
    }

    /// Listens; `run` serves.
    /// - Parameters:
    ///   - host: `127.0.0.1`, `::1` or another numeric address.
    ///   - port: 0 lets the system choose.
    package init(
        _ configuration: GatewayConfiguration, host: String = "127.0.0.1", port: UInt16 = 0,
        trace: ((Trace) -> Void)? = nil
    ) throws {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let info = list?.pointee else {
            throw Failure(text: "\(host) is no numeric address")
        }
        defer { freeaddrinfo(list) }
        let kind = info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        listener = socket(info.ai_family, kind, info.ai_protocol)
        guard listener >= 0 else { throw Failure(text: "no socket: \(String(cString: strerror(errno)))") }
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(listener, info.ai_addr, info.ai_addrlen) == 0, listen(listener, 128) == 0 else {
            let why = String(cString: strerror(errno))
            close(listener)
            throw Failure(text: "can not listen on \(host) port \(port): \(why)")
        }
        stopEvent = eventfd(0, Int32(EFD_CLOEXEC))
        guard stopEvent >= 0 else {
            close(listener)
            throw Failure(text: "no event descriptor: \(String(cString: strerror(errno)))")
        }
        self.port = Self.port(of: listener)
        address = info.ai_family == AF_INET6 ? "[\(host)]:\(self.port)" : "\(host):\(self.port)"
        gateway = Gateway(configuration, trace: trace)
    }

    /// Makes `run` return; from any thread and from a signal handler.
    package func stop() {
        var one: UInt64 = 1
        _ = write(stopEvent, &one, 8)
    }

    /// Serves until `stop`, then closes everything. To be called once.
    package func run() {
        var isStopped = false
        while !isStopped {
            var polled = [
                pollfd(fd: stopEvent, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            ]
            let ids = clients.keys.sorted()
            for id in ids {
                guard let client = clients[id] else { continue }
                let events = client.unsent.isEmpty ? POLLIN : POLLIN | POLLOUT
                polled.append(pollfd(fd: client.socket, events: Int16(events), revents: 0))
            }
            poll(&polled, nfds_t(polled.count), timeout())
            isStopped = polled[0].revents != 0
            if polled[1].revents != 0 { accept() }
            for (id, entry) in zip(ids, polled[2...]) {
                if entry.revents & Int16(POLLOUT) != 0 { flush(id) }
                if entry.revents & ~Int16(POLLOUT) != 0 { receive(id) }
            }
            perform(gateway.tick(Self.now()))
            sendDelayed()
        }
        for id in clients.keys { drop(id) }
        for descriptor in [listener, stopEvent] { close(descriptor) }
    }

    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(time.tv_sec) * 1_000_000_000 + Instant(time.tv_nsec)
    }

    /// Milliseconds until something is due; -1: nothing is.
    private func timeout() -> Int32 {
        guard let due = [gateway.nextTick, delayed.first?.at].compactMap({ $0 }).min() else { return -1 }
        let now = Self.now()
        return due <= now ? 0 : Int32(clamping: (due - now) / 1_000_000 + 1)
    }

    private func accept() {
        while true {
            let socket = csystem_accept(listener)
            guard socket >= 0 else { return }
            var on: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            clients[nextClient] = Client(socket: socket)
            perform(gateway.connected(nextClient, Self.now()))
            nextClient += 1
        }
    }

    private func receive(_ id: Gateway.ClientID) {
        guard let client = clients[id], !client.isClosing else { return }
        let isOpen = withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
            let count = recv(client.socket, buffer.baseAddress, buffer.count, 0)
            if count <= 0 { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            let received = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            perform(gateway.received(received, from: id, Self.now()))
            return true
        }
        if !isOpen { drop(id) }
    }

    private func perform(_ outputs: [Gateway.Output]) {
        let now = Self.now()
        var touched: Set<Gateway.ClientID> = []
        for output in outputs {
            switch output {
            case .send(let id, let frame, let at) where at <= now:
                clients[id]?.unsent += frame.bytes
                touched.insert(id)
            case .send(let id, let frame, let at):
                let place = delayed.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
                delayed.insert((at, id, frame.bytes), at: place)
            case .close(let id, _):
                clients[id]?.isClosing = true
                touched.insert(id)
            }
        }
        // Answers that are ready together go out together.
        for id in touched { flush(id) }
    }

    private func sendDelayed() {
        let now = Self.now()
        let due = delayed.prefix { $0.at <= now }
        guard !due.isEmpty else { return }
        for frame in due { clients[frame.client]?.unsent += frame.bytes }
        let touched = Set(due.map(\.client))
        delayed.removeFirst(due.count)
        for id in touched { flush(id) }
    }

    private func flush(_ id: Gateway.ClientID) {
        guard let client = clients[id] else { return }
        if !client.unsent.isEmpty {
            let count = client.unsent.withUnsafeBytes {
                send(client.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno != EAGAIN, errno != EINTR { return drop(id) }
            if count > 0 { clients[id]?.unsent.removeFirst(count) }
        }
        guard let rest = clients[id]?.unsent else { return }
        if (rest.isEmpty && client.isClosing) || rest.count > Self.maxUnsent { drop(id) }
    }

    private func drop(_ id: Gateway.ClientID) {
        guard let client = clients.removeValue(forKey: id) else { return }
        close(client.socket)
        gateway.closed(id, Self.now())
    }

    private static func port(of socket: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return 0 }
            getsockname(socket, address, &length)
            // Port stands at the same place in both families.
            return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
    }
}
