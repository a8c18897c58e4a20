import ArgumentParser
import CCapDist

/// A length of time as people write it: 500ms, 60s, 5m, 1h.
struct Interval: ExpressibleByArgument {
    let milliseconds: Int64

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    init?(argument: String) {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        guard let (unit, size) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Int64(argument.dropLast(unit.utf8.count)), (1...1_000_000).contains(number)
        else { return nil }
        milliseconds = number * size
    }

    var defaultValueDescription: String { "\(milliseconds / 1000)s" }
}

/// Options of what goes on and on.
struct RoundOptions: ParsableArguments {
    @Option(help: ArgumentHelp("From the beginning of a round to the next: 500ms, 60s, 5m, 1h.", valueName: "time"))
    var every = Interval(milliseconds: 60_000)
    @Option(help: ArgumentHelp("End after so many rounds; else it goes on until it is ended.", valueName: "number"))
    var rounds: Int?

    func validate() throws {
        if let rounds, rounds < 1 { throw ValidationError("--rounds must be at least 1") }
    }
}

/// Where the rounds stand.
struct RoundState {
    var number = 0
    var done = 0
    /// Until the round's last is asked; only where somebody sees it.
    var leftMs = 0
    let count: Int
    /// A time of `now()`; nil while a round is under way.
    var nextAt: Int64?
}

/// Who uses what the rounds bring.
protocol RoundsDelegate: AnyObject {
    /// The places of the list, in the order to ask.
    func order(_ count: Int, round: Int) throws -> [Int]
    /// The last word on one security. `connectedAt`: since when there is this line, in Unix seconds.
    func answered(_ index: Int, _ answer: Answer, connectedAt: Double) throws
    /// Something about the gateway, once.
    func tell(_ text: String)
    /// After each step, and each second if it is live.
    func show(_ state: RoundState) throws
    /// Gives the terminal back, and takes it again.
    func suspend()
    func resume()
    var isLive: Bool { get }
    var watchesOutput: Bool { get }
}

/// Asks for a list again and again, whatever the gateway does meanwhile.
final class Rounds {
    enum End {
        case done
        case signal(Int32)
        case readerGone
    }

    private let list: [Security]
    private let settings: Settings
    private let options: RoundOptions
    /// What it writes to, too.
    let loop = Loop()
    private var gateway: Gateway
    private var state: RoundState
    private var endings: Set<Ending> = []
    /// Since when there is this line, in Unix seconds.
    private var connectedAt = 0.0
    private var isLost = false
    /// What was told of this outage, but for its numbers.
    private var told: Set<String> = []
    private var tryAgainAt: Int64?

    init(_ list: [Security], _ settings: Settings, _ options: RoundOptions) throws(Failure) {
        self.list = list
        self.settings = settings
        self.options = options
        gateway = try Gateway(settings, reconnect: true)
        state = RoundState(count: list.count)
    }

    var quota: capdist_quota { gateway.quota }
    var ending: Ending { Ending.worst(endings) }

    func run(_ delegate: RoundsDelegate) throws -> End {
        while state.number < options.rounds ?? .max {
            state.number += 1
            state.done = 0
            state.nextAt = nil
            let started = now()
            let limit = Int(gateway.quota.limit)
            let order = try delegate.order(list.count, round: state.number)
            var walk = Walk(order, width: limit > 0 ? limit : 256, patience: .all)
            while !walk.isOver {
                while let index = walk.ask(at: now()) { gateway.ask(list[index], index: index) }
                if delegate.isLive { state.leftMs = gateway.quota.leftMs(notAsked: walk.notAsked) }
                if let end = try step(
                    delegate, until: walk.wakeAt,
                    { [self] answer in
                        guard walk.answered(answer, at: now()) else { return }
                        state.done = walk.done
                        endings.insert(answer.ending)
                        try delegate.answered(answer.index, answer, connectedAt: connectedAt)
                    })
                {
                    return end
                }
            }
            guard state.number < options.rounds ?? .max else { break }
            let next = max(started + options.every.milliseconds, now())
            state.nextAt = next
            repeat {
                if let end = try step(delegate, until: next, { _ in }) { return end }
            } while now() < next
        }
        return .done
    }

    /// Waits for one thing and does what it asks for.
    private func step(_ delegate: RoundsDelegate, until time: Int64?, _ take: (Answer) throws -> Void) throws -> End? {
        try delegate.show(state)
        let tick = delegate.isLive ? now() + 1000 : nil
        let until = [time, tick, tryAgainAt].compactMap { $0 }.min()
        switch loop.wait(gateway.mailbox, until: until, watchingOutput: delegate.watchesOutput) {
        case .signal(let signal): return .signal(signal)
        case .readerGone: return .readerGone
        case .stopped:
            delegate.suspend()
            Loop.stop()
            delegate.resume()
        case .resized, .time: break
        case .mail:
            for item in gateway.mailbox.take() { try hear(item, delegate, take) }
        }
        if let time = tryAgainAt, time <= now() {
            tryAgainAt = nil
            gateway = try Gateway(settings, reconnect: true, mailbox: gateway.mailbox)
        }
        return nil
    }

    private func hear(_ item: Mail, _ delegate: RoundsDelegate, _ take: (Answer) throws -> Void) throws {
        switch item {
        case .answer(let answer): try take(answer)
        case .connected:
            connectedAt = Clock.seconds()
            if isLost || !told.isEmpty { delegate.tell("the gateway is there") }
            isLost = false
            told = []
        case .lost(let text):
            isLost = true
            tellOnce(text, delegate)
        case .warning(let text): tellOnce(text, delegate)
        case .failed(let text):
            // The library gives up on what may pass all the same, such as a gateway that waits for a code.
            isLost = true
            tellOnce(text, delegate)
            tryAgainAt = now() + 10_000
        case .raw: break
        }
    }

    /// An outage of an hour is one line, and not one for each attempt.
    private func tellOnce(_ text: String, _ delegate: RoundsDelegate) {
        guard told.insert(text.filter { !$0.isNumber }).inserted else { return }
        delegate.tell(Terminal.harmless(text))
    }
}
