import Codec

/// The bridge's end of one WebSocket connection, without a socket: TLS if it is used, the upgrade, frames. It takes the
/// client's bytes, and returns messages and bytes for the client.
package final class BridgeStream {
    private let tls: TLSSession?
    private var head = HTTPHead()
    private var isUpgraded = false
    private var reader: WebSocketReader
    /// Bytes to send, before TLS.
    private var clear = ByteQueue()
    /// Pongs to send, before TLS.
    private var controls = ByteQueue()

    /// - Returns: nil if OpenSSL fails.
    package init?(_ context: TLSContext?, answersPings: Bool) {
        if let context {
            guard let session = TLSSession(server: context) else { return nil }
            tls = session
        } else {
            tls = nil
        }
        reader = WebSocketReader(
            .server, maxMessageLength: SectionHeader.requestSize + Gateway.maxBodyLength, answersPings: answersPings)
    }

    /// Takes the client's bytes.
    /// - Parameters:
    ///   - heard: called for the upgrade, and once if the bytes contain a frame.
    ///   - message: called for each message.
    /// - Returns: why the connection must be closed, if it must.
    package func received(
        _ bytes: UnsafeRawBufferPointer, heard: () -> Void, message: (SectionHeader, UnsafeRawBufferPointer) -> Void
    ) -> String? {
        guard let tls else { return receivedClear(bytes, heard, message) }
        do throws(TLSSession.Failure) {
            try tls.received(bytes)
            var room = [UInt8](repeating: 0, count: 32 * 1024)
            while true {
                var failure: TLSSession.Failure?
                let count = room.withUnsafeMutableBytes { room -> Int in
                    do throws(TLSSession.Failure) { return try tls.read(into: room) } catch {
                        failure = error
                        return 0
                    }
                }
                if let failure { throw failure }
                if count == 0 { return nil }
                let why = room.withUnsafeBytes {
                    receivedClear(UnsafeRawBufferPointer(rebasing: $0[..<count]), heard, message)
                }
                if let why { return why }
            }
        } catch {
            return error.text
        }
    }

    private func receivedClear(
        _ bytes: UnsafeRawBufferPointer, _ heard: () -> Void, _ message: (SectionHeader, UnsafeRawBufferPointer) -> Void
    ) -> String? {
        var bytes = bytes
        if !isUpgraded {
            do throws(HTTPHead.TooLong) {
                let whole = try head.received(bytes)
                guard head.start.starts(with: "GET ".utf8.prefix(head.start.count)) else {
                    return answer("400 Bad Request", "no upgrade to WebSocket")
                }
                guard let count = whole else { return nil }
                bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            } catch {
                return answer("431 Request Header Fields Too Large", "the head of its upgrade is too long")
            }
            if let why = upgrade() { return why }
            heard()
        }
        let before = reader.frameCount
        reader.received(bytes)
        reader.takeControls { WebSocketFrame.append($0, $1, mask: nil, to: &controls) }
        if reader.frameCount > before { heard() }
        do throws(WebSocketFailure) {
            while let bytes = try reader.next() {
                do throws(SectionError) {
                    let header = try SectionHeader(request: bytes)
                    message(header, UnsafeRawBufferPointer(rebasing: bytes[SectionHeader.requestSize...]))
                } catch {
                    return "a message that is no section"
                }
            }
            return nil
        } catch {
            if case .closed(let code, _) = error { return "it closed the WebSocket with code \(code)" }
            return "its bytes are no WebSocket frames of binary messages"
        }
    }

    /// - Returns: why the upgrade failed; nil if it did not.
    private func upgrade() -> String? {
        let keys = head.values(of: "Sec-WebSocket-Key") ?? []
        guard head.firstLine.hasPrefix("GET "), head.firstLine.hasSuffix(" HTTP/1.1"),
            head.lists("websocket", in: "Upgrade"), head.lists("upgrade", in: "Connection"), keys.count == 1,
            keys[0].utf8.count == 24, head.values(of: "Host")?.count == 1
        else { return answer("400 Bad Request", "no upgrade to WebSocket") }
        guard head.values(of: "Sec-WebSocket-Version") == ["13"] else {
            return answer("426 Upgrade Required\r\nSec-WebSocket-Version: 13", "WebSocket of another version")
        }
        guard let accept = WebSocketUpgrade.accept(keys[0]) else { return "OpenSSL failed" }
        isUpgraded = true
        put(
            Array(
                ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: \(accept)\r\n\r\n").utf8))
        return nil
    }

    private func answer(_ status: String, _ why: String) -> String {
        put(Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
        return why
    }

    /// Takes the frames that answer the client's pings. They must be sent between two other frames.
    package func takeControls() -> [UInt8] {
        defer { controls.reset() }
        return Array(controls.pending)
    }

    /// Appends bytes to send, before TLS.
    package func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { clear.append($0) } }

    /// Appends a close frame, if the upgrade is done.
    func putClose(_ code: UInt16) {
        guard isUpgraded else { return }
        WebSocketFrame.closePayload(code).withUnsafeBytes { WebSocketFrame.append(.close, $0, mask: nil, to: &clear) }
    }

    /// Takes the bytes to send to the client.
    package func takeOutput() -> [UInt8] {
        guard let tls else {
            defer { clear.reset() }
            return Array(clear.pending)
        }
        while let count = tls.write(clear.pending), count > 0 { clear.sent(count) }
        defer { tls.sent(tls.outgoing.pending.count) }
        return Array(tls.outgoing.pending)
    }
}
