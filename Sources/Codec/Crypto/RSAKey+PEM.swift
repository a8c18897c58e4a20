import COpenSSL
import Glibc

/// Reads a key from PEM text. OpenSSL's decoders and its PEM reader leave copies of the key in memory that they free.
/// So only functions are used that work in the caller's memory: all numbers of the key are in buffers that are wiped.
extension RSAKey {
    /// - Returns: a key of any size. Its numbers may not match each other.
    static func decode(_ pem: UnsafeRawBufferPointer, _ crypto: Crypto) throws(LoadError) -> OpaquePointer {
        var rest = PEMText(pem)
        var isPublic = false
        while let block = rest.next() {
            switch block.name {
            case "RSA PRIVATE KEY", "PRIVATE KEY":
                if block.isEncrypted { throw .passphrase }
                return try key(block, crypto)
            case "ENCRYPTED PRIVATE KEY": throw .passphrase
            case "OPENSSH PRIVATE KEY":
                throw LoadError(text: "it is in OpenSSH's own format: convert it to PEM with ssh-keygen -p -m PEM")
            case let name where name.ends(in: "PRIVATE KEY"): throw .notRSA
            case let name: if name.ends(in: "PUBLIC KEY") { isPublic = true }
            }
        }
        if isPublic { throw LoadError(text: "it is a public key: OpenD and its clients share the private one") }
        if !rest.hasBegin { throw LoadError(text: "it is not PEM text, which begins with -----BEGIN") }
        throw LoadError(
            text: rest.hasBlock
                ? "it contains no private key"
                : "it is cut short, or its lines are joined: -----BEGIN and -----END must be on lines of their own")
    }

    /// The label does not matter: the content shows which of the two formats it is.
    private static func key(_ block: borrowing PEMBlock, _ crypto: Crypto) throws(LoadError) -> OpaquePointer {
        guard let content = block.content, let inner = try pkcs1(inPKCS8: content) ?? Optional(content),
            let key = try key(pkcs1: inner, crypto)
        else { throw LoadError(text: "it contains no private key") }
        return key
    }

