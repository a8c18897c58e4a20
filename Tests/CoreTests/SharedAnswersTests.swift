import Testing
@testable import Core

/// What a quota group keeps of answers, by itself.
@Suite struct SharedAnswersTests {
    private let now = at(second * 1_000)

    private func key(_ text: String) -> SharedAnswers.Key { Array(text.utf8) }

    private func answer(_ answers: inout SharedAnswers, _ text: String, _ body: String, _ now: Instant) {
        let number = answers.sent(key(text), answerBy: .max)
        Array(body.utf8).withUnsafeBytes { answers.answered(number, $0, now) }
    }

    private func found(_ found: SharedAnswers.Found) -> String {
        switch found {
        case .answer(let answer): (answer.refusal?.text ?? "") + String(decoding: answer.body, as: UTF8.self)
        case .inFlight: "in flight"
        case .nothing: "nothing"
        }
    }

    @Test func anAnswerIsFoundUntilItIsTooOld() {
        var answers = SharedAnswers()
        answers.served(answers.wait(key("a"), maxAge: second))
        answer(&answers, "a", "1", now)
        #expect(found(answers.find(key("a"), maxAge: second, now + second)) == "1")
        #expect(found(answers.find(key("a"), maxAge: second, now + second + .nanosecond)) == "nothing")
        #expect(found(answers.find(key("b"), maxAge: second, now)) == "nothing")
        answer(&answers, "a", "2", now + second)
        #expect(found(answers.find(key("a"), maxAge: second, now + second * 2)) == "2")
    }

