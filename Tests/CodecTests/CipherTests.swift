import Foundation
import Testing

@testable import Codec

/// The ciphers, compared with the vendor's code, with the openssl command, and with their own inverse.
@Suite struct CipherTests {
    private static let key: [UInt8] = Array("0123456789abcdef".utf8)
    private static let iv: [UInt8] = Array("fedcba9876543210".utf8)
    static let algorithms: [CipherAlgorithm] = [.ftaesECB, .aesECB, .aesCBC]

    @Test func vectorsAreAllThere() throws {
        #expect(Vectors.all.aes.count == 20)
        #expect(Set(Vectors.all.aes.map(\.algorithm)) == ["FTAES_ECB", "AES_CBC"])
        #expect(Vectors.all.rsa.count == 6)
    }

    @Test func vendorsCipherTexts() throws {
        for vector in Vectors.all.aes {
            let algorithm: CipherAlgorithm = vector.algorithm == "AES_CBC" ? .aesCBC : .ftaesECB
            let cipher = try make(algorithm, key: Array(vector.key.utf8), iv: vector.iv.map { Array($0.utf8) })
            let plain = try #require(fromHex(vector.plain))
            let encrypted = try #require(fromHex(vector.cipher))
            #expect(try encrypt(plain, cipher) == encrypted)
            #expect(try decrypt(encrypted, cipher) == plain)
        }
    }

    /// openssl enc -aes-128-ecb -K 30313233343536373839616263646566, of the bytes 3, 10, 17, and so on.
    @Test(arguments: [
        (0, "377222e061a924c591cd9c27ea163ed4"), (1, "3d5113c72f9bdc1d5ddc1142b2fc5eb8"),
        (16, "815b697bfb386c7e247bc856a3928371377222e061a924c591cd9c27ea163ed4"),
        (33, "815b697bfb386c7e247bc856a39283719ee70752ae028e1846beedbb91f258267732cb5f378d30ba417f6052202de0af"),
    ])
    func opensslsCipherTexts(_ length: Int, _ cipherText: String) throws {
        let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
        let cipher = try make(.aesECB)
        #expect(hex(try encrypt(plain, cipher)) == cipherText)
        #expect(try decrypt(try #require(fromHex(cipherText)), cipher) == plain)
    }

    @Test(arguments: algorithms) func everyLengthComesBack(_ algorithm: CipherAlgorithm) throws {
        let cipher = try make(algorithm)
        for length in 0...600 {
            let plain = (0..<length).map { _ in UInt8.random(in: 0...255) }
            let encrypted = try encrypt(plain, cipher)
            #expect(encrypted.count % 16 == 0 && encrypted.count > length)
            #expect(encrypted.count - length <= BodyCipher.overhead)
            #expect(try decrypt(encrypted, cipher) == plain, "\(length) bytes")
            // A failure in between has no effect.
            #expect(throws: CipherError.self) { try decrypt([1, 2, 3], cipher) }
        }
    }

    @Test(arguments: algorithms) func noCipherTextIsRefused(_ algorithm: CipherAlgorithm) throws {
        let cipher = try make(algorithm)
        for length in 0...100 where length % 16 != 0 || length == 0 {
            #expect(throws: CipherError.length) { try decrypt([UInt8](repeating: 0, count: length), cipher) }
        }
        // Without its last block the padding is wrong, except once in about 256 times for random data.
        var refused = 0
        for _ in 0..<1000 {
            let bytes = (0..<64).map { _ in UInt8.random(in: 0...255) }
            if (try? decrypt(bytes, cipher)) == nil { refused += 1 }
        }
        #expect(refused > 900)
    }

    @Test func ftaesTailAbove15IsRefused() throws {
        let cipher = try make(.ftaesECB)
        var encrypted = try encrypt([1, 2, 3], cipher)
        for tail in 16...255 as ClosedRange<UInt8> {
            encrypted[31] = tail
            #expect(throws: CipherError.padding) { try decrypt(encrypted, cipher) }
        }
        // Only a tail, which announces bytes that are missing.
        #expect(throws: CipherError.length) { try decrypt([UInt8](repeating: 0, count: 15) + [5], cipher) }
    }

    @Test func keysOfOtherLengthsAreNone() throws {
        for length in 0...40 where length != 16 {
            let bytes = [UInt8](repeating: 7, count: length)
            for algorithm in Self.algorithms {
                #expect(throws: NoCipher.self) { try make(algorithm, key: bytes) }
            }
            #expect(throws: NoCipher.self) { try make(.aesCBC, iv: bytes) }
        }
        #expect(throws: NoCipher.self) { try make(.aesCBC, iv: nil) }
        #expect(throws: NoCipher.self) { try make(.none) }
    }

