/// A request that was accepted and is not completed.
package struct Request<Payload> {
    /// The number the application knows it by; never 0.
    package var serialNo: UInt32
    package var protoID: UInt32
    /// What the state machine only carries.
    package var payload: Payload
    package var terms: RequestTerms
    /// Whether it needs a slot of the quota, and whether it has one.
    var needsSlot: Bool
    var holdsSlot = false
    /// As a first request of the quota group: its number; else 0 (`QuotaGroup.sent`).
    var firstNumber: UInt32 = 0
    /// Position among all requests of the connection: the order asked.
    var order: UInt64 = 0
    /// When it times out where it is now.
    var deadline: Instant = 0
    /// Its number on the wire; 0 until it is sent.
    package internal(set) var wireSerialNo: UInt32 = 0

    package var wasSent: Bool { wireSerialNo != 0 }

    mutating func send(_ wireSerialNo: UInt32, _ deadline: Instant, _ holdsSlot: Bool, _ firstNumber: UInt32) {
        self.wireSerialNo = wireSerialNo
        self.deadline = deadline
        self.holdsSlot = holdsSlot
        self.firstNumber = firstNumber
    }
}
