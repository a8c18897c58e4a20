import CCapDist

/// Requests that take shared answers. They ask for a few securities again and again; every other request has a security
/// of its own.
struct Sharing {
    /// Its own, so that what else happens does not depend on it.
    private var chance: Chance
    /// Of four requests, so many take shared answers.
    private let share: Int
    private let longestAge: Int

    /// What a request of this kind asks for.
    struct Question {
        /// The security, a small number.
        var security: Int
        /// How old the answer may be.
        var maxAge: Int64
        var askedAt: Int64
    }

    init(seed: UInt64) {
        chance = Chance(seed: ~seed)
        share = chance.pick([0, 0, 1, 3, 4])
        longestAge = chance.pick([20, 2_000, 60_000])
    }

    /// nil: the next request is of the other kind.
    mutating func next(_ now: Int64) -> Question? {
        guard chance.pick(0...3) < share else { return nil }
        return Question(
            security: chance.pick(1...Self.securities),
            maxAge: chance.time(1...Int64(longestAge)) * World.millisecond, askedAt: now)
    }

    private static let securities = 6

    static func code(_ security: Int) -> String { String(security) }

    /// The security of this code, if it is one of these.
    static func security(_ code: String) -> Int? { Int(code).flatMap { (1...securities).contains($0) ? $0 : nil } }

    /// In place of a request's number, for those of a connection or a gateway that ask for a security.
    static func token(_ security: Int, of owner: Int) -> Int { -1 - owner * (securities + 1) - security }
}

extension Sharing.Question {
    /// A reply came that is another request's.
    func check(_ reply: capdist_reply, _ now: Int64) throws(Broken) {
        guard reply.was_sent == 0 else { throw Broken(promise: "a shared answer for a request that was sent") }
        guard reply.status == CAPDIST_OK || reply.status == CAPDIST_REFUSED else {
            throw Broken(promise: "a shared answer that is none: \(reply.status)")
        }
        let age = Int64(reply.age_ms) * World.millisecond
        guard age >= 0, age <= maxAge || age <= now - askedAt else {
            throw Broken(promise: "a shared answer of \(reply.age_ms) ms, older than it may be")
        }
    }
}
