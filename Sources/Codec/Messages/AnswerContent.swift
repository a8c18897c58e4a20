import CMessages
import CProtobufC

/// The decoded body of an answer. Its memory is the arena's, and is valid until the arena's next message.
package enum AnswerContent {
    /// A capital distribution that has an `s2c`. Nearly every answer is one; its fields are read only to deliver it.
    case figures(UnsafePointer<QotGetCapitalDistribution__Response>)
    /// A refusal, or the answer to another request.
    case head(ResponseHead)
    /// The body could not be decoded, and is not a refusal. Its head, if that could be decoded.
    case malformed(MessageError, ResponseHead?)

    /// The answer to a request for a capital distribution.
    package init(distribution body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        do throws(MessageError) {
            let message = try CapitalDistributionResponse.unpack(body, arena)
            let isAnswered = message.pointee.rettype == RetType.succeed && message.pointee.s2c != nil
            self = isAnswered ? .figures(message) : .head(ResponseHead(message.pointee))
        } catch {
            // A refusal stays a refusal, even if another part of it cannot be decoded.
            guard let head = ResponseHead(body, arena) else {
                self = .malformed(error, nil)
                return
            }
            self = head.retType == RetType.succeed ? .malformed(error, head) : .head(head)
        }
    }

    /// The answer to any other request; nil if it has no Response head.
    package init?(other body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) {
        guard let head = ResponseHead(body, arena) else { return nil }
        self = .head(head)
    }
}
