/// A request that is accepted and not completed.
package struct Request<Payload> {
    /// The serial number for the application; never 0.
    package var serialNo: UInt32
    package var protoID: UInt32
    /// The driver's part of the request, which the state machine does not use.
    package var payload: Payload
    package var terms: RequestTerms
    /// Whether it needs a slot of the quota, and whether it has one.
    var needsSlot: Bool
    var holdsSlot = false
    /// Whether it waits for the answer to another request, which asks the same.
    var isJoined = false
    /// Its number if it is a first request of the quota group (`QuotaGroup.sent`); else 0.
    var firstNumber: UInt32 = 0
    /// Its position among all requests of the connection, in the order in which they were made.
    var order: UInt64 = 0
    /// The end of its queue timeout or, once it is sent, of its reply timeout.
    var deadline = Instant.zero
    /// Its wire serial number; 0 until it is sent.
    package internal(set) var wireSerialNo: UInt32 = 0
    /// What it asks, if answers are shared; else 0.
    var question: SharedAnswers.Number = 0

    package var wasSent: Bool { wireSerialNo != 0 }
    /// When it was accepted. Until it is sent.
    var askedAt: Instant { deadline - terms.queueTimeout }
    /// Whether it is one that a shared answer may end.
    var takesSharedAnswer: Bool { question != 0 && !wasSent }

    mutating func send(
        _ wireSerialNo: UInt32, _ deadline: Instant, _ holdsSlot: Bool, _ firstNumber: UInt32,
        _ question: SharedAnswers.Number
    ) {
        self.wireSerialNo = wireSerialNo
        self.question = question
        self.deadline = deadline
        self.holdsSlot = holdsSlot
        self.firstNumber = firstNumber
    }
}
