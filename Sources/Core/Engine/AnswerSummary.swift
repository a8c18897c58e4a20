import Codec

/// What the body of an answer says, as far as the state machine decides by it.
package enum AnswerSummary {
    case success
    case refusal(retType: Int32, words: String)
    /// No message of its kind.
    case malformed(MessageError)
    /// Its SHA-1 is another one's.
    case damaged
}
