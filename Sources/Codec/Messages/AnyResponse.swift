import CMessages
import CProtobufC

/// `retType` values (docs/protocol.md, Messages).
package enum RetType {
    package static let succeed: Int32 = 0
    package static let failed: Int32 = -1
    package static let timeout: Int32 = -100
    package static let disconnected: Int32 = -200
    package static let unknown: Int32 = -400
    package static let invalid: Int32 = -500
}

/// The fields that every Response has before its `s2c`; nil if the gateway did not send one.
package struct AnyResponse: Equatable {
    package var retType: Int32?
    package var retMsg: String?
    package var errCode: Int32?

    package init(retType: Int32? = RetType.succeed, retMsg: String? = nil, errCode: Int32? = nil) {
        self.retType = retType
        self.retMsg = retMsg
        self.errCode = errCode
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard let message = arena.unpack(body, common__any_response__unpack, common__any_response__descriptor) else {
            throw .malformed
        }
        retType = message.pointee.has_rettype != 0 ? message.pointee.rettype : nil
        retMsg = message.pointee.retmsg.map { String(cString: $0) }
        errCode = message.pointee.has_errcode != 0 ? message.pointee.errcode : nil
    }

    package func encoded() -> [UInt8] {
        var message = Common__AnyResponse()
        common__any_response__init(&message)
        if let retType { (message.has_rettype, message.rettype) = (1, retType) }
        if let errCode { (message.has_errcode, message.errcode) = (1, errCode) }
        return withMutableCString(retMsg) { retMsg in
            message.retmsg = retMsg
            return packed(&message)
        }
    }
}