    @Test func cbcWithoutIVIsTheDefault() {
        #expect(CipherAlgorithm.aesCBC.agreed(hasIV: false) == .ftaesECB)
        #expect(CipherAlgorithm.aesCBC.agreed(hasIV: true) == .aesCBC)
        for algorithm in [.none, .ftaesECB, .aesECB] as [CipherAlgorithm] {
            #expect(algorithm.agreed(hasIV: true) == algorithm && algorithm.agreed(hasIV: false) == algorithm)
        }
    }

    // MARK: - RSA

    @Test func vendorsRSA() throws {
        let key = try key(Array(Vectors.all.rsa_private_key_pem.utf8))
        #expect(key.blockSize == 128)
        for vector in Vectors.all.rsa {
            let encrypted = try #require(fromHex(vector.cipher))
            #expect(hex(try encrypted.withUnsafeBytes { try key.decrypt($0) }) == vector.plain)
        }
    }

    @Test(arguments: ["512", "1024", "2048", "4096", "pkcs8"]) func keysOfAllSizes(_ name: String) throws {
        let key = try key(file(name))
        let bits = Int(name) ?? 2048
        #expect(key.blockSize == bits / 8)
        for length in [0, 1, key.blockSize - 12, key.blockSize - 11, key.blockSize - 10, 600] {
            let plain = (0..<length).map { _ in UInt8.random(in: 0...255) }
            let encrypted = try #require(plain.withUnsafeBytes { key.encrypt($0) })
            let blocks = (length + key.blockSize - 12) / (key.blockSize - 11)
            #expect(encrypted.count == blocks * key.blockSize)
            guard length > 0 else { continue }
            #expect(try encrypted.withUnsafeBytes { try key.decrypt($0) } == plain)
            #expect(throws: CipherError.length) { try encrypted.dropLast().withUnsafeBytes { try key.decrypt($0) } }
        }
        #expect(throws: CipherError.length) { try key.decrypt(UnsafeRawBufferPointer(start: nil, count: 0)) }
        // The number must be below the modulus.
        let above = [UInt8](repeating: 255, count: key.blockSize)
        #expect(throws: CipherError.padding) { try above.withUnsafeBytes { try key.decrypt($0) } }
    }

    @Test func anotherKeysCipherText() throws {
        let ours = try key(file("1024"))
        let other = try key(Array(Vectors.all.rsa_private_key_pem.utf8))
        let plain: [UInt8] = Array("InitConnect".utf8)
        var same = 0
        for _ in 0..<20 {
            let encrypted = try #require(plain.withUnsafeBytes { other.encrypt($0) })
            // An OpenSSL with implicit rejection returns random bytes instead. Then the SHA-1 is wrong.
            if (try? encrypted.withUnsafeBytes({ try ours.decrypt($0) })) == plain { same += 1 }
        }
        #expect(same == 0)
    }

    @Test(arguments: [
        ("passphrase", "protected by a passphrase"), ("public", "a public key"), ("ec", "not an RSA key"),
        ("8192", "8192 bits"), ("openssh", "ssh-keygen -p -m PEM"), ("pss", "RSA-PSS"), ("three-primes", "two primes"),
    ])
    func otherKeysAreRefused(_ name: String, _ why: String) throws {
        let pem = try file(name)
        #expect { try key(pem) } throws: { ($0 as? RSAKey.LoadError)?.text.contains(why) == true }
    }

    @Test(arguments: [
        ("", "not PEM text"), ("hello", "not PEM text"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----\n", "no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n", "no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nA: b\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "no private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cut short"),
        ("-----BEGIN RSA PRIVATE KEY----- AAAA -----END RSA PRIVATE KEY-----", "lines are joined"),
    ])
    func noKeysAreRefused(_ text: String, _ why: String) throws {
        #expect { try key(Array(text.utf8)) } throws: { ($0 as? RSAKey.LoadError)?.text.contains(why) == true }
    }

