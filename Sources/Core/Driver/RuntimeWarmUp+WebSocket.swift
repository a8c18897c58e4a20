import Codec
import Glibc

/// The same for a stream to the WebSocket bridge, and for the part of TLS that one end can do alone. What OpenSSL makes
/// at first use is protected by the lock that a fork waits for.
extension RuntimeWarmUp {
    /// - Returns: whether it ended as expected.
    static func runWebSocket(_ exports: Exports) -> Bool {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { return false }
        defer { close(pair[1]) }
        guard let warmUp = RuntimeWarmUp(exports, socket: pair[0], gateway: pair[1], .webSocket) else {
            close(pair[0])
            return false
        }
        let isConnected = warmUp.upgrade()
        warmUp.sections()
        warmUp.refusals()
        tls()
        return warmUp.end() && isConnected
    }

    private func upgrade() -> Bool {
        connection.connected(socket)
        var request = [UInt8](repeating: 0, count: 1024)
        let count = request.withUnsafeMutableBytes { recv(gateway, $0.baseAddress, $0.count, 0) }
        var head = HTTPHead()
        _ = request.withUnsafeBytes { request in
            try? head.received(UnsafeRawBufferPointer(rebasing: request[..<max(count, 0)]))
        }
        let key = head.values(of: "Sec-WebSocket-Key")?.first ?? ""
        let answer = "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        send(Array("\(answer)\(WebSocketUpgrade.accept(key) ?? "")\r\n\r\n".utf8))
        reply(
            SectionHeader(command: ProtoID.initWebSocket, section: 1),
            InitWebSocketResponse(head: AnyResponse()).encoded())
        return isReady
    }

    /// Every kind of message and frame.
    private func sections() {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        var serialNo: UInt32 = 0
        for error: Int32 in [1, 9] {
            guard let payload = exports.makePayload(1002, replies) else { return }
            _ = connection.ask(payload, protoID: 1002, RequestTerms(), &serialNo)
            connection.runUntilIdle()
            reply(SectionHeader(command: 1002, section: UInt64(serialNo) + 1, error: error, errorText: "no"), [])
        }
        reply(SectionHeader(command: 1003, section: .max), [])
        connection.sender.with { sender in
            _ = sender.append(.ping, none)
            sender.flush()
        }
        // A ping, and a close frame with its code.
        send([0x89, 0])
        send([0x88, 3, 0x03, 0xe9, 0x62])
    }

    /// Failed upgrades, broken frames and messages.
    private func refusals() {
        for text in ["HTTP/1.1 301 \r\nLocation: there\r\n\r\n", "HTTP/1.1 101 \r\n\r\n", "\u{16}\u{3}", "FT", "no"] {
            var upgrade = WebSocketUpgrade(host: "::1", port: 80, defaultPort: 80)
            Array(text.utf8).withUnsafeBytes { bytes in
                do throws(WebSocketUpgrade.Failure) {
                    _ = try upgrade?.received(bytes)
                } catch {
                    _ = Texts.upgradeRefused(connection.options.behaviour.endpoint, error)
                }
            }
        }
        guard let stream = try? WebSocketStream(connection.options, -1, connection.sender, defaultPort: 80) else {
            return
        }
        for bytes: [UInt8] in [[0x81, 0], [0x82, 127, 0, 1], [0xff, 0], [0x82, 126, 0xff, 0xff]] {
            var reader = WebSocketReader(.client, maxMessageLength: 100)
            bytes.withUnsafeBytes { reader.received($0) }
            do throws(WebSocketFailure) { _ = try reader.next() } catch { _ = stream.cause(error) }
        }
        for size in [0, 20, 44] {
            let zeroes = [UInt8](repeating: 0, count: size)
            _ = zeroes.withUnsafeBytes { try? stream.inbound($0) }
        }
    }

    private static func tls() {
        // Without the CAs of the system, which take tens of milliseconds.
        guard case .success(let context) = TLSContexts.shared.make(.anybody) else { return }
        _ = TLSContexts.shared.make(.file("/"))
        _ = TLSContexts.shared.made(.system)
        _ = TLSTrust.file("/").problem
        guard let session = TLSSession(context, host: "localhost") else { return }
        _ = TLSSession(context, host: "127.0.0.1")
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        _ = try? session.received(nothing)
        session.sent(session.outgoing.pending.count)
        let garbage = [UInt8](repeating: 0, count: 16)
        garbage.withUnsafeBytes { bytes in
            do throws(TLSSession.Failure) { try session.received(bytes) } catch { _ = error.text }
        }
        var room = garbage
        _ = room.withUnsafeMutableBytes { try? session.read(into: $0) }
        _ = session.write(nothing)
        session.shutDown()
    }

    private func end() -> Bool {
        machine { machine, now, quota in machine.release(now, &quota) }
        connection.runUntilIdle()
        QuotaRegistry.shared.leave(connection.membership)
        connection.poller.close()
        replies.deallocate()
        return true
    }

    private func reply(_ header: SectionHeader, _ body: [UInt8]) {
        let message = header.reply(body)
        send([0x82, UInt8(clamping: message.count)] + message)
    }

    private func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Socket.send(gateway, $0) }
        connection.process(Poller.Ready(isSocketReadable: true))
    }
}
