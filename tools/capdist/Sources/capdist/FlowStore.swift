import CSQLite
import Glibc

/// The record: a database, whose schema is in docs/capdist.md.
struct FlowStore {
    /// "cpds": identifies our databases, also for `file`.
    private static let applicationID: Int64 = 0x6370_6473
    private static let version: Int64 = 1

    private static let amounts = Figures.names.map { "    \($0) REAL,\n" }.joined()
    private static let schema = """
        CREATE TABLE flows (
            security TEXT NOT NULL,
            moment TEXT NOT NULL,
            update_time TEXT,
            update_timestamp REAL,
        \(amounts)    recorded_at REAL NOT NULL,
            smaller INTEGER NOT NULL DEFAULT 0,
            new_day INTEGER NOT NULL DEFAULT 0,
            reconnected INTEGER NOT NULL DEFAULT 0,
            revised INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (security, moment)
        );
        CREATE TABLE checks (
            security TEXT NOT NULL PRIMARY KEY,
            checked_at REAL NOT NULL,
            moment TEXT,
            error TEXT
        );
        CREATE VIEW net_flows AS SELECT security, moment, update_time, update_timestamp,
            capital_in_super + capital_in_big - (capital_out_super + capital_out_big) AS main_net,
            capital_in_mid + capital_in_small - (capital_out_mid + capital_out_small) AS retail_net,
            capital_in_super + capital_in_big + capital_in_mid + capital_in_small
                - (capital_out_super + capital_out_big + capital_out_mid + capital_out_small) AS total_net
            FROM flows;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """

    let database: Database
    private let last: Statement
    private let put: Statement
    private let check: Statement

    /// Opens the record, or creates one.
    static func recording(_ path: String) throws(Failure) -> FlowStore {
        let database = try Database(path, readOnly: false)
        let objects = try database.number("SELECT count(*) FROM sqlite_master")
        let owner = try database.number("PRAGMA application_id")
        if objects == 0, owner == 0 {
            try database.run("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE")
            // Another process may have created it meanwhile.
            if try database.number("PRAGMA application_id") == 0 { try database.run(schema) }
            try database.run("COMMIT")
        }
        try validate(database)
        // If the process is killed, no committed row is lost. If the machine loses power, the last rows may be.
        try database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        return try FlowStore(database)
    }

    /// Opens a record for reading.
    static func reading(_ path: String) throws(Failure) -> Database {
        guard Files.exist(path) else { throw .file("\(path): there is no such file") }
        let database = try Database(path, readOnly: true)
        try validate(database)
        return database
    }

    private static func validate(_ database: Database) throws(Failure) {
        guard try database.number("PRAGMA application_id") == applicationID else {
            throw .file("\(database.path) is a database of another program: name another file")
        }
        let told = try database.number("PRAGMA user_version")
        guard told == version else {
            throw .file(
                "\(database.path) was made by a newer capdist (its schema is \(told), this one knows \(version))")
        }
    }

    private init(_ database: Database) throws(Failure) {
        self.database = database
        let columns = Figures.names.joined(separator: ", ")
        last = try database.prepare(
            """
            SELECT moment, \(columns), recorded_at FROM flows
            WHERE security = ?1 AND moment <= ?2 ORDER BY moment DESC LIMIT 1
            """)
        put = try database.prepare(
            """
            INSERT INTO flows (security, moment, update_time, update_timestamp, \(columns), recorded_at,
                smaller, new_day, reconnected, revised)
            VALUES (\((1...17).map { "?\($0)" }.joined(separator: ", ")))
            ON CONFLICT (security, moment) DO UPDATE SET
                \(Figures.names.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")),
                recorded_at = excluded.recorded_at, update_timestamp = excluded.update_timestamp,
                smaller = max(smaller, excluded.smaller), reconnected = max(reconnected, excluded.reconnected), revised = 1
            """)
        check = try database.prepare(
            """
            INSERT INTO checks (security, checked_at, moment, error) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (security) DO UPDATE SET checked_at = excluded.checked_at,
                moment = coalesce(excluded.moment, moment), error = excluded.error
            """)
    }

    /// What `store` did.
    enum Stored {
        case new, known, revised
    }

    /// Stores figures, inside the caller's transaction. `time` and `connectedAt`, when the current connection was
    /// established, are Unix seconds.
    func store(
        _ security: String, _ figures: Figures, at time: Double, connectedAt: Double
    ) throws(Failure) -> Stored {
        // Without an update time, the time of recording is part of the key.
        let moment = figures.updateTime ?? Clock.text(time)
        last.bind([.text(security), .text(figures.updateTime == nil ? "~" : moment)])
        var before: [Double?]?
        var momentBefore = ""
        var recordedBefore = Double.infinity
        if try last.step() {
            momentBefore = last.text(0) ?? ""
            before = (1...8).map { last.real($0) }
            recordedBefore = last.real(9) ?? .infinity
        }
        last.reset()
        try check.run([.text(security), .real(time), .text(moment), .text(nil)])
        if before == figures.amounts, momentBefore == moment || figures.updateTime == nil { return .known }
        let isSame = momentBefore == moment
        let newDay = momentBefore.prefix(10) != moment.prefix(10)
        // What came in between was not recorded as a row: a refusal, the same figures again, or another `record`.
        let reconnected = recordedBefore < connectedAt
        // Within a day the figures only increase.
        let smaller =
            !newDay
            && zip(before ?? [], figures.amounts).contains { old, new in
                if let old, let new { new < old } else { false }
            }
        var values: [Statement.Binding] = [
            .text(security), .text(moment), .text(figures.updateTime), .real(figures.updateTimestamp),
        ]
        values += figures.amounts.map { .real($0) }
        values.append(.real(time))
        values += [smaller, newDay, reconnected, false].map { .integer($0 ? 1 : 0) }
        try put.run(values)
        return isSame ? .revised : .new
    }

    /// Remembers that a security was requested without getting figures.
    func failed(_ security: String, _ why: String, at time: Double) throws(Failure) {
        try check.run([.text(security), .real(time), .text(nil), .text(why)])
    }

    /// When each security was last requested.
    func checkedAt() throws(Failure) -> [String: Double] {
        let statement = try database.prepare("SELECT security, checked_at FROM checks")
        var result: [String: Double] = [:]
        while try statement.step() {
            if let name = statement.text(0), let time = statement.real(1) { result[name] = time }
        }
        return result
    }
}

enum Clock {
    /// The time in Unix seconds.
    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A time such as "2026-11-30 06:00:00.000Z".
    static func text(_ seconds: Double) -> String {
        var whole = time_t(seconds.rounded(.down))
        var parts = tm()
        gmtime_r(&whole, &parts)
        func digits(_ number: Int32, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let milliseconds = Int32((seconds - seconds.rounded(.down)) * 1000)
        return "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2)) "
            + "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2)).\(digits(milliseconds, 3))Z"
    }
}
