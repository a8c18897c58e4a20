import CSQLite

/// A SQLite database: opening, statements, and errors as sentences.
final class Database {
    let path: String
    private let handle: OpaquePointer
    /// Called while another program has locked the database. If nil, a statement fails after ten seconds.
    private var pause: (() -> Void)?

    init(_ path: String, readOnly: Bool) throws(Failure) {
        self.path = path
        var handle: OpaquePointer?
        let flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let status = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK, let handle else {
            let text = Database.sentence(path, status, handle)
            sqlite3_close(handle)
            throw .file(text)
        }
        self.handle = handle
        // Another program may be writing: a reader's checkpoint, or a second recorder.
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit { sqlite3_close_v2(handle) }

    /// Waits without a limit while another program has locked the database. `pause` waits a little each time.
    func waitForOthers(_ pause: @escaping () -> Void) {
        self.pause = pause
        // `self` outlives the SQLite handle, so the pointer is valid whenever SQLite calls this.
        sqlite3_busy_handler(
            handle,
            { database, _ in
                guard let database else { return 0 }
                Unmanaged<Database>.fromOpaque(database).takeUnretainedValue().pause?()
                return 1
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func run(_ statements: String) throws(Failure) {
        let status = sqlite3_exec(handle, statements, nil, nil, nil)
        guard status == SQLITE_OK else { throw failure(status) }
    }

    func prepare(_ text: String) throws(Failure) -> Statement {
        var statement: OpaquePointer?
        let status = sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard status == SQLITE_OK, let statement else { throw failure(status) }
        return Statement(statement, self)
    }

    /// The first column of the first row of a query.
    func number(_ text: String) throws(Failure) -> Int64 {
        let statement = try prepare(text)
        return try statement.step() ? statement.number(0) : 0
    }

    /// False if an error has ended the transaction: SQLite rolls back by itself, for example on a full disk.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func failure(_ status: Int32) -> Failure { .file(Database.sentence(path, status, handle)) }

    private static func sentence(_ path: String, _ status: Int32, _ handle: OpaquePointer?) -> String {
        let told = String(cString: handle.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(status))
        switch status & 0xff {
        case SQLITE_FULL: return "\(path): the disk is full"
        case SQLITE_NOTADB: return "\(path) is no SQLite database"
        case SQLITE_CORRUPT: return "\(path) is damaged: \(told)"
        case SQLITE_CANTOPEN: return "\(path) cannot be opened: is there such a folder, and may you write there?"
        case SQLITE_READONLY: return "\(path) cannot be written: \(told)"
        case SQLITE_BUSY: return "\(path) is in use by another program that does not let go of it"
        case SQLITE_IOERR: return "\(path): reading or writing failed (\(told), error \(status)): is the disk full?"
        default: return "\(path): \(told)"
        }
    }
}

/// A prepared statement.
final class Statement {
    private let handle: OpaquePointer
    private let database: Database
    /// Tells SQLite to copy the value before the call returns.
    private static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    fileprivate init(_ handle: OpaquePointer, _ database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// Executes one step. Returns whether there is a row.
    func step() throws(Failure) -> Bool {
        let status = sqlite3_step(handle)
        guard status == SQLITE_ROW || status == SQLITE_DONE else {
            let failure = database.failure(status)
            sqlite3_reset(handle)
            throw failure
        }
        return status == SQLITE_ROW
    }

    /// Runs the statement with these values, to its end.
    func run(_ values: [Binding]) throws(Failure) {
        bind(values)
        defer { sqlite3_reset(handle) }
        while try step() {}
    }

    enum Binding {
        case text(String?)
        case real(Double?)
        case integer(Int64)
    }

    func bind(_ values: [Binding]) {
        sqlite3_reset(handle)
        for (place, value) in zip(Int32(1)..., values) {
            switch value {
            case .text(let text?): sqlite3_bind_text(handle, place, text, -1, Statement.transient)
            case .real(let number?): sqlite3_bind_double(handle, place, number)
            case .integer(let number): sqlite3_bind_int64(handle, place, number)
            case .text(nil), .real(nil): sqlite3_bind_null(handle, place)
            }
        }
    }

    func reset() { sqlite3_reset(handle) }
    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func real(_ column: Int32) -> Double? { isNull(column) ? nil : sqlite3_column_double(handle, column) }
    func text(_ column: Int32) -> String? { sqlite3_column_text(handle, column).map { String(cString: $0) } }
    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
}
