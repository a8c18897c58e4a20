import CCapDist
import Codec
import Glibc

/// The library as applications use it, with its thread and a socket, and a gateway that does what the input says. The
/// application makes requests and cancels meanwhile. At the end every accepted request has completed exactly once, no
/// callback ran after `on_closed`, the release was quick, and neither a descriptor nor a thread is left.
///
/// Input: the options, then for each step a byte and its arguments.
func fuzzConnection(_ input: UnsafeRawBufferPointer) {
    let listener = FuzzedGateway.listener.socket
    let descriptors = entries("/proc/self/fd")
    let threads = entries("/proc/self/task")
    var script = Script(input)
    let application = FuzzedApplication(&script)
    let gateway = FuzzedGateway(listener, hasOneStream: !application.reconnects)
    // Most inputs begin after a handshake. The others make their own, or none.
    if !script.oneIn(4) { gateway.shakeHands() }
    var steps = 0
    while !script.isAtEnd, steps < 64 {
        steps += 1
        perform(script.byte(), application, gateway, &script)
    }
    // The end of a stream comes after its data: once the library has closed its side, it has read everything.
    if !script.oneIn(8) { gateway.finish() }
    application.release()
    gateway.close()
    application.requireOver()
    require(entries("/proc/self/fd") == descriptors, "no descriptor is left")
    // The kernel may list a joined thread for a moment.
    var tries = 0
    while entries("/proc/self/task") > threads, tries < 30_000 {
        usleep(1_000)
        tries += 1
    }
    require(tries < 30_000, "no thread is left")
}

private func perform(
    _ step: UInt8, _ application: FuzzedApplication, _ gateway: FuzzedGateway, _ script: inout Script
) {
    switch step & 31 {
    case 0...3: application.ask(script.byte())
    case 4: for _ in 0..<(script.byte() & 31) { application.ask(0) }
    case 5: application.sendProto(script.pick([1002, 1003, 3212, 1004, 77]), script.bytes())
    case 6: application.cancel(script.byte())
    case 7: application.look(script.byte())
    case 8: gateway.shakeHands()
    case 9, 10: gateway.answer(script.byte())
    case 11...14: gateway.answer(script.byte(), with: script.bytes(), isDamaged: script.oneIn(16))
    case 15: gateway.send(protoID: script.pick([1001, 1002, 1003, 1004, 3212]), script.number() >> 24, script.bytes())
    case 16: gateway.send(protoID: script.number(), script.number(), script.bytes())
    case 17, 18: gateway.send(script.bytes(), pieces: script.byte())
    case 19: gateway.answer(script.byte(), withTextOf: Int(script.byte()) * 257)
    case 20: gateway.closeStream(isReset: script.oneIn(2))
    case 21: gateway.finish()
    case 22: gateway.read()
    case 23: usleep(UInt32(script.byte()) * 16)
    case 24: application.releasesInCallback = true
    case 25: if script.oneIn(4) { application.release() }
    case 26: gateway.isSplit.toggle()
    default: break
    }
}

/// The number of entries in a folder. In /proc/self/fd, one belongs to the listing.
private func entries(_ path: String) -> Int {
    guard let folder = opendir(path) else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}

