/// The answers that the connections of a quota group share. A *question* is what a request asks, and of which gateway.
/// Of each question this knows the last good answer, and how many of its requests are in flight and wait. Pure: the
/// time is passed in.
///
/// It belongs to no connection. Whoever learns of a request in flight or of an answer can tell it, under the group's
/// lock.
package struct SharedAnswers {
    /// The bytes that tell a question from all others.
    package typealias Key = [UInt8]
    /// A question's number as long as it is known; 0 is none's.
    package typealias Number = UInt32

    /// Most answers that are kept for later, and the longest body that is shared at all.
    package static let mostAnswers = 4096
    package static let longestBody = 4096
    /// What is shorter may be a pause between two readings of the clock.
    package static let shortestSuspension: TimeAmount = .seconds(1)

    package struct Answer {
        package let body: [UInt8]
        package let received: Instant
        /// nil: it is a good one.
        package let refusal: Refusal?

        /// How long ago it was received.
        package func age(_ now: Instant) -> TimeAmount { max(now - received, .zero) }
    }

    /// The gateway's refusal of a question.
    package struct Refusal {
        package let text: String
        package let retry: Retry

        package init(text: String, retry: Retry) {
            self.text = text
            self.retry = retry
        }
    }

    /// What a request that asks a question finds.
    package enum Found {
        case answer(Answer)
        /// Another request asks it just now. Its answer may take until then: later its connection's thread is held up,
        /// and is not waited for.
        case inFlight(until: Instant)
        case nothing
    }

    private struct Question {
        var key: Key
        var inFlight = 0
        /// Until when the answers to those in flight may take.
        var until = Instant.min
        var waiting = 0
        /// The last good one, as long as it is kept.
        var answer: Answer?
        /// The last refusal, for those that wait.
        var refusal: Answer?
        /// In the order in which answers were received: the one before, and the one after.
        var older: Number = 0
        var newer: Number = 0

        /// Whether it is one: a number that is not used has no key.
        var isKnown: Bool { !key.isEmpty }

        func awaited(_ now: Instant) -> Found { inFlight > 0 && now < until ? .inFlight(until: until) : .nothing }

        mutating func sent(answerBy time: Instant) {
            until = inFlight == 0 ? time : max(until, time)
            inFlight += 1
        }
    }

    /// Whether a request of the group has ever asked for shared answers. Until then nothing is kept.
    package private(set) var isUsed = false
    /// Grows whenever those that wait should look again.
    package private(set) var changes: UInt64 = 0
    /// Whether they must be woken for it.
    var wakesUp = false

    /// Number n is at n - 1.
    private var questions: [Question] = []
    private var unused: [Number] = []
    private var numbers: [Key: Number] = [:]
    /// The answer that was received first, and the last one.
    private var oldest: Number = 0
    private var newest: Number = 0
    /// Answers that are kept.
    package private(set) var answers = 0
    /// The greatest age that a request would have taken: what is older is of use to nobody.
    private var longestAge = TimeAmount.zero
    /// How long the machine had been suspended in all, when that was measured last; nil: it was not.
    private var stoodStill: TimeAmount?

    // MARK: - Looking

    /// Whether any request is in flight or waits.
    package var hasRequests: Bool { questions.contains { $0.inFlight > 0 || $0.waiting > 0 } }

    /// Questions that are known.
    package var count: Int { numbers.count }

    /// What there is for a request that is made now.
    package func find(_ key: Key, maxAge: TimeAmount, _ now: Instant) -> Found {
        guard let number = numbers[key] else { return .nothing }
        let question = questions[Int(number) - 1]
        if let answer = question.answer, answer.age(now) <= maxAge { return .answer(answer) }
        return question.awaited(now)
    }

    /// What there is by now for a request that waits. An answer that came after the request was made will always do:
    /// the request's own could not have been newer by much.
    package func find(_ number: Number, since asked: Instant, maxAge: TimeAmount, _ now: Instant) -> Found {
        guard let question = question(number) else { return .nothing }
        if let answer = question.answer, answer.received >= asked || answer.age(now) <= maxAge {
            return .answer(answer)
        }
        if let refusal = question.refusal, refusal.received >= asked { return .answer(refusal) }
        return question.awaited(now)
    }

    private func question(_ number: Number) -> Question? {
        let index = Int(number) - 1
        return questions.indices.contains(index) ? questions[index] : nil
    }

    // MARK: - Requests

    /// A request would take an answer that old.
    package mutating func mayTake(_ maxAge: TimeAmount) {
        isUsed = true
        longestAge = max(longestAge, maxAge)
    }

    /// A request begins to wait for an answer.
    package mutating func wait(_ key: Key, maxAge: TimeAmount) -> Number {
        mayTake(maxAge)
        let number = number(key)
        questions[Int(number) - 1].waiting += 1
        return number
    }

    /// One that waited has its answer.
    package mutating func served(_ number: Number) {
        add(number, waiting: -1)
    }

    /// One that waited ends without an answer: another may have relied on its being sent.
    package mutating func left(_ number: Number) {
        add(number, waiting: -1)
        tell(number)
    }

    /// One that waited is sent.
    package mutating func sent(_ number: Number, answerBy time: Instant) {
        guard var question = question(number) else { return }
        question.sent(answerBy: time)
        questions[Int(number) - 1] = question
        add(number, waiting: -1)
    }

    /// One is sent that takes no shared answer itself.
    package mutating func sent(_ key: Key, answerBy time: Instant) -> Number {
        let number = number(key)
        questions[Int(number) - 1].sent(answerBy: time)
        return number
    }

    /// One in flight was answered well.
    package mutating func answered(_ number: Number, _ body: UnsafeRawBufferPointer, _ now: Instant) {
        guard body.count <= Self.longestBody, let question = question(number), question.inFlight > 0 else {
            return lost(number)
        }
        unlink(number)
        questions[Int(number) - 1].answer = Answer(body: Array(body), received: now, refusal: nil)
        link(number)
        add(number, inFlight: -1)
        forget(now)
        tell(number)
    }

    /// The gateway refused one in flight, and would refuse the others.
    package mutating func refused(
        _ number: Number, _ refusal: Refusal, _ body: UnsafeRawBufferPointer, _ now: Instant
    ) {
        guard body.count <= Self.longestBody else { return lost(number) }
        if let question = question(number), question.waiting > 0 {
            questions[Int(number) - 1].refusal = Answer(body: Array(body), received: now, refusal: refusal)
        }
        lost(number)
    }

    /// One in flight ended otherwise.
    package mutating func lost(_ number: Number) {
        add(number, inFlight: -1)
        tell(number)
    }

    /// What a forked child makes of its copy: the answers stay, and the requests are the parent's.
    mutating func inheritedByFork() {
        wakesUp = false
        // Not those that are needed: the last change may take all.
        for index in questions.indices {
            guard questions.indices.contains(index) else { return }
            add(Number(index + 1), inFlight: -questions[index].inFlight, waiting: -questions[index].waiting)
        }
    }

    // MARK: - The table

    private mutating func number(_ key: Key) -> Number {
        if let number = numbers[key] { return number }
        let number: Number
        if let last = unused.popLast() {
            number = last
            questions[Int(last) - 1] = Question(key: key)
        } else {
            questions.append(Question(key: key))
            number = Number(truncatingIfNeeded: questions.count)
        }
        numbers[key] = number
        return number
    }

    /// Adds to the counts of a question, and forgets it if nobody needs it any more.
    @inline(never)
    private mutating func add(_ number: Number, inFlight: Int = 0, waiting: Int = 0) {
        guard var question = question(number), question.isKnown else { return }
        question.inFlight = max(question.inFlight + inFlight, 0)
        question.waiting = max(question.waiting + waiting, 0)
        if question.waiting == 0 { question.refusal = nil }
        questions[Int(number) - 1] = question
        guard question.inFlight == 0, question.waiting == 0, question.answer == nil else { return }
        numbers[question.key] = nil
        questions[Int(number) - 1] = Question(key: [])
        unused.append(number)
        // Gives memory back after a burst.
        if numbers.isEmpty, questions.count > 1024 { (questions, unused) = ([], []) }
    }

    /// Those that wait look again: at what came, or whether one of them must be sent.
    private mutating func tell(_ number: Number) {
        guard let question = question(number), question.waiting > 0 else { return }
        changes += 1
        wakesUp = true
    }

    // MARK: - Answers by age

    /// Drops what is too much, or too old. One that waits may have been made before the answer came, however old that
    /// is now.
    private mutating func forget(_ now: Instant) {
        while oldest != newest, let question = question(oldest), let answer = question.answer {
            let isOld = question.waiting == 0 && answer.age(now) > longestAge
            guard answers > Self.mostAnswers || isOld else { return }
            let number = oldest
            drop(number)
        }
    }

    /// How long the machine has been suspended in all, by a measurement that may be too great. After a suspension
    /// answers are older than the clock tells, so they are dropped.
    package mutating func clockStoodStill(for time: TimeAmount) {
        let known = stoodStill ?? time
        stoodStill = min(known, time)
        guard time - known >= Self.shortestSuspension else { return }
        stoodStill = time
        while let question = question(oldest), question.answer != nil {
            let number = oldest
            drop(number)
        }
    }

    private mutating func drop(_ number: Number) {
        unlink(number)
        questions[Int(number) - 1].answer = nil
        add(number)
    }

    private mutating func link(_ number: Number) {
        questions[Int(number) - 1].older = newest
        questions[Int(number) - 1].newer = 0
        if newest == 0 { oldest = number } else { questions[Int(newest) - 1].newer = number }
        newest = number
        answers += 1
    }

    /// Takes a question that has an answer out of the order.
    private mutating func unlink(_ number: Number) {
        guard let question = question(number), question.answer != nil else { return }
        if question.older == 0 {
            oldest = question.newer
        } else {
            questions[Int(question.older) - 1].newer = question.newer
        }
        if question.newer == 0 {
            newest = question.older
        } else {
            questions[Int(question.newer) - 1].older = question.older
        }
        answers -= 1
    }
}
