import Testing
@testable import Core

@Suite struct QuotaGroupTests {
    @Test func withoutALimitNothingIsHeldBack() {
        var group = QuotaGroup(limit: 0, window: second)
        expect(group.isUnlimited && group.isIdle(0))
        for _ in 0..<1_000 { expect(group.reserve(1, 0)) }
        group.closeGate(0, for: nil)
        expect(group.reserve(1, 0) && group.used(0) == 0 && group.nextFree(5) == 5)
    }

    @Test func aRefusalClosesTheGateForWhatItNamesElseForAWindow() {
        var group = QuotaGroup(limit: 2, window: 30 * second)
        group.closeGate(0, for: 600 * second)
        expect(group.nextFree(0) == at(600 * second + 1))
        group = QuotaGroup(limit: 2, window: 30 * second)
        group.closeGate(0, for: nil)
        expect(group.nextFree(0) == at(30 * second + 1))
        expect(!group.reserve(1, at(30 * second)) && group.reserve(2, at(30 * second + 1)))
    }

    // MARK: - The first request of a group without an answer

    @Test func oneGoesFirstAndTheOthersWaitForItsEnd() {
        var group = QuotaGroup(limit: 5, window: second)
        expect(group.mustWait(0) == nil)
        let first = group.sent(answerBy: 100)
        expect(first != 0 && group.sent(answerBy: 100) == 0)
        expect(group.mustWait(99) == 100 && !group.takeWakeUp())
        group.firstEnded(first, isAnswered: true)
        // Members that wait are told that it is over.
        expect(group.takeWakeUp() && group.mustWait(99) == nil && group.sent(answerBy: 100) == 0)
    }

    @Test func aFirstRequestIsWaitedForNoLongerThanItsAnswerMayTake() {
        var group = QuotaGroup(limit: 5, window: second)
        let first = group.sent(answerBy: 100)
        expect(group.mustWait(100) == nil && group.sent(answerBy: 200) == 0)
        group.firstEnded(first, isAnswered: false)
        expect(group.sent(answerBy: 200) == 0)
    }

    @Test func oneThatTellsNothingIsFollowedByAnother() {
        var group = QuotaGroup(limit: 5, window: second)
        let first = group.sent(answerBy: 100)
        group.firstEnded(first, isAnswered: false)
        let next = group.sent(answerBy: 200)
        expect(next != 0 && next != first)
        // The old one no longer matters.
        group.firstEnded(first, isAnswered: true)
        expect(group.mustWait(1) == 200)
    }

    @Test func afterARefusalForFrequencyOneGoesFirstAgain() {
        var group = QuotaGroup(limit: 5, window: second)
        group.firstEnded(group.sent(answerBy: 100), isAnswered: true)
        group.closeGate(50, for: nil)
        expect(group.sent(answerBy: 300) != 0 && group.mustWait(60) == 300)
    }

    @Test func theParentsFirstRequestIsNoneOfTheChilds() {
        var group = QuotaGroup(limit: 5, window: second)
        _ = group.sent(answerBy: 100)
        group.inheritedByFork(10)
        expect(group.mustWait(10) == nil && group.sent(answerBy: 100) != 0)
    }

    @Test func withoutAQuotaNothingGoesFirst() {
        var group = QuotaGroup(limit: 0, window: second)
        expect(group.sent(answerBy: 100) == 0 && group.mustWait(0) == nil)
        group.adopt(limit: 5, window: second)
        expect(group.sent(answerBy: 100) != 0)
    }

    @Test func aLongListDoesNotStarveASingleRequest() {
        var group = QuotaGroup(limit: 2, window: second)
        group.setWaiting(1, 1_000)
        expect(group.reserve(1, 0) && group.reserve(1, 0))
        group.setWaiting(2, 1)
        group.confirm(0)
        group.confirm(0)
        let free = at(second + 1)
        // Two slots and two members that wait: each gets one, in any order.
        expect(group.reserve(1, free))
        expect(!group.reserve(1, free))
        expect(group.reserve(2, free))
    }

    @Test func whoDoesNotTakeItsTurnLosesIt() {
        var group = QuotaGroup(limit: 1, window: second)
        group.setWaiting(1, 1)
        group.setWaiting(2, 5)
        // It is the first member's turn, but that sleeps.
        expect(!group.reserve(2, 0))
        expect(group.nextTry(2, 0) == at(QuotaGroup.claimDuration))
        expect(!group.reserve(2, at(QuotaGroup.claimDuration - 1)))
        expect(group.reserve(2, at(QuotaGroup.claimDuration)))
        group.confirm(at(QuotaGroup.claimDuration))
        // It has lost its turn, and does not delay the others again.
        let free = at(QuotaGroup.claimDuration + second + 1)
        expect(group.reserve(1, free) || group.reserve(2, free))
    }

