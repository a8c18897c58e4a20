import ArgumentParser
import Glibc

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "A record as comma-separated values.",
        discussion: "May run while `capdist record` does. The times of --since and --until are the market's.")
    @Argument(help: ArgumentHelp("Only these; else all.", valueName: "security"))
    var securities: [String] = []
    @Option(name: .customLong("from"), help: ArgumentHelp("The database.", valueName: "file"))
    var path: String
    @Option(
        help: ArgumentHelp("From this update time on, such as 2026-11-30 or \"2026-11-30 10:00\".", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Before this update time.", valueName: "time"))
    var until: String?
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("A file instead of the standard output.", valueName: "file"))
    var output: String?

    func run() throws {
        try ending {
            let database = try FlowStore.reading(path)
            var wanted: [String?] = []
            for text in securities {
                guard let security = Security(text) else {
                    throw Failure.usage("\(text) is no security, such as HK.00700")
                }
                wanted.append(security.name)
            }
            var rows = 0
            var buffer = ""
            let stream: Stream
            let partial = output.map { "\($0).\(getpid()).tmp" }
            if let partial {
                let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
                guard descriptor >= 0 else {
                    throw Failure.file("\(partial) can not be written: \(String(cString: strerror(errno)))")
                }
                stream = Stream(descriptor: descriptor, name: output ?? "")
            } else {
                stream = .output
            }
            do {
                for name in wanted.isEmpty ? [nil] : wanted {
                    try RecordedRow.each(database, security: name, since: since, until: until) { recorded in
                        let row = recorded.row
                        if rows == 0 { buffer += row.csvHeading }
                        buffer += row.csv
                        rows += 1
                        if buffer.utf8.count > 60_000 {
                            try stream.write(buffer)
                            buffer = ""
                        }
                    }
                }
                try stream.write(buffer)
                if let partial, let output {
                    guard close(stream.descriptor) == 0, rename(partial, output) == 0 else {
                        throw Failure.file("\(output) can not be written: \(String(cString: strerror(errno)))")
                    }
                }
            } catch {
                if let partial { unlink(partial) }
                throw error
            }
            if rows == 0 { say("\(path) has no such rows") }
            return rows == 0 ? .refused : .done
        }
    }
}

/// One row of a record.
struct RecordedRow {
    let security: String
    let figures: Figures
    let recordedAt: Double
    let flags: [Bool]
    static let flagNames = ["smaller", "new_day", "reconnected", "revised"]

    var row: Row {
        var row = Row(security, figures)
        row.fields.append(("recorded_at", .number(recordedAt)))
        for (name, flag) in zip(RecordedRow.flagNames, flags) { row.fields.append((name, .flag(flag))) }
        return row
    }

    /// In the order of security and time; one row is held at a time.
    static func each(
        _ database: Database, security: String?, since: String?, until: String?, _ use: (RecordedRow) throws -> Void
    ) throws {
        let statement = try database.prepare(
            """
            SELECT security, update_time, update_timestamp, \(Figures.names.joined(separator: ", ")), recorded_at,
                \(flagNames.joined(separator: ", ")) FROM flows
            WHERE (?1 IS NULL OR security = ?1) AND moment >= ?2 AND (?3 IS NULL OR moment < ?3) ORDER BY security, moment
            """)
        statement.bind([.text(security), .text(since ?? ""), .text(until)])
        while try statement.step() {
            let figures = Figures(
                amounts: (3...10).map { statement.real($0) }, updateTime: statement.text(1),
                updateTimestamp: statement.real(2))
            try use(
                RecordedRow(
                    security: statement.text(0) ?? "", figures: figures, recordedAt: statement.real(11) ?? 0,
                    flags: (12...15).map { statement.number($0) != 0 }))
        }
    }
}
