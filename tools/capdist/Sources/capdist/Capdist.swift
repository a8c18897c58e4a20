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
        // The parent may have closed descriptors 0 to 2. Otherwise a socket or a file would get such a number, and be
        // written to.
        for (number, flags) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_RDONLY)] where fcntl(number, F_GETFD) < 0 {
            // Opened for the wrong direction, so that reading and writing fail, as on a closed descriptor.
            _ = open("/dev/null", flags)
        }
        // The default, whatever the parent has set: writing to a pipe without a reader ends the process.
        signal(SIGPIPE, SIG_DFL)
        // Exceeding the limit of a file's size is reported as an error, instead of ending the process.
        signal(SIGXFSZ, SIG_IGN)
        Terminal.setUp()
        main(nil)
    }
}
