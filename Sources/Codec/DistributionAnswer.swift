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

    fileprivate init(_ message: QotGetCapitalDistribution__Response) {
        retType = message.rettype
        retMsg = message.retmsg.map { UnsafePointer($0) }
        errCode = message.has_errcode != 0 ? message.errcode : nil
    }
}

/// The answer to a request for a capital distribution, read in place: it lives until the arena's next message.
package enum DistributionAnswer {
    case figures(ResponseHead, UnsafePointer<QotGetCapitalDistribution__S2C>)
    case refused(ResponseHead)
    case malformed(MessageError)

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        do throws(MessageError) {
            let message = try CapitalDistributionResponse.unpack(body, arena)
            let head = ResponseHead(message.pointee)
            guard head.retType == RetType.succeed, let s2c = message.pointee.s2c else {
                self = .refused(head)
                return
            }
            self = .figures(head, UnsafePointer(s2c))
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
