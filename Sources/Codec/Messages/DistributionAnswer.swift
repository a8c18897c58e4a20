import CMessages
import CProtobufC

/// What stands first in every Response, read in place: the text lives until the arena's next message.
package struct ResponseHead {
    package let retType: Int32
    package let retMsg: UnsafePointer<CChar>?
    package let errCode: Int32?

    /// nil: no Response, or one without a retType.
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

    package init(_ message: QotGetCapitalDistribution__Response) {
        retType = message.rettype
        retMsg = message.retmsg.map { UnsafePointer($0) }
        errCode = message.has_errcode != 0 ? message.errcode : nil
    }
}

/// The answer to a request for a capital distribution, read in place: it lives until the arena's next message.
package enum DistributionAnswer {
    /// Has an `s2c`. Nearly every answer is one, and what it says is looked at where it is told.
    case figures(UnsafePointer<QotGetCapitalDistribution__Response>)
    case refused(ResponseHead)
    case malformed(MessageError)

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        do throws(MessageError) {
            let message = try CapitalDistributionResponse.unpack(body, arena)
            let isAnswered = message.pointee.rettype == RetType.succeed && message.pointee.s2c != nil
            self = isAnswered ? .figures(message) : .refused(ResponseHead(message.pointee))
        } catch {
            // A refusal stays one whatever else is wrong with it.
            guard let head = ResponseHead(body, arena), head.retType != RetType.succeed else {
                self = .malformed(error)
                return
            }
            self = .refused(head)
        }
    }
}
