import Codec
import Glibc

/// A WebSocket that sends each message back.
final class Echo {
    private let stream: Stream
    private var reader: WebSocketReader
    private var masks: MaskSource?
    private var outgoing = ByteQueue()
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    /// The data after the upgrade's header.
    private var early: [UInt8] = []
    /// The longest messages of the suite have 16 MiB.
    private static let longest = 32 << 20

    deinit { room.deallocate() }

    // MARK: - The upgrade

    /// Opens the WebSocket at `path` on the fuzzing server.
    init(client port: UInt16, _ path: String) throws(Stream.Failed) {
        stream = try Stream(port: port)
        reader = WebSocketReader(.client, maxMessageLength: Self.longest, acceptsText: true)
        masks = MaskSource()
        guard var upgrade = WebSocketUpgrade(host: "127.0.0.1", port: port, defaultPort: 80) else {
            throw Stream.Failed(what: "random")
        }
        // The library always requests the root.
        let request = Array("GET \(path)".utf8) + upgrade.request.dropFirst("GET /".utf8.count)
        guard request.withUnsafeBytes({ stream.send($0) }) else { throw Stream.Failed(what: "send") }
        try readHead { try upgrade.received($0) }
    }

    /// Answers the upgrade of a client.
    init(server accepted: Stream) throws(Stream.Failed) {
        stream = accepted
        reader = WebSocketReader(.server, maxMessageLength: Self.longest, acceptsText: true)
        masks = nil
        var head = HTTPHead()
        try readHead { try head.received($0) }
        let accept = WebSocketUpgrade.accept(head.values(of: "Sec-WebSocket-Key")?.first ?? "") ?? ""
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: echo\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
        guard Array(answer.utf8).withUnsafeBytes({ stream.send($0) }) else { throw Stream.Failed(what: "send") }
    }

    /// Passes data to `take` until that knows how much of it belongs to the header.
    private func readHead(_ take: (UnsafeRawBufferPointer) throws -> Int?) throws(Stream.Failed) {
        while true {
            let bytes = try receive()
            guard !bytes.isEmpty else { throw Stream.Failed(what: "the stream ended before the upgrade") }
            let taken: Int?
            do { taken = try take(bytes) } catch { throw Stream.Failed(what: "\(error)") }
            guard let taken else { continue }
            early = Array(bytes[taken...])
            return
        }
    }

    // MARK: - Messages

    /// Sends messages back until the peer closes, breaks the protocol, or is gone.
    func run() throws(Stream.Failed) {
        _ = try messages { [self] message in
            append(reader.isText ? .text : .binary, message)
            return true
        }
    }

    /// The first message, as text.
    func first() throws(Stream.Failed) -> String? {
        try messages { _ in false }
    }

    /// - Parameter take: returns whether to go on after this message.
    /// - Returns: the message at which it stopped.
    private func messages(_ take: (UnsafeRawBufferPointer) -> Bool) throws(Stream.Failed) -> String? {
        early.withUnsafeBytes { reader.received($0) }
        while true {
            // A pong may be sent before a message, a close frame may not.
            var goodbye: [UInt8]?
            reader.takeControls { if $0 == .close { goodbye = Array($1) } else { append($0, $1) } }
            do {
                while let message = try reader.next() {
                    guard take(message) else { return String(decoding: message, as: UTF8.self) }
                }
            } catch {
                goodbye?.withUnsafeBytes { append(.close, $0) }
            }
            let isSent = stream.send(outgoing.pending)
            outgoing.reset()
            if goodbye != nil { return try end() }
            guard isSent else { return nil }
            let bytes = try receive()
            guard !bytes.isEmpty else { return nil }
            reader.received(bytes)
        }
    }

    /// The server closes the stream first. The client waits for that, so that no data is lost (7.1.1).
    private func end() throws(Stream.Failed) -> String? {
        stream.endSending()
        while try !receive().isEmpty {}
        return nil
    }

    private func append(_ opcode: WebSocketFrame.Opcode, _ payload: UnsafeRawBufferPointer) {
        WebSocketFrame.append(opcode, payload, mask: masks?.next(), to: &outgoing)
    }

    private func receive() throws(Stream.Failed) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: room[..<(try stream.receive(room))])
    }
}