/// A gateway with one stream at a time, on the fuzzer's own thread. No wait is long, whatever the library does.
final class FuzzedGateway {
    /// Listens on loopback for the whole process.
    static let listener: (socket: Int32, port: Int32) = {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && listen(socket, 128) == 0
                    && getsockname(socket, address, &length) == 0
            }
        }
        require(isListening, "there is a port on loopback")
        return (socket, Int32(UInt16(bigEndian: address.sin_port)))
    }()

    /// How long to wait for what a client does at once, in milliseconds. Short after it did not come once.
    private var patience: Int32 = 50
    /// Whether every byte is sent separately.
    var isSplit = false
    private let listener: Int32
    private let hasOneStream: Bool
    private var stream: Int32 = -1
    private var streamCount = 0
    private var reader = FrameReader(maxBodyLength: 1 << 20)
    /// The requests on this stream, answered or not.
    private var requests: [(protoID: UInt32, serialNo: UInt32)] = []

    /// - Parameter hasOneStream: whether the client connects only once.
    init(_ listener: Int32, hasOneStream: Bool) {
        self.listener = listener
        self.hasOneStream = hasOneStream
    }

    func shakeHands() {
        read()
        guard let message = requests.first(where: { $0.protoID == ProtoID.initConnect }) else { return }
        let content = InitConnectResponse.Content(
            serverVersion: 1011, loginUserID: 1, connID: 2, connAESKey: Array("0123456789abcdef".utf8),
            keepAliveInterval: 10)
        let body = InitConnectResponse(head: AnyResponse(), content: content).encoded()
        body.withUnsafeBytes { send(protoID: message.protoID, message.serialNo, $0) }
    }

    /// Answers as a gateway should.
    func answer(_ index: UInt8) {
        guard let request = pick(index) else { return }
        var response = CapitalDistributionResponse(head: AnyResponse(), content: nil)
        response.content = CapitalDistribution(
            inSuper: 1, inBig: 2, inMid: 3, inSmall: 4, outBig: 5, outMid: 6, outSmall: 7,
            updateTime: "2024-01-02 16:00:00")
        response.encoded().withUnsafeBytes { send(protoID: request.protoID, request.serialNo, $0) }
    }

    func answer(_ index: UInt8, with body: UnsafeRawBufferPointer, isDamaged: Bool) {
        guard let request = pick(index) else { return }
        send(protoID: request.protoID, request.serialNo, body, isDamaged: isDamaged)
    }

    /// Refuses with a long text.
    func answer(_ index: UInt8, withTextOf length: Int) {
        guard let request = pick(index) else { return }
        let text = String(String(repeating: "频率", count: length / 6 + 1).prefix(length))
        AnyResponse(retType: RetType.failed, retMsg: text).encoded().withUnsafeBytes {
            send(protoID: request.protoID, request.serialNo, $0)
        }
    }

    func send(protoID: UInt32, _ serialNo: UInt32, _ body: UnsafeRawBufferPointer, isDamaged: Bool = false) {
        var writer = FrameWriter()
        guard writer.append(protoID: protoID, serialNo: serialNo, body: body) else { return }
        var frame = [UInt8](writer.pending)
        if isDamaged { frame[16] ^= 1 }
        frame.withUnsafeBytes { send($0, pieces: isSplit ? 1 : 0) }
    }

    /// - Parameter pieces: the number of bytes sent at a time; 0: all.
    func send(_ bytes: UnsafeRawBufferPointer, pieces: UInt8) {
        accept()
        var rest = bytes
        while stream >= 0, !rest.isEmpty {
            let length = pieces == 0 ? rest.count : min(rest.count, Int(pieces))
            let sent = Glibc.send(stream, rest.baseAddress, length, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            guard sent > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(sent))
        }
    }

    /// Receives what the client has sent. On a new stream it waits for the first data.
    func read() {
        accept()
        guard stream >= 0 else { return }
        var mayWait = requests.isEmpty
        while stream >= 0, mayWait ? waits(for: stream) : isReadable(stream, 0) {
            mayWait = false
            guard receive() else { return closeStream(isReset: false) }
        }
    }

    /// Closes the sending side, and waits until the client closes its side: then it has read everything.
    func finish() {
        guard stream >= 0 else { return }
        shutdown(stream, Int32(SHUT_WR))
        while waits(for: stream), receive() {}
        closeStream(isReset: false)
    }

    func closeStream(isReset: Bool) {
        guard stream >= 0 else { return }
        if isReset {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(stream, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
        Glibc.close(stream)
        stream = -1
    }

    /// Closes the stream, and those that were not accepted.
    func close() {
        closeStream(isReset: false)
        while isReadable(listener, 0) { Glibc.close(Glibc.accept(listener, nil, nil)) }
    }

    private func accept() {
        guard stream < 0, streamCount == 0 || !hasOneStream, waits(for: listener) else { return }
        stream = Glibc.accept(listener, nil, nil)
        streamCount += 1
        var one: Int32 = 1
        setsockopt(stream, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        reader.reset()
        requests.removeAll()
    }

    /// - Returns: false at the stream's end.
    private func receive() -> Bool {
        let space = reader.space()
        let count = recv(stream, space.baseAddress, space.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { return false }
        reader.received(count)
        do {
            while let frame = try reader.next() { requests.append((frame.header.protoID, frame.header.serialNo)) }
        } catch {
            require(false, "the client keeps to the protocol, and not \(error)")
        }
        return true
    }

    private func pick(_ index: UInt8) -> (protoID: UInt32, serialNo: UInt32)? {
        read()
        return requests.isEmpty ? nil : requests[Int(index) % requests.count]
    }

    private func waits(for socket: Int32) -> Bool {
        if isReadable(socket, patience) { return true }
        patience = 1
        return false
    }

    private func isReadable(_ socket: Int32, _ timeout: Int32) -> Bool {
        var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, timeout) == 1
    }
}
