import COpenSSL
import CSystem

/// The upgrade of an HTTP connection to WebSocket, as its client (RFC 6455, 4.1). It does no I/O.
package struct WebSocketUpgrade {
    /// Why the upgrade failed.
    package enum Failure: Error, Equatable {
        /// Another HTTP status, and where it redirects to.
        case status(Int, location: String?)
        /// The answer does not have the accept value of our key.
        case wrongAccept
        /// The answer is malformed, for this reason.
        case malformed(String)
        /// The head is longer than `HTTPHead.longest`.
        case tooLong
        /// The peer sent a TLS record.
        case speaksTLS
        /// The peer sent a frame of OpenD's TCP protocol.
        case speaksTCP
        /// The peer sent anything else.
        case notHTTP
    }

    /// What to send.
    package let request: [UInt8]
    private let accept: String
    private var head = HTTPHead()

    /// - Parameters:
    ///   - host: as the user wrote it.
    ///   - defaultPort: the scheme's default port, which is left out of the request.
    /// - Returns: nil if the system has no random bytes, or OpenSSL no memory.
    package init?(host: String, port: UInt16, defaultPort: UInt16) {
        var nonce = [UInt8](repeating: 0, count: 16)
        guard nonce.withUnsafeMutableBytes({ csystem_random($0.baseAddress, $0.count) }) == 0 else { return nil }
        self.init(host: host, port: port, defaultPort: defaultPort, nonce: nonce)
    }

    /// - Parameter nonce: 16 random bytes.
    package init?(host: String, port: UInt16, defaultPort: UInt16, nonce: [UInt8]) {
        let key = Self.base64(nonce)
        guard let accept = Self.accept(key) else { return nil }
        self.accept = accept
        // The scope of an address has a meaning only on this machine (RFC 6874).
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host.before("%"))]" : host
        let authority = port == defaultPort ? name : "\(name):\(port)"
        request = Array(
            """
            GET / HTTP/1.1\r
            Host: \(authority)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(key)\r
            Sec-WebSocket-Version: 13\r
            \r

            """.utf8)
    }

    /// Takes bytes that were received.
    /// - Returns: how many of `bytes` belong to the upgrade, once it is done; nil until then.
    package mutating func received(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Int? {
        var taken = 0
        while true {
            let count: Int?
            do throws(HTTPHead.TooLong) {
                count = try head.received(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
            } catch {
                try checkStart()
                throw .tooLong
            }
            try checkStart()
            guard let count else { return nil }
            taken += count
            let status = try status()
            if status == 101 || status >= 200 {
                try checkAnswer(status)
                return taken
            }
            // An interim answer: the final one follows (RFC 9110, 15.2).
            head.beginNext()
        }
    }

    /// A peer with another protocol is noticed by its first bytes.
    private func checkStart() throws(Failure) {
        let start = Array(head.start)
        let version: StaticString = "HTTP/1."
        let isHTTP = start.withUnsafeBytes { start in
            version.withUTF8Buffer { start.begins(with: UnsafeBufferPointer(rebasing: $0.prefix(start.count))) }
        }
        if isHTTP { return }
        // An alert or a handshake, and its version.
        if start.count >= 2, start[0] == 0x15 || start[0] == 0x16, start[1] == 3 { throw .speaksTLS }
        if start.count < 2, start[0] == 0x15 || start[0] == 0x16 { return }
        if start.withUnsafeBytes({ $0.begins(with: "FT") }) { throw .speaksTCP }
        if start.count < 2, start[0] == FrameHeader.magic.0 { return }
        throw .notHTTP
    }

    /// Checks a whole head.
    private func status() throws(Failure) -> Int {
        let line = head.firstLine.utf8
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[1].count == 3, let status = Int(Substring(words[1])), status >= 100 else {
            throw .malformed("its first line has no status")
        }
        guard head.hasOnlyFields else { throw .malformed("one of its lines is not a header field") }
        return status
    }

    private func checkAnswer(_ status: Int) throws(Failure) {
        guard status == 101 else { throw .status(status, location: head.values(of: "Location")?.first) }
        guard head.lists("websocket", in: "Upgrade"), head.lists("upgrade", in: "Connection") else {
            throw .malformed("it lacks Upgrade: websocket or Connection: Upgrade")
        }
        guard head.values(of: "Sec-WebSocket-Accept") == [accept] else { throw .wrongAccept }
        for name in ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"] where head.values(of: name) != [] {
            throw .malformed("it has \(name), which was not requested")
        }
    }

    /// What a server answers to a key (RFC 6455, 4.2.2); nil if OpenSSL fails.
    package static func accept(_ key: String) -> String? {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        let digest = text.withUnsafeBytes { SHA1Digest(of: $0) }
        return digest.map { digest in withUnsafeBytes(of: digest) { base64(Array($0)) } }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        // With a NUL behind.
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let length = EVP_EncodeBlock(&text, bytes, Int32(clamping: bytes.count))
        return String(decoding: text.prefix(Int(max(length, 0))), as: UTF8.self)
    }
}
