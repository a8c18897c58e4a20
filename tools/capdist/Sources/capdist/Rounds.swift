import ArgumentParser
import CCapDist

/// A duration as people write it: 500ms, 60s, 5m, 1h.
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

/// Options of commands that repeat their requests.
struct RoundOptions: ParsableArguments {
    @Option(help: ArgumentHelp("From the beginning of a round to the next: 500ms, 60s, 5m, 1h.", valueName: "time"))
    var every = Interval(milliseconds: 60_000)
    @Option(help: ArgumentHelp("End after so many rounds; else it goes on until it is ended.", valueName: "number"))
    var rounds: Int?

    func validate() throws {
        if let rounds, rounds < 1 { throw ValidationError("--rounds must be at least 1") }
    }
}

/// The state of the rounds.
struct RoundState {
    var number = 0
    var done = 0
    /// The time until the round's last request is sent; computed only if it is shown.
    var leftMs = 0
    let count: Int
    /// When the next round begins, a time of `now()`; nil during a round.
    var nextAt: Int64?
}

/// Receives the answers of the rounds.
protocol RoundsDelegate: AnyObject {
    /// The indices of the list, in the order of the requests.
    func order(_ count: Int, round: Int) throws -> [Int]
    /// The final answer about one security. `connectedAt`: when the current connection was established, in Unix
    /// seconds.
    func answered(_ index: Int, _ answer: Answer, connectedAt: Double) throws
    /// A message about the gateway. Each comes once.
    func tell(_ text: String)
    /// Called after each step, and each second if the view is live.
    func show(_ state: RoundState) throws
    /// Restores the terminal before the process stops, and sets it up again afterwards.
    func suspend()
    func resume()
    var isLive: Bool { get }
    var watchesOutput: Bool { get }
}

/// Requests a list again and again, also across outages of the gateway.
final class Rounds {
    enum End {
        case done
        case signal(Int32)
        case readerGone
    }

    private let list: [Security]
    private let settings: Settings
    private let options: RoundOptions
    /// Also used by the streams that it writes to.
    let loop = Loop()
    private var gateway: Gateway
    private var state: RoundState
    private var endings: Set<Ending> = []
    /// When the current connection was established, in Unix seconds.
    private var connectedAt = 0.0
    private var isLost = false
    /// The messages of this outage that were printed, without their numbers.
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

    /// Waits for one event, and handles it.
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
            // The library has failed permanently, but the cause may pass, such as a gateway that waits for a code.
            isLost = true
            tellOnce(text, delegate)
            tryAgainAt = now() + 10_000
        case .raw: break
        }
    }

    /// Prints a message only once in an outage, and not for each attempt.
    private func tellOnce(_ text: String, _ delegate: RoundsDelegate) {
        guard told.insert(text.filter { !$0.isNumber }).inserted else { return }
        delegate.tell(Terminal.harmless(text))
    }
}
