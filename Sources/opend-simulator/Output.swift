import Glibc
import Simulator

/// Writes frames as lines. A recording with a gap would be worse than none, so a failed write ends the program.
final class Recorder {
    private let path: String
    private let file: Int32
    private(set) var failure: SimulatorServer.Failure?
    var onFailure: () -> Void = {}

    /// An older recording is overwritten.
    init(_ path: String) throws(SimulatorServer.Failure) {
        self.path = path
        // The file contains keys.
        file = try opened(path, O_TRUNC, mode: 0o600)
    }

    func write(_ frame: RecordedFrame) {
        guard failure == nil, !put(frame.line, to: file) else { return }
        failure = SimulatorServer.Failure("cannot write \(path)", errno)
        onFailure()
    }
}

/// A file to write to; "-" is the standard output.
/// - Parameter mode: the permissions of a new file.
func opened(_ path: String, _ flag: Int32, mode: mode_t = 0o644) throws(SimulatorServer.Failure) -> Int32 {
    let file = path == "-" ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | flag | O_CLOEXEC, mode)
    guard file >= 0 else { throw SimulatorServer.Failure("cannot write \(path)", errno) }
    return file
}

/// Writes a text at once, so that a reader on a pipe sees it.
/// - Returns: whether all of it was written; if not, `errno` tells why.
@discardableResult
func put(_ text: String, to file: Int32 = STDOUT_FILENO) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
    }
    return true
}
