import Codec
import Testing

@testable import Simulator

/// Faults of encryption.
@Suite struct EncryptionFaultTests {
    private static let algorithms: [CipherAlgorithm] = [.ftaesECB, .aesECB, .aesCBC]

    private static func key() throws -> RSAKey {
        try RSAKey(file: root.appending(path: "Tests/vectors/rsa/512.pem").path(percentEncoded: false))
    }

    private static func cipher(_ algorithm: CipherAlgorithm) throws -> BodyCipher {
        let key = Array("0123456789abcdef".utf8)
        return try #require(key.withUnsafeBytes { BodyCipher(algorithm, key: $0, iv: $0) })
    }

    private func frame(_ encryption: Encryption, _ length: Int) -> Gateway.SentFrame {
        Gateway.SentFrame(
            protoID: ProtoID.getCapitalDistribution, serialNo: 7, body: (0..<length).map { UInt8($0 & 0xff) },
            encryption: encryption)
    }

    /// The body as it is sent, in a frame with its length.
    private func body(_ fault: Fault, _ frame: Gateway.SentFrame, _ random: inout SeededGenerator) throws -> [UInt8] {
        let steps = fault.apply(nil, to: frame, using: &random)
        try #require(steps.count == 1)
        guard case .send(let bytes) = steps[0] else { throw MessageError.malformed }
        let header = try #require(try bytes.withUnsafeBytes { try FrameHeader($0, maxBodyLength: .max) })
        #expect(header.protoID == frame.protoID && header.serialNo == frame.serialNo)
        // Each keeps the SHA-1 of the unencrypted body.
        #expect(header.sha1 == frame.body.withUnsafeBytes { SHA1Digest(of: $0) })
        #expect(Int(header.bodyLength) == bytes.count - FrameHeader.size)
        return Array(bytes[FrameHeader.size...])
    }

    private func decrypted(_ body: [UInt8], _ encryption: Encryption) -> [UInt8]? {
        body.withUnsafeBytes { encryption.decrypt($0) }
    }

    @Test(arguments: algorithms) func bodies(_ algorithm: CipherAlgorithm) throws {
        var random = SeededGenerator(for: "\(#function) \(algorithm)")
        let encryption = Encryption.aes(try Self.cipher(algorithm), algorithm)
        var wrongTails = 0
        for length in 0...100 {
            let frame = frame(encryption, length)
            #expect(try body(.clear, frame, &random) == frame.body)
            let short = try body(.truncatedBlock, frame, &random)
            #expect(short.count % 16 != 0 && frame.bytes[FrameHeader.size...].starts(with: short))
            #expect(decrypted(short, encryption) == nil)
            let wrong = try body(.wrongTail, frame, &random)
            #expect(wrong.dropLast() == frame.bytes[FrameHeader.size...].dropLast())
            if decrypted(wrong, encryption) == nil { wrongTails += 1 }
            #expect(decrypted(wrong, encryption) != frame.body)
        }
        // By chance a garbled block of AES_ECB and AES_CBC has valid padding, about once in 256 times.
        #expect(algorithm == .ftaesECB ? wrongTails == 101 : wrongTails > 90)
    }

    @Test func theHandshake() throws {
        var random = SeededGenerator(for: #function)
        let encryption = Encryption.rsa(try Self.key())
        let frame = frame(encryption, 100)
        #expect(decrypted(Array(frame.bytes[FrameHeader.size...]), encryption) == frame.body)
        #expect(try body(.clear, frame, &random) == frame.body)
        let short = try body(.truncatedBlock, frame, &random)
        #expect(short.count % 64 != 0 && decrypted(short, encryption) == nil)
        #expect(decrypted(try body(.wrongTail, frame, &random), encryption) != frame.body)
    }

    @Test func withoutAKeyTheyChangeNothing() throws {
        var random = SeededGenerator(seed: 1)
        let frame = frame(.none, 100)
        for fault in [Fault.clear, .truncatedBlock, .wrongTail] {
            #expect(try body(fault, frame, &random) == frame.body)
        }
    }

    @Test func theIV() throws {
        var random = SeededGenerator(seed: 1)
        var content = InitConnectResponse.Content(
            serverVersion: 1, loginUserID: 2, connID: 3, connAESKey: Array("0123456789abcdef".utf8),
            keepAliveInterval: 10, aesCBCIV: Array("fedcba9876543210".utf8))
        let body = InitConnectResponse(head: AnyResponse(), content: content).encoded()
        let frame = Gateway.SentFrame(protoID: ProtoID.initConnect, serialNo: 1, body: body)
        func sent(_ fault: Fault, _ argument: Int64?) throws -> InitConnectResponse.Content {
            guard case .send(let bytes)? = fault.apply(argument, to: frame, using: &random).first else {
                throw MessageError.malformed
            }
            return try #require(try answers(bytes).first).initConnect()
        }
        content.aesCBCIV = nil
        #expect(try sent(.noIV, nil) == content)
        for length in [0, 15, 17] {
            content.aesCBCIV = [UInt8](repeating: UInt8(ascii: "i"), count: length)
            #expect(try sent(.ivLength, Int64(length)) == content)
        }
    }

    /// A gateway with a key, and a client with none or another one: no handshake succeeds.
    @Test func aHelloUnderNoKey() throws {
        let key = try Self.key()
        let gateway = VirtualGateway { $0.rsaKey = key }
        gateway.connect(1)
        gateway.receive(Requests.initConnect(1), from: 1)
        let sent = gateway.sent.flatMap(\.bytes)
        let answer = try #require(decrypted(Array(sent[FrameHeader.size...]), .rsa(key)))
        let head = try decode(answer, AnyResponse.init)
        #expect(head.retType == -500)
    }
}
