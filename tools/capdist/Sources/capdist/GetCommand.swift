import ArgumentParser
import CCapDist
import Glibc

func statusName(_ status: capdist_status) -> String { String(cString: capdist_status_name(status)) }

/// The format of the output.
struct FormatOptions: ParsableArguments {
    @Flag(help: "One JSON document.") var json = false
    @Flag(help: "A JSON object a line.") var ndjson = false
    @Flag(help: "Comma-separated values, with a heading.") var csv = false
    @Option(help: ArgumentHelp("none, en (K, M, B), zh (万, 亿), or one of K, M, B, 万, 亿.", valueName: "units"))
    var units: Units?

    func validate() throws {
        guard [json, ndjson, csv].count(where: { $0 }) <= 1 else {
            throw ValidationError("only one of --json, --ndjson and --csv")
        }
    }

    var format: Format? { json ? .json : ndjson ? .ndjson : csv ? .csv : nil }
}

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "The figures of today, once.",
        discussion: """
            A table of money that came in and went out by order size, with main money (super and big), retail (mid and \
            small) and the total. What the gateway does not tell is blank.
            """)
    @OptionGroup var securities: SecurityArguments
    @OptionGroup var format: FormatOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() throws {
        try ending {
            let (list, complete) = try securities.read()
            var endings: Set<Ending> = complete ? [] : [.refused]
            guard !list.isEmpty else { return .refused }
            var output = GetOutput(list, format)
            try output.begin()
            try fetch(list, try connection.settings()) { answer in
                endings.insert(answer.ending)
                try output.put(answer)
            }
            try output.end()
            return Ending.worst(endings)
        }
    }

    /// Requests the whole list. If the connection is lost, it connects again, as long as answers come.
    private func fetch(_ list: [Security], _ settings: Settings, _ take: (Answer) throws -> Void) throws {
        let loop = Loop(takingSignals: false)
        var gateway = try Gateway(settings, reconnect: false)
        let quota = gateway.quota
        var progress = Progress(count: list.count, quota: quota, live: false)
        defer { progress.clear() }
        var walk = Walk(
            Array(list.indices), width: quota.limit > 0 ? Int(quota.limit) : 256, patience: .some)
        var cameSinceConnected = 0
        var fruitless = 0
        var failed: String?
        var lost = ""
        while !walk.isOver {
            while let index = walk.ask(at: now()) { gateway.ask(list[index], index: index) }
            progress.show(done: walk.done, leftMs: progress.isDrawn ? gateway.quota.leftMs(notAsked: walk.notAsked) : 0)
            let tick = progress.isDrawn ? now() + 1000 : nil
            switch loop.wait(gateway.mailbox, until: [walk.wakeAt, tick].compactMap { $0 }.min()) {
            case .readerGone: Loop.die(SIGPIPE)
            case .signal, .stopped, .resized, .time: break
            case .mail:
                for item in gateway.mailbox.take() {
                    switch item {
                    case .failed(let text): failed = text
                    case .answer(let answer):
                        if answer.ending == .noGateway { lost = answer.text } else { cameSinceConnected += 1 }
                        guard walk.answered(answer, at: now()) else { continue }
                        progress.clear()
                        try take(answer)
                    default: break
                    }
                }
                guard !walk.isOver, gateway.info.state == CAPDIST_STATE_NOT_CONNECTED else { continue }
                if let failed { throw Failure(.noGateway, Terminal.harmless(failed)) }
                // A gateway that always drops the connection without an answer counts as absent.
                fruitless = cameSinceConnected > 0 ? 0 : fruitless + 1
                guard fruitless < 3 else { throw Failure(.noGateway, lost) }
                gateway = try Gateway(settings, reconnect: false, mailbox: gateway.mailbox)
                cameSinceConnected = 0
            }
        }
    }
}

/// Writes answers in the order of the list, each as soon as all before it have been written.
private struct GetOutput {
    private let list: [Security]
    private let format: Format?
    private let units: Units
    private let terminal = Terminal(.output)
    private var early: [Int: Answer] = [:]
    private var next = 0
    private var written = 0
    private var blocks = 0

    init(_ list: [Security], _ options: FormatOptions) {
        self.list = list
        format = options.format
        units = options.units ?? .none
    }

    func begin() throws {
        // The columns do not depend on the answers.
        if format == .csv {
            try Stream.output.write(Row("", .none).csvHeading)
        }
        if format == .json { try Stream.output.write("[") }
    }

    mutating func put(_ answer: Answer) throws {
        early[answer.index] = answer
        while let answer = early.removeValue(forKey: next) {
            let name = list[next].name
            next += 1
            if answer.figures == nil { say("\(Terminal.harmless(name)): \(answer.text)") }
            try Stream.output.write(text(name, answer))
        }
    }

    func end() throws {
        if format == .json { try Stream.output.write(written == 0 ? "]\n" : "\n]\n") }
    }

    private mutating func text(_ name: String, _ answer: Answer) -> String {
        let row = answer.figures.map { Row(name, $0) } ?? Row(name, answer)
        defer { written += 1 }
        switch format {
        case .json: return (written == 0 ? "\n  " : ",\n  ") + row.json
        case .ndjson: return row.json + "\n"
        case .csv: return answer.figures == nil ? "" : row.csv
        case nil:
            guard let figures = answer.figures else { return "" }
            defer { blocks += 1 }
            return (blocks == 0 ? "" : "\n") + Block(name, figures, units).text(terminal)
        }
    }
}
