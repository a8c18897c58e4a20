import Codec

/// The answer to a request: its body, and its decoded content. Both are valid until the next frame is handled.
package struct Answer {
    package let body: UnsafeRawBufferPointer
    /// nil if it was not decoded, or is damaged.
    package let content: AnswerContent?
}

extension ConnectionMachine.Completion {
    /// Reads the answer that it shares with another request, if it does; the answer lives during `body`.
    package func withSharedAnswer<R>(_ arena: borrowing MessageArena, _ body: (Answer?) -> R) -> R {
        guard let shared else { return body(nil) }
        return shared.body.withUnsafeBytes {
            body(Answer(body: $0, content: AnswerContent(distribution: $0, arena)))
        }
    }
}

extension AnswerSummary {
    /// - Parameter content: nil if there was nothing to decode.
    package init(_ content: AnswerContent?) {
        switch content {
        case nil, .figures: self = .success
        case .malformed(let error, _): self = .malformed(error)
        case .head(let head) where head.retType == RetType.succeed: self = .success
        case .head(let head): self = .refusal(retType: head.retType, words: head.words)
        }
    }
}
