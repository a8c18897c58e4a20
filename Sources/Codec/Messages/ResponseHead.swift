import CMessages
import CProtobufC

/// The fields that every Response has before its `s2c`. The text is valid until the arena's next message.
package struct ResponseHead {
    package let retType: Int32
    package let retMsg: UnsafePointer<CChar>?
    package let errCode: Int32?

    /// nil if the body is not a Response, or has no retType.
    package init?(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        guard let message = arena.unpack(body, common__any_response__unpack, common__any_response__descriptor)?.pointee,
            message.has_rettype != 0
        else {
            return nil
        }
        retType = message.rettype
        retMsg = message.retmsg.map { UnsafePointer($0) }
        errCode = message.has_errcode != 0 ? message.errcode : nil
    }

    /// The gateway's message, for people; invalid bytes are replaced.
    package var words: String { retMsg.map { String(cString: $0) } ?? "" }

    package init(_ message: QotGetCapitalDistribution__Response) {
        retType = message.rettype
        retMsg = message.retmsg.map { UnsafePointer($0) }
        errCode = message.has_errcode != 0 ? message.errcode : nil
    }
}
