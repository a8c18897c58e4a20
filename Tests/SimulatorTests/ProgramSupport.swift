import Foundation
import Glibc
import Testing

/// opend-simulator as a child process. Every wait has a limit. Foundation's Process passes on a descriptor of its own,
/// and is never freed.
final class Program {
    let pid: pid_t
    /// This side of its standard input, output and error; -1 once closed.
    private var ends: [Int32] = []
    private var waitStatus: Int32?

    init(_ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var theirs: [Int32] = []
        defer { for descriptor in theirs { close(descriptor) } }
        for descriptor in Int32(0)...2 {
            // Sockets, which are close-on-exec from the start: no other child may hold an input open.
            var pair: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
            ends.append(pair[0])
            theirs.append(pair[1])
            posix_spawn_file_actions_adddup2(&actions, pair[1], descriptor)
        }
        // It is in the folder of the program that runs the tests.
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let path = folder.appending(path: "opend-simulator").path
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, path, &actions, nil, &words, environ)
        try #require(error == 0, "\(path): \(String(cString: strerror(error)))")
        self.pid = pid
    }

    deinit {
        for end in ends where end >= 0 { close(end) }
        guard waitStatus == nil, pid > 0 else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }

    /// The next line of the standard output, without its newline.
    func line() throws -> String { try read(1, until: UInt8(ascii: "\n")) }

    func closeInput() { closeEnd(0) }

    func closeOutput() { closeEnd(1) }

    private func closeEnd(_ index: Int) {
        if ends[index] >= 0 { close(ends[index]) }
        ends[index] = -1
    }

    /// Waits for its end. Returns its status and the rest of its output.
    func ended() throws -> (status: Int32, output: String, errors: String) {
        let output = try read(1)
        let errors = try read(2)
        return (try status(), output, errors)
    }

    /// Waits for its end. Returns its exit status, or the signal that ended it as a negative number.
    func status() throws -> Int32 {
        let deadline = monotonicSeconds() + Double(patience)
        while waitStatus == nil {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
            try #require(monotonicSeconds() < deadline, "it does not end")
            usleep(2_000)
        }
        let status = waitStatus ?? 0
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    }

    /// Reads byte by byte until `end`, or until the end of its output.
    private func read(_ index: Int, until end: UInt8? = nil) throws -> String {
        var bytes: [UInt8] = []
        while true {
            var polled = pollfd(fd: ends[index], events: Int16(POLLIN), revents: 0)
            try #require(poll(&polled, 1, Int32(patience) * 1000) == 1, "it says no more")
            var byte: UInt8 = 0
            if Glibc.read(polled.fd, &byte, 1) < 1 || byte == end { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }
}

/// Runs the program on a port that the system picks, and `body` with that port. Then it must end with status 0.
func withProgram(_ arguments: String..., body: (Program, UInt16) throws -> Void) throws {
    let program = try Program(["--port", "0", "--end-with-input"] + arguments)
    let line = try program.line()
    let listening = try #require(line.wholeMatch(of: /listening (127\.0\.0\.1|\[::1\]):(\d+)/), "it said \(line)")
    try body(program, try #require(UInt16(listening.2)))
    program.closeInput()
    let status = try program.status()
    #expect(status == 0)
}
