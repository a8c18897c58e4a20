import Codec

/// The part of an answer's body that the state machine needs for its decisions.
package enum AnswerSummary {
    case success
    case refusal(retType: Int32, words: String)
    /// The body could not be decoded.
    case malformed(MessageError)
    /// The body does not match its SHA-1.
    case damaged
}
