import CMessages
import CProtobufC

/// The body of an answer, read in place: it lives until the arena's next message.
package enum AnswerContent {
    /// A capital distribution. Has an `s2c`. Nearly every answer is one, and what it says is looked at where it is told.
    case figures(UnsafePointer<QotGetCapitalDistribution__Response>)
    /// A refusal, or the answer to another request.
    case head(ResponseHead)
    /// No capital distribution and no refusal; its head, if it has one.
    case malformed(MessageError, ResponseHead?)

    /// Of a request for a capital distribution.
    package init(distribution body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        do throws(MessageError) {
            let message = try CapitalDistributionResponse.unpack(body, arena)
            let isAnswered = message.pointee.rettype == RetType.succeed && message.pointee.s2c != nil
            self = isAnswered ? .figures(message) : .head(ResponseHead(message.pointee))
        } catch {
            // A refusal stays one whatever else is wrong with it.
            guard let head = ResponseHead(body, arena) else {
                self = .malformed(error, nil)
                return
            }
            self = head.retType == RetType.succeed ? .malformed(error, head) : .head(head)
        }
    }

    /// Of any other; nil: no Response.
    package init?(other body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        guard let head = ResponseHead(body, arena) else { return nil }
        self = .head(head)
    }
}
