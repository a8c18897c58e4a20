import ArgumentParser
import CCapDist
import Glibc

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Keep the figures in a SQLite database.",
        discussion: """
            Goes on until it is ended, whatever the gateway does. Each figure is stored once, by security and update time. \
            May be ended at any moment, and goes on where it was. Others may read the database meanwhile.
            """)
    @OptionGroup var securities: SecurityArguments
    @OptionGroup var rounds: RoundOptions
    @Option(name: .customLong("to"), help: ArgumentHelp("The database; made where there is none.", valueName: "file"))
    var path: String
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() throws {
        try ending {
            let (list, complete) = try securities.read()
            guard !list.isEmpty else { return .refused }
            let settings = try connection.settings()
            let recorder = Recorder(list, try FlowStore.recording(path))
            let rounds = try Rounds(list, settings, rounds)
            recorder.progress = Progress(count: list.count, quota: rounds.quota, live: false)
            recorder.waitForOthers(path, rounds.loop)
            defer { recorder.suspend() }
            let end = try rounds.run(recorder)
            recorder.suspend()
            say("\(path): \(recorder.summary)")
            switch end {
            case .done: return complete ? rounds.ending : .worst([.refused, rounds.ending])
            case .signal(let signal): Loop.die(signal)
            case .readerGone: return .done
            }
        }
    }
}

/// Stores the answers of the rounds in the database.
private final class Recorder: RoundsDelegate {
    private let list: [Security]
    private let store: FlowStore
    var progress: Progress?
    private var counts: [FlowStore.Stored: Int] = [:]
    /// Refusals that were printed. A refusal is printed again when its text changes.
    private var told: [Int: String] = [:]
    var isLive: Bool { progress?.isDrawn ?? false }
    let watchesOutput = false

    init(_ list: [Security], _ store: FlowStore) {
        self.list = list
        self.store = store
    }

    var summary: String {
        "\(counts[.new] ?? 0) rows more, \(counts[.revised] ?? 0) revised, \(counts[.known] ?? 0) known before"
    }

    /// Waits without a limit while another program writes to the database. Signals are handled meanwhile.
    func waitForOthers(_ path: String, _ loop: Loop) {
        var since: Int64?
        var isTold = false
        var last: Int64 = 0
        store.database.waitForOthers { [self] in
            // A new wait begins if the last one is over.
            if now() - last > 1000 { (since, isTold) = (nil, false) }
            let begun = since ?? now()
            since = begun
            if !isTold, now() - begun > 2000 {
                isTold = true
                tell("\(path) is in use by another program, which is waited for")
            }
            loop.pause(milliseconds: 20) { say("\(path): \(summary)") }
            last = now()
        }
    }

    /// Continues an interrupted round: securities that were requested longest ago, or never, come first.
    func order(_ count: Int, round: Int) throws -> [Int] {
        guard round == 1 else { return Array(0..<count) }
        let times = try store.checkedAt()
        let keys = list.map { times[$0.name] ?? 0 }
        return (0..<count).sorted { (keys[$0], $0) < (keys[$1], $1) }
    }

    func answered(_ index: Int, _ answer: Answer, connectedAt: Double) throws {
        let name = list[index].name
        do throws(Failure) {
            // One transaction for each row: if the disk is full, all earlier rows are stored.
            try store.database.run("BEGIN IMMEDIATE")
            var stored: FlowStore.Stored?
            if let figures = answer.figures {
                stored = try store.store(name, figures, at: Clock.seconds(), connectedAt: connectedAt)
                told[index] = nil
            } else {
                try store.failed(name, answer.text, at: Clock.seconds())
                if told.updateValue(answer.text, forKey: index) != answer.text {
                    tell("\(Terminal.harmless(name)): \(answer.text)")
                }
            }
            try store.database.run("COMMIT")
            if let stored { counts[stored, default: 0] += 1 }
        } catch {
            if store.database.isInTransaction { try? store.database.run("ROLLBACK") }
            throw Failure(
                error.ending, "\(error.text). What was told of \(name) is not stored; all before it is (\(summary))")
        }
    }

    func tell(_ text: String) {
        progress?.clear()
        say(text)
    }

    func show(_ state: RoundState) {
        if state.nextAt == nil { progress?.show(done: state.done, leftMs: state.leftMs) } else { progress?.clear() }
    }

    func suspend() { progress?.clear() }
    func resume() {}
}
