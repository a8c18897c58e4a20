import COpenSSL
import Glibc

/// From PEM text to a key. OpenSSL's own decoders leave copies of the key in memory that they free, so only its readers of
/// PEM and of DER's items are used: no number of the key is ever but in buffers that are wiped.
extension RSAKey {
    /// - Returns: a key of any size whose parts may not belong together.
    static func decode(_ pem: UnsafeRawBufferPointer, _ crypto: Crypto) throws(Refusal) -> OpaquePointer {
        guard let length = Int32(exactly: pem.count), let bio = BIO_new_mem_buf(pem.baseAddress, length) else {
            throw Refusal(text: "no memory to read it")
        }
        defer { BIO_free(bio) }
        var isPublic = false
        while let block = PEMBlock(bio) {
            if block.isNamed("RSA PRIVATE KEY") || block.isNamed("PRIVATE KEY") {
                if block.isEncrypted { throw .passphrase }
                return try key(block, crypto)
            }
            if block.isNamed("ENCRYPTED PRIVATE KEY") { throw .passphrase }
            if block.isNamed("OPENSSH PRIVATE KEY") {
                throw Refusal(text: "it is in OpenSSH's own format: ssh-keygen -p -m PEM makes PEM of it")
            }
            if block.isNamed(with: "PRIVATE KEY") { throw .notRSA }
            if block.isNamed(with: "PUBLIC KEY") { isPublic = true }
        }
        if isPublic { throw Refusal(text: "it is a public key: OpenD and its clients share the private one") }
        throw Refusal(
            text: hasBegin(pem)
                ? "what it holds is no private key" : "it is no PEM text, which begins with -----BEGIN")
    }

    private static func hasBegin(_ text: UnsafeRawBufferPointer) -> Bool {
        ("-----BEGIN" as StaticString).withUTF8Buffer { words in
            text.indices.contains { text[$0...].starts(with: words) }
        }
    }

    private static func key(_ block: borrowing PEMBlock, _ crypto: Crypto) throws(Refusal) -> OpaquePointer {
        guard let inner = block.isNamed("PRIVATE KEY") ? try pkcs1(inPKCS8: block.content) : block.content,
            let key = key(pkcs1: inner, crypto)
        else { throw Refusal(text: "what it holds is no private key") }
        return key
    }

    /// A PKCS#8 structure's own key (RFC 5208).
    /// - Returns: nil if it is no such structure.
    private static func pkcs1(inPKCS8 der: UnsafeRawBufferPointer) throws(Refusal) -> UnsafeRawBufferPointer? {
        let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
        var outer = DERItems(der)
        guard var info = outer.next(V_ASN1_SEQUENCE).map({ DERItems($0) }), info.next(V_ASN1_INTEGER) != nil,
            var algorithm = info.next(V_ASN1_SEQUENCE).map({ DERItems($0) }),
            let identifier = algorithm.next(V_ASN1_OBJECT)
        else { return nil }
        guard identifier.elementsEqual(rsaEncryption) else { throw .notRSA }
        return info.next(V_ASN1_OCTET_STRING)
    }

    /// Of a PKCS#1 structure (RFC 8017, A.1.2).
    private static func key(pkcs1 der: UnsafeRawBufferPointer, _ crypto: Crypto) -> OpaquePointer? {
        var outer = DERItems(der)
        guard var numbers = outer.next(V_ASN1_SEQUENCE).map({ DERItems($0) }),
            // Version 1 has more than two primes.
            let version = numbers.next(V_ASN1_INTEGER), version.count == 1, version.first == 0
        else { return nil }
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
                // DER begins with the highest byte, the machine's numbers with the lowest.
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

    /// Of a key's numbers.
    private static var count: Int { 8 }

    /// What OpenSSL calls them, in PKCS#1's order.
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

extension RSAKey.Refusal {
    fileprivate static let passphrase = RSAKey.Refusal(
        text: "it is protected by a passphrase: OpenD takes none either, remove it with openssl rsa -traditional")
    fileprivate static let notRSA = RSAKey.Refusal(text: "it is a key, and not of RSA")
}

/// What stands between BEGIN and END, decoded; wiped in the end.
private struct PEMBlock: ~Copyable {
    let isEncrypted: Bool
    let content: UnsafeRawBufferPointer
    private let name: UnsafeMutablePointer<CChar>
    private let bytes: UnsafeMutablePointer<UInt8>

    /// - Returns: nil if there are no more.
    init?(_ bio: OpaquePointer) {
        var (name, header): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
        var bytes: UnsafeMutablePointer<UInt8>?
        var length = 0
        let flags = UInt32(PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)
        // All three are there if it succeeds.
        guard PEM_read_bio_ex(bio, &name, &header, &bytes, &length, flags) == 1, let name, let header, let bytes else {
            return nil
        }
        isEncrypted = strstr(header, "ENCRYPTED") != nil
        CRYPTO_secure_free(header, nil, 0)
        content = UnsafeRawBufferPointer(start: bytes, count: max(length, 0))
        self.name = name
        self.bytes = bytes
    }

    deinit {
        CRYPTO_secure_free(name, nil, 0)
        CRYPTO_secure_clear_free(bytes, content.count, nil, 0)
    }

    func isNamed(_ wanted: String) -> Bool { strcmp(name, wanted) == 0 }
    func isNamed(with words: String) -> Bool { strstr(name, words) != nil }
}

/// Items of DER, one after the other.
private struct DERItems {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    /// - Returns: the next one's content; nil if it is of another kind.
    mutating func next(_ wanted: Int32) -> UnsafeRawBufferPointer? {
        guard let start = rest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        var content: UnsafePointer<UInt8>? = start
        var (length, tag, kind) = (0, Int32(0), Int32(0))
        let flags = ASN1_get_object(&content, &length, &tag, &kind, rest.count)
        // An error, or a length that is not told.
        guard flags & 0x81 == 0, kind == V_ASN1_UNIVERSAL, tag == wanted, let content else { return nil }
        let offset = content - start
        guard offset <= rest.count, length >= 0, length <= rest.count - offset else { return nil }
        let item = UnsafeRawBufferPointer(rebasing: rest[offset..<(offset + length)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(offset + length)...])
        return item
    }
}
