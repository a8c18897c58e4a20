/// The options of a request. A connection has them for all its requests, and each request may have its own. They stay
/// with the request until it completes.
package struct RequestTerms: Sendable {
    /// The longest time until the request is sent, and from then until it is answered.
    package var queueTimeout: TimeAmount = .seconds(120)
    package var replyTimeout: TimeAmount = .seconds(12)
    /// Whether the request is refused, instead of waiting for a slot of the quota.
    package var failsWithoutSlot = false
    /// Whether the request is refused during an outage, instead of waiting.
    package var failsInOutage = false
    /// Whether the application decodes the answer. Then only its retType and retMsg matter here.
    package var isRaw = false
    /// In milliseconds, since a request is copied on its way: with a TimeAmount here each costs 2 % more instructions.
    private var maxAgeMilliseconds: Int32 = 0

    /// The greatest age of a shared answer that the request takes, in whole milliseconds; zero: it is always sent.
    package var maxAge: TimeAmount {
        get { .milliseconds(Int64(maxAgeMilliseconds)) }
        set { maxAgeMilliseconds = newValue.millisecondsRoundedUp }
    }
    package var takesSharedAnswer: Bool { maxAgeMilliseconds > 0 }

    package init() {}
}