    /// Editors and mail programs change the text around a key, and tools change its label.
    @Test(arguments: ["1024", "pkcs8"]) func keysAreReadHoweverTheyStand(_ name: String) throws {
        let lines = String(decoding: try file(name), as: UTF8.self).split(separator: "\n")
        let label = name == "1024" ? "RSA PRIVATE KEY" : "PRIVATE KEY"
        let other = name == "1024" ? "PRIVATE KEY" : "RSA PRIVATE KEY"
        let pem: String = lines.joined(separator: "\n")
        let indented: [String] = lines.map { "  \t\($0)  " }
        let relabelled: [Substring] = lines.map { $0.hasPrefix("-") ? $0.replacing(label, with: other) : $0 }
        let body: String = lines.dropFirst().dropLast().joined()
        let texts: [String] = [
            lines.joined(separator: "\r\n"), lines.joined(separator: "\r"), lines.joined(separator: "\n\n"), pem,
            indented.joined(separator: "\n"), relabelled.joined(separator: "\n"), "\u{FEFF}\(pem)",
            "A key: take care.\n\(pem)\nIts end.\n", "\(lines[0])\n\(body)\n\(lines[lines.count - 1])",
        ]
        let plain = Array("InitConnect".utf8)
        let ours = try key(file(name))
        for text in texts {
            let read = try key(Array(text.utf8))
            let encrypted = try #require(plain.withUnsafeBytes { read.encrypt($0) })
            #expect(try encrypted.withUnsafeBytes { try ours.decrypt($0) } == plain)
        }
    }

    @Test func decryptionStopsWhenItIsToldTo() throws {
        let key = try key(file("512"))
        let encrypted = try #require([UInt8](repeating: 1, count: 500).withUnsafeBytes { key.encrypt($0) })
        var asked = 0
        #expect(throws: CipherError.system) {
            try encrypted.withUnsafeBytes { bytes in
                try key.decrypt(bytes) {
                    asked += 1
                    return asked < 4
                }
            }
        }
        #expect(asked == 4)
    }

    @Test func tooLongATextIsRefused() {
        let text = [CChar](repeating: 65, count: 70_000) + [0]
        #expect { try RSAKey(text: text) } throws: { ($0 as? RSAKey.LoadError)?.text.contains("64 KiB") == true }
    }

    @Test func keyCutAnywhereIsRefused() throws {
        let pem = try file("1024")
        for count in stride(from: 0, to: pem.count - 10, by: 7) {
            #expect(throws: RSAKey.LoadError.self) { try key(Array(pem[..<count])) }
        }
    }

    // MARK: - In frames

    @Test(arguments: algorithms) func framesCarryTheDigestOfTheBody(_ algorithm: CipherAlgorithm) throws {
        let cipher = try make(algorithm)
        var writer = FrameWriter()
        var reader = FrameReader(maxBodyLength: 10_000)
        for length in [0, 1, 15, 16, 17, 5000] {
            let plain = (0..<length).map { _ in UInt8.random(in: 0...255) }
            #expect(plain.withUnsafeBytes { writer.append(protoID: 3212, serialNo: 1, body: $0, cipher: cipher) })
            reader.append(writer.pending)
            writer.sent(writer.pending.count)
            let frame = try #require(try reader.next())
            #expect(frame.header.sha1 == (try sha1(plain)))
            #expect(try decrypt(Array(frame.body), cipher) == plain)
        }
    }

    // MARK: - Shared by the tests

    private func file(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: Vectors.folder.appending(path: "rsa/\(name).pem")))
    }

    private func key(_ pem: [UInt8]) throws -> RSAKey {
        try pem.withUnsafeBytes { try RSAKey(pem: $0) }
    }

    private func make(
        _ algorithm: CipherAlgorithm, key: [UInt8] = key, iv: [UInt8]? = iv
    ) throws -> BodyCipher {
        let cipher = key.withUnsafeBytes { key in
            guard let iv else { return BodyCipher(algorithm, key: key, iv: nil) }
            return iv.withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) }
        }
        guard let cipher else { throw NoCipher() }
        return cipher
    }

    private struct NoCipher: Error {}

    private func encrypt(_ plain: [UInt8], _ cipher: BodyCipher) throws -> [UInt8] {
        var room = plain + [UInt8](repeating: 0xee, count: BodyCipher.overhead)
        let count = try #require(room.withUnsafeMutableBytes { cipher.encrypt($0, count: plain.count) })
        return Array(room[..<count])
    }

    private func decrypt(_ encrypted: [UInt8], _ cipher: BodyCipher) throws -> [UInt8] {
        var room = encrypted
        let count = try encrypted.withUnsafeBytes { body in
            try room.withUnsafeMutableBytes { try cipher.decrypt(body, into: $0) }
        }
        return Array(room[..<count])
    }
}
