extension Texts {
    // MARK: - Without an answer

    static func replyTimedOut(_ milliseconds: Int64) -> String { "no answer within \(milliseconds) ms of sending" }

    static func queueTimedOut(_ milliseconds: Int64, _ why: String) -> String {
        "not sent within \(milliseconds) ms: \(why)"
    }

    static var waitsForConnection: String { "waiting for the connection" }
    static var waitsForQuota: String { "waiting for the quota" }
    static var waitsForSharedAnswer: String { "waiting for the answer to another request for the same security" }
    static var noSlotLeft: String {
        "not sent: another request for the same security, whose answer this one waited for, ended without one, and no slot of the quota is free"
    }
    static var heldUpByCallback: String { "a callback took too long" }
    static var released: String { "the connection was released" }
    static var cancelled: String { "cancelled" }

    // MARK: - Answered

    static var wrongSHA1: String { "the SHA-1 of the answer does not match its body" }
    static var noContent: String { "the answer reports success, but has no figures" }
    static var invalidProtobuf: String {
        "the answer is not valid protobuf, or lacks a required field"
    }

    static func refused(_ retType: Int32, _ words: String) -> String {
        "the gateway refused (retType \(retType))" + (words.isEmpty ? "" : ": \(words)")
    }

    /// This connection's group keeps the quota, so others must have used it.
    static var quotaUsedElsewhere: String { "Another program, or this one before its restart, used the quota." }

    static func rateLimited(_ milliseconds: Int32, _ words: String) -> String {
        "the gateway refused because of its rate limit; try again in \(milliseconds) ms. \(quotaUsedElsewhere)"
            + (words.isEmpty ? "" : " The gateway said: \(words)")
    }

    static func notSentThroughGate(_ milliseconds: Int64) -> String {
        "not sent: the gateway refused another request because of its rate limit; try again in \(milliseconds) ms. \(quotaUsedElsewhere)"
    }

    static func gateClosed(_ milliseconds: Int64) -> String {
        "the gateway refused a request because of its rate limit; nothing is sent for \(milliseconds) ms. \(quotaUsedElsewhere)"
    }

    // MARK: - For the log

    static func lateAnswer(_ protoID: UInt32) -> String {
        "an answer came after its request was given up (proto id \(protoID))"
    }

    static func unexpectedAnswer(_ protoID: UInt32, _ serialNo: UInt32) -> String {
        "an answer came that no request waits for (proto id \(protoID), serial number \(serialNo))"
    }

    static func failed(_ serialNo: UInt32, _ name: String, _ text: String) -> String {
        "request \(serialNo)\(name.isEmpty ? "" : " (\(name))") failed: \(text)"
    }

    static func failures(_ count: Int, seconds: Int64, _ last: String, _ kind: FailureRun.Kind) -> String {
        "\(count == 1 ? "1 request" : "\(count) requests") failed within \(seconds) s. The last: \(sentence(last))\(lookAt(kind))"
    }

    private static func lookAt(_ kind: FailureRun.Kind) -> String {
        switch kind {
        case .refused: " Check the securities, the account's right to these quotes, and OpenD's window."
        case .rateLimited: " " + quotaUsedElsewhere
        case .unanswered: " Is OpenD frozen, or has it lost the vendor's servers? Look at its window."
        case .unsent: " Check the last messages about the connection, and what else uses the quota."
        case .malformed:
            " Does something between here and OpenD change its answers? Is OpenD newer than this library?"
        }
    }
}
