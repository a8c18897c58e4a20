import ArgumentParser

/// The command's exit statuses. They are documented in docs/capdist.md and the manual.
enum Ending: Int32 {
    case done = 0
    case refused = 1
    case timedOut = 2
    case noGateway = 3
    case file = 4
    case usage = 64

    /// The most severe status, if several securities have different ones.
    static func worst(_ endings: some Sequence<Ending>) -> Ending {
        endings.filter { $0 != .usage }.max { $0.rawValue < $1.rawValue } ?? .done
    }
}

/// Why a command failed: a sentence for people, and the exit status.
struct Failure: Error {
    let ending: Ending
    let text: String

    init(_ ending: Ending, _ text: String) {
        self.ending = ending
        self.text = text
    }

    static func usage(_ text: String) -> Failure { Failure(.usage, text) }
    static func file(_ text: String) -> Failure { Failure(.file, text) }
}

/// Prints a sentence to the standard error.
func say(_ text: String) {
    Stream.error.writeIgnoringErrors("capdist: \(text)\n")
}

/// Runs a command's body. What it throws becomes a sentence and an exit status.
func ending(_ body: () throws -> Ending) throws {
    let result: Ending
    do {
        result = try body()
    } catch let failure as Failure {
        say(failure.text)
        result = failure.ending
    }
    if result != .done { throw ExitCode(result.rawValue) }
}
