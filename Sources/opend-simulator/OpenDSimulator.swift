import Glibc
import Simulator

@main
enum OpenDSimulator {
    static func main() {
        let arguments: Arguments
        do throws(Arguments.Request) {
            arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
        } catch {
            switch error {
            case .help: put(Arguments.help)
            case .version: put("1.0.0\n")
            case .wrong(let text):
                put("opend-simulator: \(text)\n", to: STDERR_FILENO)
                exit(2)
            }
            exit(0)
        }
        exit(serve(arguments))
    }
}

/// Serves until a signal or the end of the input.
private func serve(_ arguments: Arguments) -> Int32 {
    do {
        let server = try SimulatorServer(
            arguments.configuration, host: arguments.host, port: arguments.port, trace: try tracer(arguments.trace))
        put("listening \(server.address)\n")
        // Signals are taken by a thread that waits for them, so that no handler has to do anything.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        startThread {
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGTERM)
            sigaddset(&signals, SIGINT)
            var signal: Int32 = 0
            sigwait(&signals, &signal)
            server.stop()
        }
        if arguments.endsWithInput {
            startThread {
                var byte: UInt8 = 0
                while read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR {}
                server.stop()
            }
        }
        server.run()
        return 0
    } catch let failure as SimulatorServer.Failure {
        put("opend-simulator: \(failure.text)\n", to: STDERR_FILENO)
    } catch {
        put("opend-simulator: \(error)\n", to: STDERR_FILENO)
    }
    return 1
}

private func tracer(_ path: String?) throws -> ((Trace) -> Void)? {
    guard let path else { return nil }
    let file = path == "-" ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else {
        throw SimulatorServer.Failure(text: "\(path) can not be written: \(String(cString: strerror(errno)))")
    }
    return { put($0.line, to: file) }
}

/// Writes a text at once, so that a reader on a pipe sees it.
private func put(_ text: String, to file: Int32 = STDOUT_FILENO) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

/// A thread nobody waits for; it ends with the process.
private func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let error = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, start.toOpaque())
    if error == 0 { pthread_detach(thread) }
}
