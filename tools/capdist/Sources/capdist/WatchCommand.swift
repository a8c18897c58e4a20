import ArgumentParser
import Glibc

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "The figures again and again.",
        discussion: """
            A table that is kept up to date in a terminal, a line for each answer elsewhere. What is told is net: what came \
            in less what went out. A list longer than the gateway's quota is walked at the quota's pace. A gateway that \
            goes away is waited for.
            """)
    @OptionGroup var securities: SecurityArguments
    @OptionGroup var rounds: RoundOptions
    @OptionGroup var format: FormatOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        if format.json { throw ValidationError("watch has no end, and so no JSON document: use --ndjson") }
    }

    func run() throws {
        try ending {
            let (list, complete) = try securities.read()
            guard !list.isEmpty else { return .refused }
            let settings = try connection.settings()
            let rounds = try Rounds(list, settings, rounds)
            let terminal = Terminal(.output)
            let view: any RoundsDelegate
            if terminal.isTerminal, format.format == nil {
                view = LiveView(list, settings, self.rounds, format.units ?? .en, terminal, rounds)
            } else {
                view = LineView(list, format.format, format.units ?? .none, rounds)
            }
            view.resume()
            do {
                let end = try rounds.run(view)
                view.suspend()
                switch end {
                case .done: return complete ? rounds.ending : .worst([.refused, rounds.ending])
                case .signal(let signal): Loop.die(signal)
                case .readerGone: Loop.die(SIGPIPE)
                }
            } catch {
                view.suspend()
                throw error
            }
        }
    }
}

/// Prints a line for each answer.
private final class LineView: RoundsDelegate {
    private let list: [Security]
    private let format: Format?
    private let units: Units
    private let output = Stream.output
    private var progress: Progress
    private var hasHeading = false
    var isLive: Bool { progress.isDrawn }
    let watchesOutput = true

    init(_ list: [Security], _ format: Format?, _ units: Units, _ rounds: Rounds) {
        self.list = list
        self.format = format
        self.units = units
        progress = Progress(count: list.count, quota: rounds.quota, live: Terminal(.output).isTerminal)
    }

    func order(_ count: Int, round: Int) -> [Int] { Array(0..<count) }
    func resume() {}
    func suspend() { progress.clear() }

    func tell(_ text: String) {
        progress.clear()
        say(text)
    }

    func show(_ state: RoundState) {
        if state.nextAt == nil { progress.show(done: state.done, leftMs: state.leftMs) } else { progress.clear() }
    }

    func answered(_ index: Int, _ answer: Answer, connectedAt: Double) throws {
        progress.clear()
        let name = list[index].name
        guard let figures = answer.figures else {
            say("\(Terminal.harmless(name)): \(answer.text)")
            if format == .ndjson { try output.write(Row(name, answer).json + "\n") }
            return
        }
        let row = Row(name, figures)
        switch format {
        case .ndjson, .json: try output.write(row.json + "\n")
        case .csv:
            if !hasHeading { try output.write(row.csvHeading) }
            try output.write(row.csv)
        case nil:
            if !hasHeading {
                try output.write(line(["security", "update time"] + Group.allCases.map(\.name) + ["out share"]))
            }
            let decimals = Amount.decimals(figures.amounts)
            let nets = Group.allCases.map { Amount.text(figures.flow($0).net, units, decimals: decimals, sign: true) }
            let share = Amount.percent(figures.flow(.total).outShare)
            try output.write(
                line([Terminal.harmless(name), Terminal.harmless(figures.updateTime ?? "")] + nets + [share]))
        }
        hasHeading = true
    }

    private func line(_ cells: [String]) -> String {
        let widths = [10, 19] + Group.allCases.map { _ in units == .none ? 15 : 9 } + [9]
        return zip(cells, widths).enumerated()
            .map { Terminal.pad($1.0, $1.1, right: $0 > 1) }.joined(separator: "  ") + "\n"
    }
}
