import CMessages
import COpenSSL
import CProtobufC

extension ProtoID {
    /// The bridge's own commands (docs/protocol.md, WebSocket): its handshake, and the report that it lost OpenD.
    package static let initWebSocket: UInt32 = 1
    package static let lostOpenD: UInt32 = 2
}

/// InitWebSocket.Request: the client's first message to the bridge.
package struct InitWebSocketRequest: Equatable {
    /// MD5 of the user's key, in lower-case hex; empty if there is no key. Whoever has it can log in with it, so it is
    /// kept as bytes, which can be wiped.
    package var websocketKey: [UInt8]?
    package var clientID: String?
    package var programmingLanguage: String?

    package init(websocketKey: [UInt8]?, clientID: String?, programmingLanguage: String?) {
        self.websocketKey = websocketKey
        self.clientID = clientID
        self.programmingLanguage = programmingLanguage
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard let request = arena.unpack(body, init_web_socket__request__unpack, init_web_socket__request__descriptor),
            let c2s = request.pointee.c2s?.pointee
        else { throw .malformed }
        websocketKey = c2s.websocketkey.map { bytes($0) }
        clientID = c2s.clientid.map { String(cString: $0) }
        programmingLanguage = c2s.programminglanguage.map { String(cString: $0) }
    }

    package func encoded() -> [UInt8] {
        var c2s = InitWebSocket__C2S()
        init_web_socket__c2_s__init(&c2s)
        return withMutableCString(websocketKey) { key in
            withMutableCString(clientID) { clientID in
                withMutableCString(programmingLanguage) { language in
                    c2s.websocketkey = key
                    c2s.clientid = clientID
                    c2s.programminglanguage = language
                    return withUnsafeMutablePointer(to: &c2s) { c2s in
                        var request = InitWebSocket__Request()
                        init_web_socket__request__init(&request)
                        request.c2s = c2s
                        return packed(&request)
                    }
                }
            }
        }
    }

    package mutating func wipe() {
        websocketKey?.withUnsafeMutableBytes { Crypto.wipe($0) }
    }

    /// What is sent to the bridge instead of the user's key.
    package static func digest(ofKey key: UnsafeRawBufferPointer) -> [UInt8] {
        if key.isEmpty { return [] }
        // The low-level functions work without OpenSSL's initialisation, as for SHA-1 (SHA1.swift).
        var context = MD5_CTX()
        var digest = [UInt8](repeating: 0, count: 16)
        MD5_Init(&context)
        MD5_Update(&context, key.baseAddress, key.count)
        MD5_Final(&digest, &context)
        defer {
            withUnsafeMutableBytes(of: &context) { Crypto.wipe($0) }
            digest.withUnsafeMutableBytes { Crypto.wipe($0) }
        }
        let digits = Array("0123456789abcdef".utf8)
        return [UInt8](unsafeUninitializedCapacity: 2 * digest.count) { text, count in
            for byte in digest {
                text[count] = digits[Int(byte >> 4)]
                text[count + 1] = digits[Int(byte & 15)]
                count += 2
            }
        }
    }
}

/// InitWebSocket.Response: the bridge's answer.
package struct InitWebSocketResponse: Equatable {
    package var head: AnyResponse
    /// Unix seconds.
    package var serverTime: Int64?
    package var connID: UInt64?

    package init(head: AnyResponse, serverTime: Int64? = nil, connID: UInt64? = nil) {
        self.head = head
        self.serverTime = serverTime
        self.connID = connID
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard
            let response = arena.unpack(body, init_web_socket__response__unpack, init_web_socket__response__descriptor)
        else { throw .malformed }
        let message = response.pointee
        head = AnyResponse(
            retType: message.rettype, retMsg: message.retmsg.map { String(cString: $0) },
            errCode: message.has_errcode != 0 ? message.errcode : nil)
        guard let s2c = message.s2c?.pointee else { return }
        if s2c.has_servertime != 0 { serverTime = s2c.servertime }
        if s2c.has_connid != 0 { connID = s2c.connid }
    }

    package func encoded() -> [UInt8] {
        var response = InitWebSocket__Response()
        init_web_socket__response__init(&response)
        response.rettype = head.retType ?? RetType.unknown
        if let errCode = head.errCode { (response.has_errcode, response.errcode) = (1, errCode) }
        return withMutableCString(head.retMsg) { retMsg in
            response.retmsg = retMsg
            guard serverTime != nil || connID != nil else { return packed(&response) }
            var s2c = InitWebSocket__S2C()
            init_web_socket__s2_c__init(&s2c)
            if let serverTime { (s2c.has_servertime, s2c.servertime) = (1, serverTime) }
            if let connID { (s2c.has_connid, s2c.connid) = (1, connID) }
            return withUnsafeMutablePointer(to: &s2c) { s2c in
                response.s2c = s2c
                return packed(&response)
            }
        }
    }
}

/// Bytes that are overwritten when the last reference goes: a message that contains a key. They are in no array, which
/// could leave copies behind. They never change, so any thread may use them.
package final class SecretBytes: @unchecked Sendable {
    private let bytes: UnsafeMutableRawBufferPointer

    /// Copies the bytes, and overwrites the original.
    package init(_ source: inout [UInt8]) {
        bytes = .allocate(byteCount: source.count, alignment: 1)
        bytes.copyBytes(from: source)
        source.withUnsafeMutableBytes { Crypto.wipe($0) }
    }

    deinit {
        Crypto.wipe(bytes)
        bytes.deallocate()
    }

    package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { body(UnsafeRawBufferPointer(bytes)) }
}