    @Test func whoNeverWaitedStandsBehindThoseWhoDo() {
        var group = QuotaGroup(limit: 2, window: second)
        group.setWaiting(1, 1)
        expect(group.reserve(9, 0))
        expect(!group.reserve(9, 0))
        expect(group.reserve(1, 0))
    }

    @Test func aFinishWakesThoseWhoCouldNotBeToldATime() {
        var group = QuotaGroup(limit: 1, window: second)
        expect(group.reserve(1, 0))
        group.setWaiting(2, 1)
        expect(group.nextTry(2, 0) == nil && !group.takeWakeUp())
        group.confirm(5)
        expect(group.takeWakeUp() && !group.takeWakeUp())
        expect(group.nextTry(2, 5) == at(second + 6))
    }

    @Test func aSlotGivenBackWakesThoseWhoWait() {
        var group = QuotaGroup(limit: 1, window: second)
        expect(group.reserve(1, 0))
        group.giveBack()
        expect(!group.takeWakeUp())
        expect(group.reserve(1, 0))
        group.setWaiting(2, 1)
        group.giveBack()
        expect(group.takeWakeUp() && group.reserve(2, 0))
    }

    @Test func whoStopsWaitingFreesThoseKeptBackForIt() {
        var group = QuotaGroup(limit: 1, window: second)
        group.setWaiting(1, 1)
        group.setWaiting(2, 1)
        expect(!group.reserve(2, 0))
        group.setWaiting(1, 0)
        expect(group.takeWakeUp() && group.reserve(2, 0))
    }

    @Test func waitingCountsTheRequestsOfAll() {
        var group = QuotaGroup(limit: 1, window: second)
        group.setWaiting(1, 3)
        group.setWaiting(2, 4)
        group.setWaiting(1, 2)
        expect(group.waiting == 6)
        group.setWaiting(2, 0)
        expect(group.waiting == 2)
    }

    @Test func aForkedChildCountsItsParentsRequestsFromTheFork() {
        var group = QuotaGroup(limit: 3, window: second)
        expect(group.reserve(1, 0) && group.reserve(1, 0))
        group.setWaiting(1, 7)
        group.inheritedByFork(10)
        expect(group.waiting == 0 && group.used(10) == 2)
        expect(group.reserve(5, 10) && !group.reserve(5, 10))
        expect(group.used(10 + second + 1) == 1)
    }

    @Test func newFiguresKeepTheHistory() {
        var group = QuotaGroup(limit: 2, window: second)
        expect(group.reserve(1, 0))
        group.confirm(0)
        group.adopt(limit: 1, window: 2 * second)
        expect(!group.reserve(1, at(2 * second)) && group.reserve(1, at(2 * second + 1)))
        group.adopt(limit: 0, window: second)
        expect(group.isUnlimited)
        // Switching the quota off for a while does not avoid it.
        let now = at(2 * second + 1)
        expect(!group.isIdle(now) && group.reserve(1, now))
        group.adopt(limit: 1, window: 2 * second)
        expect(!group.reserve(1, now))
    }

    /// A member that sleeps until the time it was given, or until it is woken, gets its slot in the end.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func nobodyWaitsForEver(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let limit = Int.random(in: 1...3, using: &random)
        let members: [QuotaGroup.Member] = Array(1...UInt64.random(in: 1...5, using: &random))
        var group = QuotaGroup(limit: limit, window: second)
        var waiting: [QuotaGroup.Member: Int] = [:]
        for member in members {
            waiting[member] = Int.random(in: 1...8, using: &random)
            group.setWaiting(member, waiting[member] ?? 0)
        }
        var wakeAt: [QuotaGroup.Member: Instant] = Dictionary(uniqueKeysWithValues: members.map { ($0, 0) })
        var finishes: [Instant] = []
        var now: Instant = 0
        for _ in 0..<10_000 where !waiting.isEmpty {
            guard let next = ([finishes.min()] + wakeAt.values.map { $0 }).compactMap({ $0 }).min() else { break }
            now = max(now, next)
            if let index = finishes.firstIndex(where: { $0 <= now }) {
                finishes.remove(at: index)
                group.confirm(now)
            }
            for member in members.shuffled(using: &random) where (wakeAt[member] ?? .max) <= now {
                wakeAt[member] = nil
                while let requests = waiting[member] {
                    guard group.reserve(member, now) else {
                        wakeAt[member] = group.nextTry(member, now)
                        break
                    }
                    finishes.append(now + .random(in: 1...second, using: &random))
                    waiting[member] = requests > 1 ? requests - 1 : nil
                    group.setWaiting(member, requests - 1)
                }
            }
            if group.takeWakeUp() { for member in waiting.keys { wakeAt[member] = now } }
        }
        expect(waiting.isEmpty, "seed \(seed): \(waiting) still wait")
    }
}
