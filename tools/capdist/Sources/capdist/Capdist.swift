import ArgumentParser
import CCapDist
import Glibc

@main
struct Capdist: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capdist",
        abstract: "Who put money into a stock today and who took it out, by order size, from a local OpenD.",
        discussion: """
            Exit status: 0, all figures came; 1, some were refused or a code is unknown; 2, no answer came in time; 3, the \
            gateway cannot be reached; 4, a file, a database or the output cannot be read or written; 64, wrong usage or \
            settings. What a signal ends is ended by that signal.
            """,
        version: "capdist \(String(cString: capdist_version()))",
        subcommands: [
            GetCommand.self, WatchCommand.self, RecordCommand.self, ExportCommand.self, ChartCommand.self,
            DoctorCommand.self,
        ])

    static func main() {
        // Who started this may have closed them: no socket and no file gets a number that is written to as another.
        for (number, flags) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_RDONLY)] where fcntl(number, F_GETFD) < 0 {
            // Opened the wrong way round: reading and writing fail, as on what is closed.
            _ = open("/dev/null", flags)
        }
        // The default, whoever started this: what writes to a pipe that nobody reads is to end.
        signal(SIGPIPE, SIG_DFL)
        // A file that may not grow is an error to be told, and no reason to be killed.
        signal(SIGXFSZ, SIG_IGN)
        Terminal.setUp()
        main(nil)
    }
}
