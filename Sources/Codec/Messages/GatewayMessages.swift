import CMessages
import CProtobufC

/// GetGlobalState, as far as a simulated gateway needs it (docs/protocol.md, Messages).
package enum GlobalState {
    package struct Content: Equatable {
        /// In the order HK, US, SH, SZ, HK futures.
        package var markets: (hk: Int32, us: Int32, sh: Int32, sz: Int32, hkFuture: Int32)
        package var serverVersion: Int32
        package var serverBuildNo: Int32
        /// Unix seconds
        package var time: Int64
        package var connID: UInt64?

        package init(
            markets: (hk: Int32, us: Int32, sh: Int32, sz: Int32, hkFuture: Int32), serverVersion: Int32,
            serverBuildNo: Int32, time: Int64, connID: UInt64?
        ) {
            self.markets = markets
            self.serverVersion = serverVersion
            self.serverBuildNo = serverBuildNo
            self.time = time
            self.connID = connID
        }

        package static func == (left: Content, right: Content) -> Bool {
            left.markets == right.markets && left.serverVersion == right.serverVersion
                && left.serverBuildNo == right.serverBuildNo && left.time == right.time && left.connID == right.connID
        }
    }

    package static func encodedRequest(userID: UInt64) -> [UInt8] {
        var c2s = GetGlobalState__C2S()
        get_global_state__c2_s__init(&c2s)
        c2s.userid = userID
        return withUnsafeMutablePointer(to: &c2s) { c2s in
            var request = GetGlobalState__Request()
            get_global_state__request__init(&request)
            request.c2s = c2s
            return packed(&request)
        }
    }

    /// The user id of a request.
    package static func requestUserID(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> UInt64 {
        guard
            let request = arena.unpack(body, get_global_state__request__unpack, get_global_state__request__descriptor),
            let c2s = request.pointee.c2s
        else { throw .malformed }
        return c2s.pointee.userid
    }

    /// Like OpenD, it sends an empty `retMsg` and an `errCode` of 0.
    package static func encodedResponse(_ content: Content) -> [UInt8] {
        var s2c = GetGlobalState__S2C()
        get_global_state__s2_c__init(&s2c)
        (s2c.markethk, s2c.marketus, s2c.marketsh, s2c.marketsz, s2c.markethkfuture) = content.markets
        (s2c.qotlogined, s2c.trdlogined) = (1, 1)
        s2c.serverver = content.serverVersion
        s2c.serverbuildno = content.serverBuildNo
        s2c.time = content.time
        if let connID = content.connID { (s2c.has_connid, s2c.connid) = (1, connID) }
        return withUnsafeMutablePointer(to: &s2c) { s2c in
            withMutableCString("") { retMsg in
                var response = GetGlobalState__Response()
                get_global_state__response__init(&response)
                response.rettype = RetType.succeed
                response.retmsg = retMsg
                response.has_errcode = 1
                response.s2c = s2c
                return packed(&response)
            }
        }
    }

    /// The content of a successful response.
    package static func response(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> Content {
        guard
            let response = arena.unpackAgain(
                body, get_global_state__response__unpack, get_global_state__response__descriptor)
        else { throw .malformed }
        guard response.pointee.rettype == RetType.succeed, let s2c = response.pointee.s2c?.pointee else {
            throw .noContent
        }
        return Content(
            markets: (s2c.markethk, s2c.marketus, s2c.marketsh, s2c.marketsz, s2c.markethkfuture),
            serverVersion: s2c.serverver, serverBuildNo: s2c.serverbuildno, time: s2c.time,
            connID: s2c.has_connid != 0 ? s2c.connid : nil)
    }
}

/// Notify, the gateway's push (docs/protocol.md, Messages).
package enum Notify {
    /// The type of a push that reports a connection's status.
    package static let connectStatusType: Int32 = 3

    package static func encodedConnectStatus(qotLogined: Bool, trdLogined: Bool) -> [UInt8] {
        var status = Notify__ConnectStatus()
        notify__connect_status__init(&status)
        status.qotlogined = qotLogined ? 1 : 0
        status.trdlogined = trdLogined ? 1 : 0
        return withUnsafeMutablePointer(to: &status) { status in
            var s2c = Notify__S2C()
            notify__s2_c__init(&s2c)
            s2c.type = connectStatusType
            s2c.connectstatus = status
            return withUnsafeMutablePointer(to: &s2c) { s2c in
                var response = Notify__Response()
                notify__response__init(&response)
                response.rettype = RetType.succeed
                response.s2c = s2c
                return packed(&response)
            }
        }
    }

    /// The type of a push.
    package static func type(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> Int32 {
        guard let response = arena.unpackAgain(body, notify__response__unpack, notify__response__descriptor),
            let s2c = response.pointee.s2c
        else {
            throw .malformed
        }
        return s2c.pointee.type
    }
}
