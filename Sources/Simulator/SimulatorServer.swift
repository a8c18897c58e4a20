import CSystem
import Codec
import Glibc

/// A gateway behind a real socket. All is done by one thread: the one that calls `run`, or one of its own that `start`
/// makes. `stop` is for any thread; `init`, `start` and `join` for one.
package final class SimulatorServer: @unchecked Sendable {
    /// Where it listens, as people write it: `127.0.0.1:PORT` or `[::1]:PORT`.
    package let address: String
    package let port: UInt16

    package struct Failure: Error {
        package let text: String
        package init(text: String) { self.text = text }

        /// - Parameter error: an errno.
        package init(_ what: String, _ error: Int32) { text = "\(what): \(String(cString: strerror(error)))" }
    }

    private final class Client {
        let socket: Int32
        /// What the socket has not taken yet, from `sent` on.
        var unsent: [UInt8] = []
        var sent = 0
        init(socket: Int32) { self.socket = socket }

        var isBehind: Bool { unsent.count - sent > SimulatorServer.maxUnsent }
    }

    /// A client for whom more than this waits is not read from until it has taken some; in bytes.
    private static let maxUnsent = 1024 * 1024
    /// The gateway refuses more than its 128 in words; beyond this the system's own queue does, which costs nothing.
    private static let maxSockets = 256

    private var listener: Int32
    /// Written to by `stop`.
    private let stopEvent: Int32
    private var gateway: Gateway
    private var clients: [Gateway.ClientID: Client] = [:]
    private var nextClient: Gateway.ClientID = 1
    /// Frames whose time has not come, in the order of their time.
    private var delayed: [(at: Instant, client: Gateway.ClientID, bytes: [UInt8])] = []
    private var thread: Thread?

    // MARK: - For its owner

    /// Listens; clients are served as soon as `run` is called.
    /// - Parameters:
    ///   - configuration: `unixTimeAtZero` is set here.
    ///   - host: `127.0.0.1`, `::1` or another numeric address.
    ///   - port: 0 lets the system choose.
    ///   - trace: called on the serving thread.
    package init(
        _ configuration: GatewayConfiguration, host: String = "127.0.0.1", port: UInt16 = 0,
        trace: ((Trace) -> Void)? = nil
    ) throws(Failure) {
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
        guard listener >= 0 else { throw Failure("no socket", errno) }
        // A port is free again as soon as its simulator has ended.
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(listener, info.ai_addr, info.ai_addrlen) == 0, listen(listener, SOMAXCONN) == 0 else {
            let error = errno
            close(listener)
            throw Failure("can not listen on \(host) port \(port)", error)
        }
        stopEvent = eventfd(0, Int32(EFD_CLOEXEC))
        guard stopEvent >= 0 else {
            let error = errno
            close(listener)
            throw Failure("no event descriptor", error)
        }
        self.port = Self.port(of: listener)
        address = info.ai_family == AF_INET6 ? "[\(host)]:\(self.port)" : "\(host):\(self.port)"
        var configuration = configuration
        configuration.unixTimeAtZero = Self.time(CLOCK_REALTIME) - Self.now()
        gateway = Gateway(configuration, trace: trace)
    }

    deinit {
        if listener >= 0 { close(listener) }
        close(stopEvent)
    }

    /// Serves on a thread of its own.
    package func start() throws(Failure) {
        guard let thread = Thread({ self.run() }) else { throw Failure("no thread", EAGAIN) }
        self.thread = consume thread
    }

    /// Makes `run` return.
    package func stop() {
        var one: UInt64 = 1
        _ = write(stopEvent, &one, 8)
    }

    /// Waits until the thread that `start` made has ended, which it does after `stop`.
    package func join() {
        guard let thread = thread.take() else { return }
        thread.join()
    }

    /// Serves until `stop`, then closes everything. To be called once.
    package func run() {
        while !serveOnce() {}
        for id in clients.keys.sorted() { drop(id) }
        close(listener)
        listener = -1
    }

    // MARK: - Serving

    /// Waits until there is something to do, and does it.
    /// - Returns: whether `stop` was called.
    private func serveOnce() -> Bool {
        // poll passes over entries below 0.
        var polled = [
            pollfd(fd: stopEvent, events: Int16(POLLIN), revents: 0),
            pollfd(fd: clients.count < Self.maxSockets ? listener : -1, events: Int16(POLLIN), revents: 0),
        ]
        let ids = clients.keys.sorted()
        for id in ids {
            guard let client = clients[id] else { continue }
            let events = (client.isBehind ? 0 : POLLIN) | (client.unsent.isEmpty ? 0 : POLLOUT)
            polled.append(pollfd(fd: client.socket, events: Int16(events), revents: 0))
        }
        poll(&polled, nfds_t(polled.count), timeout())
        if polled[0].revents != 0 { return true }
        if polled[1].revents != 0 { accept() }
        for (id, entry) in zip(ids, polled[2...]) {
            if entry.revents & Int16(POLLOUT) != 0 { flush(id) }
            if entry.revents & ~Int16(POLLOUT) != 0 { receive(id) }
        }
        perform(gateway.tick(Self.now()))
        sendDelayed()
        return false
    }

    /// Milliseconds until something is due; -1: nothing is.
    private func timeout() -> Int32 {
        guard let due = [gateway.nextTick, delayed.first?.at].compactMap({ $0 }).min() else { return -1 }
        let now = Self.now()
        return due <= now ? 0 : Int32(clamping: (due - now) / 1_000_000 + 1)
    }

    private func accept() {
        while clients.count < Self.maxSockets {
            let socket = csystem_accept(listener)
            guard socket >= 0 else { return }
            var on: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            let id = nextClient
            nextClient += 1
            clients[id] = Client(socket: socket)
            perform(gateway.connected(id, Self.now()))
        }
    }

    private func receive(_ id: Gateway.ClientID) {
        guard let client = clients[id] else { return }
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
        guard !outputs.isEmpty else { return }
        let now = Self.now()
        // Answers that are ready together go out together.
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
                flush(id)
                drop(id)
            }
        }
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

    /// Sends as much as the socket takes.
    private func flush(_ id: Gateway.ClientID) {
        guard let client = clients[id], !client.unsent.isEmpty else { return }
        let count = client.unsent.withUnsafeBytes { bytes in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[client.sent...])
            return send(client.socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0 {
            if errno != EAGAIN, errno != EINTR { drop(id) }
            return
        }
        client.sent += count
        if client.sent == client.unsent.count {
            client.unsent.removeAll(keepingCapacity: client.sent <= Self.maxUnsent)
            client.sent = 0
        } else if client.sent >= client.unsent.count / 2 {
            // Not at every send: each byte is moved once at most, on average.
            client.unsent.removeFirst(client.sent)
            client.sent = 0
        }
    }

    private func drop(_ id: Gateway.ClientID) {
        guard let client = clients.removeValue(forKey: id) else { return }
        close(client.socket)
        gateway.closed(id, Self.now())
    }

    // MARK: - The system

    /// The clock that drives the gateway: no one sets it.
    private static func now() -> Instant { time(CLOCK_MONOTONIC) }

    private static func time(_ clock: clockid_t) -> Instant {
        var time = timespec()
        clock_gettime(clock, &time)
        return Instant(time.tv_sec) * 1_000_000_000 + Instant(time.tv_nsec)
    }

    private static func port(of socket: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return 0 }
            getsockname(socket, address, &length)
            // The port stands at the same place in both families.
            return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
    }
}
