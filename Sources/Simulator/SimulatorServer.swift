import CSystem
import Codec
import Glibc

/// A gateway behind a real socket. One thread does all: the one that calls `run`, or one that `start` makes. Any thread
/// may call `stop`; `init`, `start` and `join` are for one thread.
package final class SimulatorServer: @unchecked Sendable {
    /// Where it listens, as people write it: `127.0.0.1:PORT` or `[::1]:PORT`.
    package var address: String { listener.address }
    package var port: UInt16 { listener.port }
    /// The same for the WebSocket bridge; nil: there is none.
    package var websocketAddress: String? { bridgeListener?.address }
    package var websocketPort: UInt16? { bridgeListener?.port }

    package struct Failure: Error {
        package let text: String
        package init(text: String) { self.text = text }

        /// - Parameter error: an errno.
        package init(_ what: String, _ error: Int32) { text = "\(what): \(String(cString: strerror(error)))" }
    }

    private final class Client {
        let socket: Int32
        /// Bytes to send. The socket has taken those before `sent`.
        var unsent: [UInt8] = []
        var sent = 0
        /// Steps that a gateway with faults still has to do; not used without faults.
        var schedule = SendSchedule()
        /// Nothing more is read from it.
        var isDeaf = false
        /// nil: over TCP.
        let bridge: BridgeStream?

        init(socket: Int32, bridge: BridgeStream?) {
            self.socket = socket
            self.bridge = bridge
        }

        /// Appends bytes of frames to send.
        func put(_ bytes: [UInt8]) {
            guard let bridge else { return unsent += bytes }
            bridge.put(bytes)
            unsent += bridge.takeOutput()
        }

        var isBehind: Bool { unsent.count - sent > SimulatorServer.maxUnsent || schedule.isBehind }
    }

    /// If more bytes than this wait for a client, nothing is read from it until it has taken some.
    private static let maxUnsent = 1024 * 1024
    /// The gateway accepts and closes connections above 128. Above this number, they stay in the system's queue.
    private static let maxSockets = 256

    private let listener: Listener
    private let bridgeListener: Listener?
    private let tls: TLSContext?
    /// Written to by `stop`.
    private let stopEvent: Int32
    private var configuration: GatewayConfiguration
    private let observers: Gateway.Observers
    /// Whether the bridge's port is open.
    private var isBridgeOpen = false
    private var gateway: Gateway
    /// nil: the gateway has no faults.
    private var faults: FaultPlan?
    /// When a restarting gateway accepts connections again.
    private var backAt: Instant?
    private var clients: [Gateway.ClientID: Client] = [:]
    private var nextClient: Gateway.ClientID = 1
    /// Frames that are not due yet, in the order of their time.
    private var delayed: [(at: Instant, client: Gateway.ClientID, bytes: [UInt8])] = []
    private var thread: Thread?

    // MARK: - For the owner

    /// Listens. Clients are served when `run` is called.
    /// - Parameters:
    ///   - configuration: `unixTimeAtZero` is set here.
    ///   - host: `127.0.0.1`, `::1` or another numeric address.
    ///   - port: 0 lets the system choose.
    ///   - websocketPort: the bridge's port; nil: there is no bridge.
    ///   - tls: the bridge's certificate; nil: no TLS.
    ///   - observers: called on the serving thread.
    package init(
        _ configuration: GatewayConfiguration, host: String = "127.0.0.1", port: UInt16 = 0,
        websocketPort: UInt16? = nil, tls: TLSContext? = nil,
        observers: Gateway.Observers = Gateway.Observers()
    ) throws(Failure) {
        listener = try Listener(host, port)
        // OpenD's WebSocket port opens after the login.
        bridgeListener = try websocketPort.map { (port) throws(Failure) in
            try Listener(host, port, isOpen: false)
        }
        self.tls = tls
        stopEvent = eventfd(0, Int32(EFD_CLOEXEC))
        guard stopEvent >= 0 else { throw Failure("no event descriptor", errno) }
        var configuration = configuration
        configuration.unixTimeAtZero = Self.time(CLOCK_REALTIME) - Self.now()
        self.configuration = configuration
        self.observers = observers
        gateway = Gateway(configuration, startedAt: Self.now(), observers: observers)
        faults = configuration.faults.isEmpty ? nil : FaultPlan(configuration.faults, seed: configuration.seed)
        openBridge()
    }

    deinit { close(stopEvent) }

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

    /// Serves until `stop`, then closes everything. Call it once.
    package func run() {
        while !serveOnce() {}
        for id in clients.keys.sorted() { sayGoodbye(id) }
        listener.close()
        bridgeListener?.close()
    }

    // MARK: - Serving

    /// Waits until there is something to do, and does it.
    /// - Returns: whether `stop` was called.
    private func serveOnce() -> Bool {
        // poll ignores entries below 0.
        let accepts = clients.count < Self.maxSockets && backAt == nil
        var polled = [
            stopEvent, accepts ? listener.socket : -1, accepts && isBridgeOpen ? bridgeListener?.socket ?? -1 : -1,
        ].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let ids = clients.keys.sorted()
        for id in ids {
            guard let client = clients[id] else { continue }
            // Even if nothing is read from a client any more, its end must be noticed.
            let reading = client.isDeaf ? Self.hangUp : client.isBehind ? 0 : POLLIN
            let events = reading | (client.unsent.isEmpty ? 0 : POLLOUT)
            polled.append(pollfd(fd: client.socket, events: Int16(events), revents: 0))
        }
        wait(&polled)
        if polled[0].revents != 0 { return true }
        if polled[1].revents != 0 { accept(listener, isWebSocket: false) }
        if polled[2].revents != 0, let bridgeListener { accept(bridgeListener, isWebSocket: true) }
        for (id, entry) in zip(ids, polled[3...]) {
            if entry.revents & Int16(POLLOUT) != 0 { flush(id) }
            if entry.revents & ~Int16(POLLOUT) != 0 { receive(id) }
        }
        perform(gateway.tick(Self.now()))
        sendDelayed()
        if faults != nil {
            for id in clients.keys.sorted() { proceed(id) }
            comeBack()
        }
        openBridge()
        return false
    }

    /// Opens the bridge's port once OpenD has logged in.
    private func openBridge() {
        guard !isBridgeOpen, backAt == nil, let bridgeListener, gateway.isLoggedIn(Self.now()) else { return }
        isBridgeOpen = bridgeListener.comeBack()
    }

    /// Waits until a socket is ready or something is due, and at most a millisecond longer.
    private func wait(_ polled: inout [pollfd]) {
        let steps = faults == nil ? nil : clients.values.compactMap(\.schedule.nextTime).min()
        let due = [gateway.nextTick, delayed.first?.at, steps, backAt].compactMap { $0 }.min()
        guard let due else {
            poll(&polled, nfds_t(polled.count), -1)
            return
        }
        let left = max(due, 0) - Self.now()
        if steps == due, left > 0, left < 1_000_000 {
            // The pieces of a frame are closer together than poll's resolution.
            var pause = timespec(tv_sec: 0, tv_nsec: Int(left))
            nanosleep(&pause, nil)
            poll(&polled, nfds_t(polled.count), 0)
        } else {
            poll(&polled, nfds_t(polled.count), left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1))
        }
    }

    private func accept(_ listener: Listener, isWebSocket: Bool) {
        while clients.count < Self.maxSockets {
            let socket = listener.accept()
            guard socket >= 0 else { return }
            var bridge: BridgeStream?
            if isWebSocket {
                bridge = BridgeStream(tls, answersPings: answersPings)
                guard bridge != nil else {
                    close(socket)
                    continue
                }
            }
            let id = nextClient
            nextClient += 1
            clients[id] = Client(socket: socket, bridge: bridge)
            perform(gateway.connected(id, isWebSocket: isWebSocket, Self.now()))
            if clients[id] != nil, faults?.connected(id) == true { drop(id) }
        }
    }

    private func receive(_ id: Gateway.ClientID) {
        guard let client = clients[id] else { return }
        if client.isDeaf { return drop(id) }
        let isOpen = withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
            let count = recv(client.socket, buffer.baseAddress, buffer.count, 0)
            if count <= 0 { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            let received = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if let bridge = client.bridge {
                receive(received, id, client, bridge)
                return true
            }
            perform(gateway.received(received, from: id, Self.now()))
            return true
        }
        if !isOpen { drop(id) }
    }

    private func receive(
        _ bytes: UnsafeRawBufferPointer, _ id: Gateway.ClientID, _ client: Client, _ bridge: BridgeStream
    ) {
        if faults?.isSilent(id) == true { return }
        let now = Self.now()
        var outputs: [Gateway.Output] = []
        let end = bridge.received(
            bytes, heard: { gateway.heard(id, now) },
            message: { header, body in outputs += gateway.received(header, body, from: id, now) })
        let controls = bridge.takeControls()
        if faults == nil {
            bridge.put(controls)
        } else if !controls.isEmpty {
            client.schedule.addBetween(controls)
        }
        client.unsent += bridge.takeOutput()
        flush(id)
        perform(outputs)
        if let end { perform(gateway.broken(id, end, now)) }
    }

    /// Whether the bridge answers pings, which are its KeepAlive.
    private var answersPings: Bool {
        !configuration.faults.contains { rule in
            if case .fault(.noKeepAlive, _) = rule.what { true } else { false }
        }
    }

    private func perform(_ outputs: [Gateway.Output]) {
        guard !outputs.isEmpty else { return }
        let now = Self.now()
        if faults != nil { return performWithFaults(outputs, now) }
        // Answers that are ready together are sent together.
        var touched: Set<Gateway.ClientID> = []
        for output in outputs {
            switch output {
            case .send(let id, let frame, let at) where at <= now:
                clients[id]?.put(frame.bytes)
                touched.insert(id)
            case .send(let id, let frame, let at):
                let place = delayed.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
                delayed.insert((at, id, frame.bytes), at: place)
            case .close(let id, _): sayGoodbye(id)
            }
        }
        for id in touched { flush(id) }
    }

    private func sendDelayed() {
        let now = Self.now()
        let due = delayed.prefix { $0.at <= now }
        guard !due.isEmpty else { return }
        for frame in due { clients[frame.client]?.put(frame.bytes) }
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
            // Not at every send, so that each byte is moved at most once on average.
            client.unsent.removeFirst(client.sent)
            client.sent = 0
        }
    }

    /// Closes a connection after the bytes that wait were sent.
    private func sayGoodbye(_ id: Gateway.ClientID) {
        if let client = clients[id], let bridge = client.bridge {
            bridge.putClose(1001)
            client.unsent += bridge.takeOutput()
        }
        flush(id)
        drop(id)
    }

    private func drop(_ id: Gateway.ClientID, resets: Bool = false) {
        guard let client = clients.removeValue(forKey: id) else { return }
        if resets {
            // With a linger time of 0, close resets the connection.
            var atOnce = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
        }
        close(client.socket)
        faults?.closed(id)
        gateway.closed(id, Self.now())
    }

    // MARK: - Faults

    private func performWithFaults(_ outputs: [Gateway.Output], _ now: Instant) {
        for output in outputs {
            switch output {
            case .send(let id, let frame, let at):
                guard let client = clients[id], let outcome = faults?.send(frame, to: id, now) else { continue }
                if outcome.restarts { return goAway(now) }
                client.isDeaf = client.isDeaf || outcome.stopsReading
                client.schedule.add(outcome.steps, at: at, now)
            case .close(let id, _):
                proceed(id)
                sayGoodbye(id)
            }
        }
    }

    /// Does what is due on a connection.
    private func proceed(_ id: Gateway.ClientID) {
        while let client = clients[id], let action = client.schedule.next(Self.now()) {
            switch action {
            case .send(let bytes):
                client.put(bytes)
                flush(id)
            case .close: drop(id)
            case .reset: drop(id, resets: true)
            }
        }
    }

    /// The gateway restarts: all connections close, the port refuses for a moment, and the quota is forgotten.
    private func goAway(_ now: Instant) {
        // First, so that a client that lost its connection cannot connect again yet.
        listener.goAway()
        bridgeListener?.goAway()
        isBridgeOpen = false
        for id in clients.keys.sorted() { drop(id) }
        faults?.restarted()
        backAt = now + FaultPlan.restartPause
        configuration.seed = gateway.draw()
        gateway = Gateway(configuration, startedAt: now + FaultPlan.restartPause, observers: observers)
    }

    private func comeBack() {
        guard let backAt, backAt <= Self.now() else { return }
        self.backAt = listener.comeBack() ? nil : backAt + FaultPlan.restartPause
    }

    // MARK: - The system

    /// The monotonic clock, which drives the gateway.
    private static func now() -> Instant { time(CLOCK_MONOTONIC) }

    private static func time(_ clock: clockid_t) -> Instant {
        var time = timespec()
        clock_gettime(clock, &time)
        return Instant(time.tv_sec) * 1_000_000_000 + Instant(time.tv_nsec)
    }

    /// POLLRDHUP: the client closed its end, even if not all was read.
    private static let hangUp: Int32 = 0x2000
}
