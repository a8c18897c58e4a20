import Glibc
import Testing

@testable import Codec

/// Both ends of a TLS connection in memory, with the certificates of Tests/vectors/tls.
@Suite struct TLSTests {
    private static let folder =
        "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/vectors/tls/"

    private static func path(_ name: String) -> String { folder + name + ".pem" }

    /// A server with one of the certificates.
    private static func server(_ name: String = "server") throws -> TLSContext {
        try TLSContext(certificate: path(name), key: path("key"))
    }

    private static func client(_ ca: String? = "ca", verifies: Bool = true) throws -> TLSContext {
        guard let ca else { return try TLSContext(verifies ? .system : .anybody) }
        return try TLSContext(.file(path(ca)))
    }

    /// Passes on what one end wants to send.
    private static func pass(_ from: TLSSession, _ to: TLSSession, piece: Int = .max) throws {
        var rest = Array(from.outgoing.pending)[...]
        from.sent(rest.count)
        while !rest.isEmpty {
            let part = Array(rest.prefix(piece))
            rest = rest.dropFirst(part.count)
            var failure: TLSSession.Failure?
            part.withUnsafeBytes { bytes in
                do throws(TLSSession.Failure) { try to.received(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// Two ends after the handshake.
    private static func pair(
        _ client: TLSContext, _ server: TLSContext, host: String = "localhost", piece: Int = .max
    ) throws -> (TLSSession, TLSSession) {
        let client = try #require(TLSSession(client, host: host))
        let server = try #require(TLSSession(server: server))
        try client.received(nothing)
        for _ in 0..<10 where !client.isEstablished || !server.isEstablished {
            try pass(client, server, piece: piece)
            try pass(server, client, piece: piece)
        }
        try #require(client.isEstablished && server.isEstablished)
        return (client, server)
    }

    private static func read(_ session: TLSSession, room: Int = 32 * 1024) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: room)
        var count = 0
        var failure: TLSSession.Failure?
        bytes.withUnsafeMutableBytes { room in
            do throws(TLSSession.Failure) { count = try session.read(into: room) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes.prefix(count))
    }

    @Test(
        "a chain to the CA, for names and addresses",
        arguments: [
            "localhost", "localhost.", "LOCALHOST", "127.0.0.1", "::1",
        ])
    func accepted(_ host: String) throws {
        for piece in [1, 100, Int.max] { _ = try Self.pair(Self.client(), Self.server(), host: host, piece: piece) }
    }

    @Test("a certificate that is its own CA, self-signed or not") func ownCA() throws {
        _ = try Self.pair(Self.client("self-signed"), Self.server("self-signed"))
        _ = try Self.pair(Self.client("server"), Self.server())
    }

    @Test(
        "what is not accepted, and why",
        arguments: [
            ("expired", "ca", "localhost", "has expired: it was valid until 20"),
            ("early", "ca", "localhost", "not valid yet: it is from "),
            ("other-name", "ca", "localhost", "for another name than localhost: it is for "),
            ("other-name", "ca", "127.0.0.1", "for another name than 127.0.0.1"),
            ("server", "ca", "localhost.example", "for another name than localhost.example"),
            ("server", "ca", "127.0.0.2", "for another name than 127.0.0.2"),
            ("self-signed", "ca", "localhost", "self-signed and not among those trusted"),
            ("server", "self-signed", "localhost", "signed by a CA that is not trusted here"),
            ("server", nil, "localhost", "signed by a CA that is not trusted here"),
            ("self-signed", nil, "localhost", "self-signed and not among those trusted"),
        ] as [(String, String?, String, String)])
    func refused(_ certificate: String, _ ca: String?, _ host: String, _ why: String) throws {
        do {
            _ = try Self.pair(Self.client(ca), Self.server(certificate), host: host)
            Issue.record("accepted")
        } catch let failure as TLSSession.Failure {
            #expect(failure.isCertificate)
            #expect(failure.text.contains(why), "\(failure.text)")
        }
        // This is not so if nothing is verified.
        _ = try Self.pair(Self.client(nil, verifies: false), Self.server(certificate), host: host)
    }

    @Test("bytes both ways, in records and pieces of any size, none left inside") func bytes() throws {
        for piece in [1, 7, 5000, Int.max] {
            let (client, server) = try Self.pair(Self.client(), Self.server())
            for (from, to) in [(client, server), (server, client)] {
                for size in [1, 100, 16 * 1024, 50_000] where piece > 1 || size < 1000 {
                    let sent = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                    var rest = sent[...]
                    while !rest.isEmpty {
                        let count = Array(rest).withUnsafeBytes { from.write($0) } ?? 0
                        try #require(count > 0)
                        rest = rest.dropFirst(count)
                    }
                    try Self.pass(from, to, piece: piece)
                    var got: [UInt8] = []
                    while case let more = try Self.read(to, room: 1000), !more.isEmpty { got += more }
                    #expect(got == sent)
                }
            }
        }
    }

    @Test("the peer's end is no error of the stream's, and comes after its bytes") func ending() throws {
        let (client, server) = try Self.pair(Self.client(), Self.server())
        #expect([UInt8](repeating: 7, count: 5).withUnsafeBytes { server.write($0) } == 5)
        server.shutDown()
        try Self.pass(server, client)
        #expect(try Self.read(client) == [7, 7, 7, 7, 7])
        #expect(throws: TLSSession.Failure.self) { _ = try Self.read(client) }
        do { _ = try Self.read(client) } catch { #expect((error as? TLSSession.Failure)?.isEnd == true) }
    }

    @Test("a damaged record ends it") func damage() throws {
        let (client, server) = try Self.pair(Self.client(), Self.server())
        _ = [UInt8](repeating: 7, count: 50).withUnsafeBytes { server.write($0) }
        var record = Array(server.outgoing.pending)
        record[record.count - 1] ^= 1
        record.withUnsafeBytes { bytes in try? client.received(bytes) }
        #expect(throws: TLSSession.Failure.self) { _ = try Self.read(client) }
    }

    @Test("what is no TLS is told so", arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "FT", "SSH-2.0"])
    func noTLS(_ text: String) throws {
        let client = try #require(TLSSession(Self.client(), host: "localhost"))
        try client.received(Self.nothing)
        var why = ""
        Array((text + String(repeating: "x", count: 20)).utf8).withUnsafeBytes { bytes in
            do throws(TLSSession.Failure) { try client.received(bytes) } catch { why = error.text }
        }
        #expect(why.contains("does not speak TLS"))
    }

    @Test(
        "files that cannot be used",
        arguments: [
            ("no-such-file", "cannot be read"), ("key", "no certificate in it"), ("../tls", "cannot be read"),
        ])
    func files(_ name: String, _ why: String) throws {
        #expect { try TLSContext(.file(Self.path(name))) } throws: {
            ($0 as? TLSContext.TrustError)?.text.contains(why) == true
        }
    }

    /// A file with this text.
    private static func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = "/tmp/capdist-ca-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).pem"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        defer { unlink(path) }
        try body(path)
    }

    private static func text(_ name: String) throws -> String {
        let file = try #require(fopen(path(name), "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    @Test("a bundle: text and blocks of other kinds between certificates") func bundle() throws {
        let ca = try Self.text("ca")
        let own = try Self.text("self-signed")
        let others = try [
            "", "words\n\n", Self.text("key"), "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n"
                + "-----END RSA PRIVATE KEY-----\n",
        ]
        for other in others {
            for bundle in [own + other + ca, other + own + other + other + ca + other, own + own + ca + ca] {
                try Self.withFile(bundle) { path in
                    let client = try TLSContext(.file(path))
                    _ = try Self.pair(client, Self.server())
                    _ = try Self.pair(client, Self.server("self-signed"))
                }
            }
        }
    }

    @Test("a damaged block is told of, wherever it is") func damagedBundle() throws {
        let ca = try Self.text("ca")
        let lines = ca.split(separator: "\n").map(String.init)
        let key = try Self.text("key")
        let (begin, end) = ("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n")
        let damaged = [
            begin + lines[2...].joined(separator: "\n") + "\n",
            begin + "*" + lines[1...].joined(separator: "\n") + "\n",
            String(ca.dropLast(40)), begin + lines[1], ca.replacing("END CERTIFICATE", with: "END CERTIFICAT"),
            begin + end, key.replacing("END PRIVATE", with: "END"),
            begin + "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nMAA=\n" + end,
        ]
        for block in damaged {
            for (before, count) in [("", 0), (ca, 1), (ca + "words\n" + key + ca, 2)] {
                for after in ["", ca] {
                    try Self.withFile(before + block + after) { path in
                        _ = #expect("\(before + block + after)") {
                            try TLSContext(.file(path))
                        } throws: {
                            let text = ($0 as? TLSContext.TrustError)?.text ?? ""
                            return text.hasPrefix("what follows its first \(count) certificates is damaged: ")
                                && text.hasSuffix("there is nothing in it") == (block == begin + end)
                        }
                    }
                }
            }
        }
    }

    @Test("a file that is longer than any is refused") func longBundle() throws {
        let ca = try Self.text("ca")
        for (length, isAccepted) in [(16 * 1024 * 1024, true), (16 * 1024 * 1024 + 1, false)] {
            let line = String(repeating: "x", count: 62) + "\n"
            let text = ca + String(repeating: line, count: (length - ca.utf8.count) / line.utf8.count)
            try Self.withFile(text + String(repeating: "\n", count: length - text.utf8.count)) { path in
                #expect(((try? TLSContext(.file(path))) != nil) == isAccepted)
            }
        }
    }
}
