import CMessages
import CProtobufC

/// InitConnect.Request: the client's first message (docs/protocol.md, Messages).
package struct InitConnectRequest: Equatable {
    /// major * 100 + minor
    package var clientVersion: Int32
    package var clientID: String
    package var recvNotify: Bool?
    /// 0 FTAES_ECB, 1 AES_ECB, 2 AES_CBC, -1 none
    package var packetEncAlgo: Int32?
    /// 0 protobuf, 1 JSON
    package var pushProtoFormat: Int32?
    package var programmingLanguage: String?

    package init(
        clientVersion: Int32, clientID: String, recvNotify: Bool? = nil, packetEncAlgo: Int32? = nil,
        pushProtoFormat: Int32? = nil, programmingLanguage: String? = nil
    ) {
        self.clientVersion = clientVersion
        self.clientID = clientID
        self.recvNotify = recvNotify
        self.packetEncAlgo = packetEncAlgo
        self.pushProtoFormat = pushProtoFormat
        self.programmingLanguage = programmingLanguage
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard let request = arena.unpackAgain(body, init_connect__request__unpack, init_connect__request__descriptor),
            let c2s = request.pointee.c2s,
            let clientID = c2s.pointee.clientid
        else { throw .malformed }
        let message = c2s.pointee
        self.init(
            clientVersion: message.clientver,
            clientID: String(cString: clientID),
            recvNotify: message.has_recvnotify != 0 ? message.recvnotify != 0 : nil,
            packetEncAlgo: message.has_packetencalgo != 0 ? message.packetencalgo : nil,
            pushProtoFormat: message.has_pushprotofmt != 0 ? message.pushprotofmt : nil,
            programmingLanguage: message.programminglanguage.map { String(cString: $0) })
    }

    package func encoded() -> [UInt8] {
        var c2s = InitConnect__C2S()
        init_connect__c2_s__init(&c2s)
        c2s.clientver = clientVersion
        if let recvNotify { (c2s.has_recvnotify, c2s.recvnotify) = (1, recvNotify ? 1 : 0) }
        if let packetEncAlgo { (c2s.has_packetencalgo, c2s.packetencalgo) = (1, packetEncAlgo) }
        if let pushProtoFormat { (c2s.has_pushprotofmt, c2s.pushprotofmt) = (1, pushProtoFormat) }
        return withMutableCString(clientID) { clientID in
            withMutableCString(programmingLanguage) { language in
                c2s.clientid = clientID
                c2s.programminglanguage = language
                return withUnsafeMutablePointer(to: &c2s) { c2s in
                    var request = InitConnect__Request()
                    init_connect__request__init(&request)
                    request.c2s = c2s
                    return packed(&request)
                }
            }
        }
    }
}

/// InitConnect.Response: the gateway's answer (docs/protocol.md, Messages).
package struct InitConnectResponse: Equatable {
    package struct Content: Equatable {
        package var serverVersion: Int32
        package var loginUserID: UInt64
        package var connID: UInt64
        /// 16 ASCII bytes. A secret: bytes and not a String, so that `wipe` can overwrite it
        package var connAESKey: [UInt8]
        /// seconds
        package var keepAliveInterval: Int32
        /// 16 ASCII bytes
        package var aesCBCIV: [UInt8]?
        package var userAttribution: Int32?

        package init(
            serverVersion: Int32, loginUserID: UInt64, connID: UInt64, connAESKey: [UInt8], keepAliveInterval: Int32,
            aesCBCIV: [UInt8]? = nil, userAttribution: Int32? = nil
        ) {
            self.serverVersion = serverVersion
            self.loginUserID = loginUserID
            self.connID = connID
            self.connAESKey = connAESKey
            self.keepAliveInterval = keepAliveInterval
            self.aesCBCIV = aesCBCIV
            self.userAttribution = userAttribution
        }
    }

    package var head: AnyResponse
    package var content: Content?

    package init(head: AnyResponse, content: Content?) {
        self.head = head
        self.content = content
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard let response = arena.unpack(body, init_connect__response__unpack, init_connect__response__descriptor)
        else { throw .malformed }
        let message = response.pointee
        head = AnyResponse(
            retType: message.rettype, retMsg: message.retmsg.map { String(cString: $0) },
            errCode: message.has_errcode != 0 ? message.errcode : nil)
        guard let s2c = message.s2c?.pointee, let key = s2c.connaeskey else { return }
        content = Content(
            serverVersion: s2c.serverver, loginUserID: s2c.loginuserid, connID: s2c.connid,
            connAESKey: bytes(key), keepAliveInterval: s2c.keepaliveinterval, aesCBCIV: s2c.aescbciv.map { bytes($0) },
            userAttribution: s2c.has_userattribution != 0 ? s2c.userattribution : nil)
    }

    /// Overwrites the session's key. Must be called on the only copy.
    package mutating func wipe() {
        content?.connAESKey.withUnsafeMutableBytes { Crypto.wipe($0) }
    }

    package func encoded() -> [UInt8] {
        var response = InitConnect__Response()
        init_connect__response__init(&response)
        response.rettype = head.retType ?? RetType.unknown
        if let errCode = head.errCode { (response.has_errcode, response.errcode) = (1, errCode) }
        return withMutableCString(head.retMsg) { retMsg in
            response.retmsg = retMsg
            guard let content else { return packed(&response) }
            return withMutableCString(content.connAESKey) { key in
                withMutableCString(content.aesCBCIV) { iv in
                    var s2c = InitConnect__S2C()
                    init_connect__s2_c__init(&s2c)
                    s2c.serverver = content.serverVersion
                    s2c.loginuserid = content.loginUserID
                    s2c.connid = content.connID
                    s2c.connaeskey = key
                    s2c.keepaliveinterval = content.keepAliveInterval
                    s2c.aescbciv = iv
                    if let userAttribution = content.userAttribution {
                        (s2c.has_userattribution, s2c.userattribution) = (1, userAttribution)
                    }
                    return withUnsafeMutablePointer(to: &s2c) { s2c in
                        response.s2c = s2c
                        return packed(&response)
                    }
                }
            }
        }
    }
}