    /// The key in a PKCS#8 structure (RFC 5208).
    /// - Returns: nil if it is not such a structure.
    private static func pkcs1(inPKCS8 der: UnsafeRawBufferPointer) throws(LoadError) -> UnsafeRawBufferPointer? {
        let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
        let rsaPSS: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]
        var outer = DERItems(der)
        guard var info = outer.next(V_ASN1_SEQUENCE).map({ DERItems($0) }), info.next(V_ASN1_INTEGER) != nil,
            var algorithm = info.next(V_ASN1_SEQUENCE).map({ DERItems($0) }),
            let identifier = algorithm.next(V_ASN1_OBJECT)
        else { return nil }
        if identifier.elementsEqual(rsaPSS) { throw LoadError(text: "it is a key of RSA-PSS, which only signs") }
        guard identifier.elementsEqual(rsaEncryption) else { throw .notRSA }
        return info.next(V_ASN1_OCTET_STRING)
    }

    /// The key in a PKCS#1 structure (RFC 8017, A.1.2).
    private static func key(pkcs1 der: UnsafeRawBufferPointer, _ crypto: Crypto) throws(LoadError) -> OpaquePointer? {
        var outer = DERItems(der)
        guard var numbers = outer.next(V_ASN1_SEQUENCE).map({ DERItems($0) }),
            let version = numbers.next(V_ASN1_INTEGER), version.count == 1
        else { return nil }
        if version.first == 1 { throw LoadError(text: "it has more than two primes") }
        guard version.first == 0 else { return nil }
        guard let context = EVP_PKEY_CTX_new_from_name(crypto.context, "RSA", nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: der.count, alignment: 16)
        defer {
            Crypto.wipe(room)
            room.deallocate()
        }
        return withUnsafeTemporaryAllocation(of: OSSL_PARAM.self, capacity: count + 1) { parameters in
            var place = 0
            for index in 0..<count {
                guard let number = numbers.next(V_ASN1_INTEGER), !number.isEmpty else { return nil }
                let turned = UnsafeMutableRawBufferPointer(rebasing: room[place..<(place + number.count)])
                place += number.count
                // DER is big-endian, and the machine little-endian.
                for (index, byte) in number.reversed().enumerated() { turned[index] = byte }
                parameters[index] = OSSL_PARAM_construct_BN(
                    name(index), turned.baseAddress?.assumingMemoryBound(to: UInt8.self), turned.count)
            }
            parameters[count] = OSSL_PARAM_construct_end()
            let keyPair = OSSL_KEYMGMT_SELECT_PRIVATE_KEY | OSSL_KEYMGMT_SELECT_PUBLIC_KEY
            var key: OpaquePointer?
            guard EVP_PKEY_fromdata_init(context) == 1,
                EVP_PKEY_fromdata(context, &key, keyPair, parameters.baseAddress) == 1
            else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
    }

    /// How many numbers a key has.
    private static var count: Int { 8 }

    /// OpenSSL's names of the numbers, in PKCS#1's order.
    private static func name(_ index: Int) -> UnsafePointer<CChar> {
        let name: StaticString =
            switch index {
            case 0: "n"
            case 1: "e"
            case 2: "d"
            case 3: "rsa-factor1"
            case 4: "rsa-factor2"
            case 5: "rsa-exponent1"
            case 6: "rsa-exponent2"
            default: "rsa-coefficient1"
            }
        return UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

extension RSAKey.LoadError {
    fileprivate static let passphrase = RSAKey.LoadError(
        text: "it is protected by a passphrase; OpenD takes none either: remove it with openssl rsa -traditional")
    fileprivate static let notRSA = RSAKey.LoadError(text: "it is a key, but not an RSA key")
}

/// PEM text (RFC 7468), parsed without copying. Lines may have any line end, and be indented.
private struct PEMText {
    private let text: UnsafeRawBufferPointer
    private var place = 0
    private(set) var hasBegin = false
    /// Whether a block had its -----END line.
    private(set) var hasBlock = false

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
        // The byte order mark, which some editors write.
        if text.begins(with: "\u{feff}") { place = 3 }
    }

    /// - Returns: the next block; nil if there are no more.
    mutating func next() -> PEMBlock? {
        while let line = nextLine() {
            hasBegin = hasBegin || text[line].begins(with: "-----BEGIN")
            guard let name = label(line, "-----BEGIN ") else { continue }
            let start = place
            while let line = nextLine() {
                guard label(line, "-----END ") == name else { continue }
                hasBlock = true
                return PEMBlock(name, UnsafeRawBufferPointer(rebasing: text[start..<line.lowerBound]))
            }
        }
        return nil
    }

    private mutating func nextLine() -> Range<Int>? {
        guard place < text.count else { return nil }
        let end = text[place...].firstIndex { $0 == 0x0a || $0 == 0x0d } ?? text.count
        let first = text[place..<end].firstIndex { !isBlank($0) } ?? end
        let last = text[first..<end].lastIndex { !isBlank($0) }.map { $0 + 1 } ?? end
        place = min(end + 1, text.count)
        return first..<last
    }

    /// The text between `beginning` and the dashes at the end. A longer line may contain a key, and is not copied.
    private func label(_ line: Range<Int>, _ beginning: StaticString) -> String? {
        let (line, dashes, length) = (text[line], 5, beginning.utf8CodeUnitCount)
        guard line.begins(with: beginning), line.suffix(dashes).begins(with: "-----"),
            length + dashes...60 ~= line.count
        else { return nil }
        return String(decoding: line.dropFirst(length).dropLast(dashes), as: UTF8.self)
    }
}

/// Space, tab, or a line end.
private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

/// The decoded content between BEGIN and END. It is wiped when it is freed.
private struct PEMBlock: ~Copyable {
    let name: String
    /// Whether its RFC 1421 headers say that it is encrypted with a passphrase.
    let isEncrypted: Bool
    /// nil: it is not base64.
    let content: UnsafeRawBufferPointer?
    private let buffer: UnsafeMutableRawBufferPointer

    init(_ name: String, _ body: UnsafeRawBufferPointer) {
        self.name = name
        // Base64 has no colon, so the last line with one ends the headers.
        let headersEnd = body.lastIndex(of: UInt8(ascii: ":")).flatMap { colon in
            body[colon...].firstIndex { $0 == 0x0a || $0 == 0x0d }
        }
        let headers = UnsafeRawBufferPointer(rebasing: body[..<(headersEnd ?? 0)])
        isEncrypted = headers.indices.contains { headers[$0...].begins(with: "ENCRYPTED") }
        let base64 = UnsafeRawBufferPointer(rebasing: body[(headersEnd ?? 0)...])
        // The first half is for the characters without blanks, the second half for the decoded bytes.
        buffer = .allocate(byteCount: 2 * base64.count + 4, alignment: 16)
        var count = 0
        for byte in base64 where !isBlank(byte) {
            buffer[count] = byte
            count += 1
        }
        let decoded = buffer.baseAddress.map { $0 + base64.count }
        let length = EVP_DecodeBlock(
            decoded?.assumingMemoryBound(to: UInt8.self), buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
            Int32(clamping: count))
        let padding = buffer[..<count].suffix(2).count { $0 == UInt8(ascii: "=") }
        content = length < padding ? nil : UnsafeRawBufferPointer(start: decoded, count: Int(length) - padding)
    }

    deinit {
        Crypto.wipe(buffer)
        buffer.deallocate()
    }
}

/// Reads DER items, one after the other.
private struct DERItems {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    /// - Returns: the content of the next item; nil if it has another type.
    mutating func next(_ wanted: Int32) -> UnsafeRawBufferPointer? {
        guard let start = rest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        var content: UnsafePointer<UInt8>? = start
        var (length, tag, kind) = (0, Int32(0), Int32(0))
        let flags = ASN1_get_object(&content, &length, &tag, &kind, rest.count)
        // Bits of an error, and of an indefinite length.
        guard flags & 0x81 == 0, kind == V_ASN1_UNIVERSAL, tag == wanted, let content else { return nil }
        let offset = content - start
        guard offset <= rest.count, length >= 0, length <= rest.count - offset else { return nil }
        let item = UnsafeRawBufferPointer(rebasing: rest[offset..<(offset + length)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(offset + length)...])
        return item
    }
}