    @Test func whoWaitsTakesWhatCameSinceItAskedHoweverOldThatIs() {
        var answers = SharedAnswers()
        let number = answers.wait(key("a"), maxAge: millisecond)
        answers.sent(number, answerBy: now + second * 12)
        _ = answers.wait(key("a"), maxAge: millisecond)
        #expect(found(answers.find(number, since: now, maxAge: millisecond, now)) == "in flight")
        Array("1".utf8).withUnsafeBytes { answers.answered(number, $0, now + second) }
        #expect(found(answers.find(number, since: now, maxAge: millisecond, now + second * 9)) == "1")
        #expect(
            found(answers.find(number, since: now + second * 2, maxAge: millisecond, now + second * 9)) == "nothing")
    }

    @Test func aRefusalIsForThoseThatWaitForIt() {
        var answers = SharedAnswers()
        let number = answers.wait(key("a"), maxAge: second)
        answers.sent(number, answerBy: now + second * 12)
        _ = answers.wait(key("a"), maxAge: second)
        answers.refused(
            number, SharedAnswers.Refusal(text: "no", retry: .never), UnsafeRawBufferPointer(start: nil, count: 0), now)
        #expect(found(answers.find(number, since: now - .nanosecond, maxAge: second, now + .nanosecond)) == "no")
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "nothing")
        answers.served(number)
        #expect(answers.count == 0)
    }

    @Test func changesAreToldWhenWhoWaitsMustLook() {
        var answers = SharedAnswers()
        let number = answers.wait(key("a"), maxAge: second)
        let same = answers.wait(key("a"), maxAge: second)
        #expect(number == same && answers.changes == 0)
        answers.sent(number, answerBy: now + second * 12)
        let other = answers.sent(key("a"), answerBy: now)
        #expect(other == number)
        answers.lost(number)
        #expect(answers.changes == 1)
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "in flight")
        answers.lost(number)
        #expect(answers.changes == 2)
        // Nobody is left to look.
        answers.left(number)
        #expect(answers.changes == 2 && answers.count == 0)
    }

    @Test func bodiesThatAreTooLongAreNotShared() {
        var answers = SharedAnswers()
        let number = answers.wait(key("a"), maxAge: second)
        answers.sent(number, answerBy: now + second * 12)
        _ = answers.wait(key("a"), maxAge: second)
        [UInt8](repeating: 1, count: SharedAnswers.longestBody + 1).withUnsafeBytes {
            answers.answered(number, $0, now)
        }
        #expect(found(answers.find(number, since: now, maxAge: second, now)) == "nothing")
        #expect(answers.changes == 1 && answers.answers == 0)
    }

    @Test func memoryIsBounded() {
        var answers = SharedAnswers()
        answers.served(answers.wait(key("a"), maxAge: second * 3_600))
        for index in 0..<(3 * SharedAnswers.mostAnswers) {
            answer(&answers, "\(index)", "1", now + .nanosecond * Int64(index))
        }
        #expect(answers.answers == SharedAnswers.mostAnswers && answers.count == SharedAnswers.mostAnswers)
        // The oldest went first; one that is answered again is no longer old.
        let oldest = 2 * SharedAnswers.mostAnswers
        #expect(found(answers.find(key("\(oldest - 1)"), maxAge: second, now)) == "nothing")
        answer(&answers, "\(oldest)", "2", now + second)
        answer(&answers, "new", "3", now + second)
        #expect(found(answers.find(key("\(oldest)"), maxAge: second, now + second)) == "2")
        #expect(found(answers.find(key("\(oldest + 1)"), maxAge: second, now + second)) == "nothing")
        #expect(answers.answers == SharedAnswers.mostAnswers)
    }

    @Test func whatNobodyWouldTakeIsDropped() {
        var answers = SharedAnswers()
        answers.served(answers.wait(key("a"), maxAge: second * 10))
        for index in 0..<100 { answer(&answers, "\(index)", "1", now + second * Int64(index)) }
        #expect(answers.answers == 11)
        // But for what one waits for that has not looked yet.
        let number = answers.wait(key("99"), maxAge: second)
        for index in 100..<200 { answer(&answers, "\(index)", "1", now + second * Int64(index)) }
        #expect(found(answers.find(number, since: now, maxAge: second, now + second * 199)) == "1")
    }

    @Test func aForkedChildHasTheAnswersAndNoneOfTheRequests() {
        var answers = SharedAnswers()
        answer(&answers, "a", "1", now)
        _ = answers.sent(key("a"), answerBy: .max)
        _ = answers.sent(key("b"), answerBy: .max)
        _ = answers.wait(key("c"), maxAge: second)
        answers.inheritedByFork()
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "1")
        #expect(found(answers.find(key("a"), maxAge: .nanosecond, now + second)) == "nothing")
        #expect(answers.count == 1)
    }

    @Test func theGreatestAgeOfAnyRequestCounts() {
        var answers = SharedAnswers()
        answers.served(answers.wait(key("a"), maxAge: second))
        answers.mayTake(second * 10)
        for index in 0..<100 { answer(&answers, "\(index)", "1", now + second * Int64(index)) }
        #expect(answers.answers == 11)
    }

    @Test func aForkedChildAfterABurstHasNothing() {
        var answers = SharedAnswers()
        let numbers = (0..<2_000).map { answers.sent(key("\($0)"), answerBy: .max) }
        for number in numbers.dropFirst() { answers.lost(number) }
        answers.inheritedByFork()
        #expect(answers.count == 0 && !answers.hasRequests)
        answer(&answers, "a", "1", now)
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "1")
    }

    @Test func answersFromBeforeASuspensionAreDropped() {
        var answers = SharedAnswers()
        answers.served(answers.wait(key("a"), maxAge: second * 60))
        answers.clockStoodStill(for: second * 5)
        answer(&answers, "a", "1", now)
        answer(&answers, "b", "2", now)
        // A thread was held up between the two readings of the clock.
        answers.clockStoodStill(for: second * 6 - .nanosecond)
        answers.clockStoodStill(for: second * 5)
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "1")
        let waiting = answers.sent(key("c"), answerBy: .max)
        answers.clockStoodStill(for: second * 6)
        #expect(found(answers.find(key("a"), maxAge: second, now)) == "nothing")
        #expect(answers.answers == 0 && answers.count == 1)
        #expect(found(answers.find(key("c"), maxAge: second, now)) == "in flight")
        Array("3".utf8).withUnsafeBytes { answers.answered(waiting, $0, now) }
        answers.clockStoodStill(for: second * 6)
        #expect(found(answers.find(key("c"), maxAge: second, now)) == "3")
    }

    @Test func anInstantBeforeTheAnswerMakesItNotYounger() {
        var answers = SharedAnswers()
        answer(&answers, "a", "1", now)
        guard case .answer(let found) = answers.find(key("a"), maxAge: .nanosecond, now - second) else {
            Issue.record("no answer")
            return
        }
        #expect(found.age(now - second) == .zero)
    }
}
