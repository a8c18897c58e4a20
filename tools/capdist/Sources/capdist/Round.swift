import CCapDist

/// How often a request is repeated.
enum Patience {
    /// A limited number of times, for a user who waits.
    case some
    /// Until the gateway has answered about the security.
    case all
}

/// The state of one round through a list: what to request, what is in flight, what to repeat. A pure value.
struct Walk {
    private var waiting: [Int]
    private var next = 0
    private(set) var underWay = 0
    private(set) var done = 0
    private var tries: [Int: Int] = [:]
    private var again: [(at: Int64, index: Int)] = []
    /// Most requests in flight, limited by the quota.
    private let width: Int
    private let patience: Patience
    let count: Int

    init(_ order: [Int], width: Int, patience: Patience) {
        waiting = order
        count = order.count
        self.width = max(1, width)
        self.patience = patience
    }

    var isOver: Bool { done == count }
    /// Requests that are not in the library's hands yet, repetitions included.
    var notAsked: Int { count - done - underWay }
    /// When the next repetition is due.
    var wakeAt: Int64? { again.map(\.at).min() }

    /// The index of the next security to request; nil if none is to be requested now.
    mutating func ask(at now: Int64) -> Int? {
        guard underWay < width else { return nil }
        if let place = again.firstIndex(where: { $0.at <= now }) {
            underWay += 1
            return again.remove(at: place).index
        }
        guard next < waiting.count else { return nil }
        defer { next += 1 }
        underWay += 1
        return waiting[next]
    }

    /// Whether this answer is final. If not, the request is repeated.
    mutating func answered(_ answer: Answer, at now: Int64) -> Bool {
        underWay -= 1
        let tried = tries[answer.index, default: 0] + 1
        let limit: Int
        switch patience {
        // For a lost gateway, the owner of the connection decides whether to try again.
        case .some: limit = answer.ending == .noGateway ? .max : answer.mayPass ? 20 : 1
        case .all: limit = answer.mayPass ? .max : answer.ending == .timedOut ? 3 : 1
        }
        guard answer.status != CAPDIST_OK, tried < limit else {
            tries[answer.index] = nil
            done += 1
            return true
        }
        tries[answer.index] = tried
        // The library itself waits for the gate and for the gateway. This pause is for requests that fail at once.
        again.append((now + min(5000, 50 << min(Int64(tried), 7)), answer.index))
        return false
    }
}

extension capdist_quota {
    /// The time until that many more requests are sent, after those that wait for a slot already.
    func leftMs(notAsked: Int) -> Int {
        let rest = notAsked + Int(waiting)
        guard limit > 0, rest > 0 else { return 0 }
        // If requests in flight use every slot, it is at most a window, unless answers are slow.
        let next = next_slot_ms < 0 ? window_ms : next_slot_ms
        return Int(next) + (rest - 1) / Int(limit) * Int(window_ms)
    }
}

/// The progress of a long list, as a line on the standard error.
struct Progress {
    private let terminal = Terminal(.error)
    private let shown: Bool
    /// Whether the line is shown, and overwritten each time.
    var isDrawn: Bool { shown && terminal.isTerminal }
    private var lineIsShown = false
    private let pace: (limit: Int, windowMs: Int)
    private let count: Int

    /// `live`: another part of the program writes to the terminal.
    init(count: Int, quota: capdist_quota, live: Bool) {
        self.count = count
        pace = (Int(quota.limit), Int(quota.window_ms))
        shown = pace.limit > 0 && count > pace.limit && !live
        if shown, !terminal.isTerminal {
            say(
                "\(count) securities at \(pace.limit) in \(pace.windowMs / 1000) s: a round takes about \(Progress.time(wholeMs))"
            )
        }
    }

    /// The time that the quota needs for that many requests. A request is sent one window after the one `limit` before
    /// it.
    private func takes(_ requests: Int) -> Int {
        pace.limit > 0 && requests > 0 ? (requests - 1) / pace.limit * pace.windowMs : 0
    }

    var wholeMs: Int { takes(count) }

    /// The text of the line. Also used by the live table.
    func text(done: Int, leftMs: Int, columns: Int) -> String {
        let told = " \(done)/\(count), \(Progress.time(leftMs)) left"
        let room = min(40, columns - told.utf8.count - 3)
        guard room > 4 else { return told }
        let full = count > 0 ? done * room / count : room
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: room - full) + "]" + told
    }

    mutating func show(done: Int, leftMs: Int) {
        guard isDrawn else { return }
        Stream.error.writeIgnoringErrors(
            "\r" + text(done: done, leftMs: leftMs, columns: terminal.size.columns) + "\u{1B}[K")
        lineIsShown = true
    }

    mutating func clear() {
        guard lineIsShown else { return }
        Stream.error.writeIgnoringErrors("\r\u{1B}[K")
        lineIsShown = false
    }

    /// "50 s", "1 min 40 s", "1 h 5 min".
    static func time(_ milliseconds: Int) -> String {
        let seconds = (milliseconds + 999) / 1000
        if seconds < 60 { return "\(seconds) s" }
        let minutes = seconds / 60
        if minutes < 60 { return seconds % 60 == 0 ? "\(minutes) min" : "\(minutes) min \(seconds % 60) s" }
        return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
    }
}
