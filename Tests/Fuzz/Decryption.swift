import Codec
import Core
import Glibc

/// The shortest key of the tests, since RSA is slow.
private let rsaKey: RSAKey = {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    do throws(RSAKey.LoadError) {
        return try RSAKey(file: "/\(folder)/vectors/rsa/512.pem")
    } catch {
        require(false, "the key is there: \(error.text)")
        abort()
    }
}()
private let sessionKey: [UInt8] = Array("0123456789abcdef".utf8)
private let iv: [UInt8] = Array("fedcba9876543210".utf8)
private let algorithms: [CipherAlgorithm] = [.ftaesECB, .aesECB, .aesCBC]

/// Any bytes are either decrypted to something that could have been encrypted, or refused. Unencrypted data is never
/// accepted as encrypted. A text is a key, or is refused.
///
/// Input: a byte that selects the reader, and its data.
func fuzzDecryption(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    switch script.byte() % 8 {
    case 0: fuzzKey(script.rest)
    case 1: fuzzRSA(script.rest)
    case 2: fuzzCipher(script.pick(algorithms), script.rest)
    default: fuzzStream(&script)
    }
}

private func fuzzKey(_ text: UnsafeRawBufferPointer) {
    do throws(RSAKey.LoadError) {
        let key = try RSAKey(pem: text)
        require((64...512).contains(key.blockSize), "a key of a size it takes")
        let back = sessionKey.withUnsafeBytes { key.encrypt($0) }?.withUnsafeBytes { try? key.decrypt($0) }
        require(back == sessionKey, "what a key encrypts it decrypts")
    } catch {
        require(!error.text.isEmpty, "a refusal has its reason")
    }
}

private func fuzzRSA(_ body: UnsafeRawBufferPointer) {
    let plain = try? rsaKey.decrypt(body)
    require(plain == nil || body.count % rsaKey.blockSize == 0, "cipher texts are whole blocks")
    require((plain?.count ?? 0) <= body.count, "a body is shorter than its cipher text")
    let encrypted = body.isEmpty ? [] : rsaKey.encrypt(body) ?? []
    require(body.isEmpty || encrypted.withUnsafeBytes { try? rsaKey.decrypt($0) } == [UInt8](body), "and comes back")
}

private func makeCipher(_ algorithm: CipherAlgorithm) -> BodyCipher? {
    sessionKey.withUnsafeBytes { key in iv.withUnsafeBytes { BodyCipher(algorithm, key: key, iv: $0) } }
}

private func encrypted(_ plain: [UInt8], _ cipher: BodyCipher) -> [UInt8] {
    var room = plain + [UInt8](repeating: 0xa5, count: BodyCipher.overhead)
    let length = room.withUnsafeMutableBytes { cipher.encrypt($0, count: plain.count) }
    require(length != nil, "every body can be encrypted")
    return Array(room.prefix(length ?? 0))
}

private func fuzzCipher(_ algorithm: CipherAlgorithm, _ body: UnsafeRawBufferPointer) {
    guard let cipher = makeCipher(algorithm) else { return require(false, "a cipher is made") }
    var room = [UInt8](repeating: 0, count: body.count)
    let length = room.withUnsafeMutableBytes { room in try? cipher.decrypt(body, into: room) }
    guard let length else { return }
    require(body.count % 16 == 0 && (0..<body.count).contains(length), "a body is shorter than its cipher text")
    let again = encrypted(Array(room.prefix(length)), cipher)
    require(again.count == body.count, "and as long again once encrypted")
    if case .ftaesECB = algorithm { return }
    // The tail of FTAES_ECB determines its padding.
    require(again == Array(body), "and the same")
}

/// A stream: InitConnect's answer with any key and iv, then frames of a gateway that may send anything.
private func fuzzStream(_ script: inout Script) {
    let arena = MessageArena()
    let algorithm = script.pick(algorithms)
    var decryption = Decryption(rsaKey, algorithm)
    var content = InitConnectResponse.Content(
        serverVersion: 1, loginUserID: 2, connID: 3, connAESKey: sessionKey, keepAliveInterval: 10, aesCBCIV: iv)
    if script.oneIn(8) { content.connAESKey = Array(script.bytes()) }
    if script.oneIn(8) { content.aesCBCIV = script.oneIn(2) ? nil : Array(script.bytes()) }
    let answer = InitConnectResponse(head: AnyResponse(), content: content).encoded()
    let isInClear = script.oneIn(8)
    let message = isInClear ? answer : answer.withUnsafeBytes { rsaKey.encrypt($0) } ?? []
    let opened = open(message, sha1Of: answer, ProtoID.initConnect, &decryption, arena)
    require(opened == (isInClear ? nil : answer), "InitConnect's answer is taken under RSA, and not in clear")
    guard opened != nil else { return }
    let outgoing: BodyCipher?
    do throws(Cause) {
        outgoing = try decryption.agree(content)
    } catch {
        return require(error.status == .encryptionFailed, "a wrong key or iv is an error of encryption")
    }
    let agreed = algorithm.agreed(hasIV: content.aesCBCIV != nil)
    guard let outgoing else { return require(false, "an encrypted stream has its ciphers") }
    if case .aesCBC = agreed { require(content.aesCBCIV?.count == 16, "CBC has a whole iv") }
    while !script.isAtEnd {
        let body = Array(script.bytes())
        var sent = encrypted(body, outgoing)
        let kind = script.byte() % 4
        switch kind {
        case 0: break
        case 1: sent = body
        case 2: sent[Int(script.byte()) % sent.count] ^= 1 << (script.byte() % 8)
        default: sent.removeLast(Int(script.byte()) % sent.count)
        }
        let opened = open(sent, sha1Of: body, ProtoID.keepAlive, &decryption, arena)
        switch kind {
        case 0: require(opened == body, "what was encrypted comes back")
        case 1: require(opened == nil, "what is in clear is refused")
        default: require(opened == nil || opened == body, "wrong data is never taken for the right ones")
        }
    }
}

/// - Returns: the body of a frame; nil if it is refused or its SHA-1 is wrong.
private func open(
    _ body: [UInt8], sha1Of plain: [UInt8], _ protoID: UInt32, _ decryption: inout Decryption,
    _ arena: borrowing MessageArena
) -> [UInt8]? {
    var writer = FrameWriter()
    _ = plain.withUnsafeBytes { plain in
        writer.append(protoID: protoID, serialNo: 1, body: plain, encrypted: body)
    }
    var reader = FrameReader(maxBodyLength: 1 << 20)
    reader.append(writer.pending)
    guard let frame = try? reader.next() else {
        require(false, "a whole frame is read")
        return nil
    }
    do throws(Cause) {
        let (opened, isIntact) = try decryption.open(frame, arena)
        return isIntact ? Array(opened) : nil
    } catch {
        require(error.status == .encryptionFailed && !error.text.isEmpty, "a refusal has its reason")
        return nil
    }
}
