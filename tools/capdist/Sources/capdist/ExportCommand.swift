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
    var since: Moment?
    @Option(help: ArgumentHelp("Before this update time.", valueName: "time"))
    var until: Moment?
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
            guard let output else {
                let rows = try write(wanted, of: database, to: .output)
                if rows == 0 { throw nothing }
                return .done
            }
            try OutputFile.write(to: output) { stream in
                // An existing file is not replaced by a heading alone.
                guard try write(wanted, of: database, to: stream) > 0 else { throw nothing }
            }
            return .done
        }
    }

    private var nothing: Failure { Failure(.refused, "\(path) has no such rows") }

    /// Writes the rows, and returns their number.
    private func write(_ wanted: [String?], of database: Database, to stream: Stream) throws -> Int {
        var rows = 0
        var buffer = RecordedRow.heading
        for name in wanted.isEmpty ? [nil] : wanted {
            try RecordedRow.each(database, security: name, since: since, until: until) { recorded in
                buffer += recorded.row.csv
                rows += 1
                if buffer.utf8.count > 60_000 {
                    try stream.write(buffer)
                    buffer = ""
                }
            }
        }
        try stream.write(buffer)
        return rows
    }
}

/// A time in the market's time zone, or the beginning of one: 2026, 2026-11-30, "2026-11-30 10:00". It has the record's
/// form, with which it is compared as text.
struct Moment: ExpressibleByArgument {
    let text: String

    init?(argument: String) {
        let template = Array("0000-00-00 00:00:00.000Z")
        let told = Array(argument).enumerated().map { $0 == 10 && $1 == "T" ? " " : $1 }
        func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
        guard (4...template.count).contains(told.count), let last = told.last, isDigit(last) || last == "Z",
            zip(told, template).allSatisfy({ $1 == "0" ? isDigit($0) : $0 == $1 })
        else { return nil }
        text = String(told)
    }
}

/// One row of a record.
struct RecordedRow {
    let security: String
    let figures: Figures
    let recordedAt: Double
    let flags: [Bool]
    static let flagNames = ["smaller", "new_day", "reconnected", "revised"]

    /// The columns are always the same.
    static var heading: String {
        RecordedRow(security: "", figures: .none, recordedAt: 0, flags: flagNames.map { _ in false }).row.csvHeading
    }

    var row: Row {
        var row = Row(security, figures)
        row.fields.append(("recorded_at", .number(recordedAt)))
        for (name, flag) in zip(RecordedRow.flagNames, flags) { row.fields.append((name, .flag(flag))) }
        return row
    }

    /// Calls `body` for each row, in the order of security and time. One row is in memory at a time.
    static func each(
        _ database: Database, security: String?, since: Moment?, until: Moment?, _ use: (RecordedRow) throws -> Void
    ) throws {
        let statement = try database.prepare(
            """
            SELECT security, update_time, update_timestamp, \(Figures.names.joined(separator: ", ")), recorded_at,
                \(flagNames.joined(separator: ", ")) FROM flows
            WHERE (?1 IS NULL OR security = ?1) AND moment >= ?2 AND (?3 IS NULL OR moment < ?3) ORDER BY security, moment
            """)
        statement.bind([.text(security), .text(since?.text ?? ""), .text(until?.text)])
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
