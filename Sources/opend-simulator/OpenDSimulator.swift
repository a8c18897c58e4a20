import Codec
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
            case .version: put("\(Arguments.version)\n")
            case .wrong(let text):
                put("opend-simulator: \(text)\n", to: STDERR_FILENO)
                exit(2)
            }
            exit(0)
        }
        do throws(SimulatorServer.Failure) {
            exit(try serve(arguments))
        } catch {
            put("opend-simulator: \(error.text)\n", to: STDERR_FILENO)
            exit(1)
        }
    }
}

/// Serves until a signal, or the end of the standard input.
/// - Returns: the exit status.
private func serve(_ arguments: Arguments) throws(SimulatorServer.Failure) -> Int32 {
    // Blocked before the first line is printed, and in every thread: one thread waits for the signals, so that no
    // handler is needed.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A reader may close the pipe after the first line. Writing the next one must not end the program.
    signal(SIGPIPE, SIG_IGN)

    var configuration = arguments.configuration
    configuration.recording = try recording(arguments.replay)
    let recorder = try arguments.record.map { (path) throws(SimulatorServer.Failure) in try Recorder(path) }
    let observers = Gateway.Observers(
        trace: try tracer(arguments.trace), record: recorder.map { recorder in { recorder.write($0) } },
        notRecorded: { put("opend-simulator: the recording has no answer to \($0)\n", to: STDERR_FILENO) })
    let server = try SimulatorServer(
        configuration, host: arguments.host, port: arguments.port, websocketPort: arguments.websocketPort,
        tls: try tls(arguments), observers: observers)
    recorder?.onFailure = { server.stop() }
    guard let waiter = Thread({ [signals] in waitForSignal(signals, server) }) else {
        throw SimulatorServer.Failure("no thread", EAGAIN)
    }
    waiter.detach()
    if arguments.endsWithInput {
        guard let reader = Thread({ waitForEndOfInput(server) }) else {
            throw SimulatorServer.Failure("no thread", EAGAIN)
        }
        reader.detach()
    }
    put("listening \(server.address)\n" + (server.websocketAddress.map { "websocket \($0)\n" } ?? ""))
    server.run()
    if let failure = recorder?.failure { throw failure }
    return 0
}

private func recording(_ path: String?) throws(SimulatorServer.Failure) -> Recording? {
    guard let path else { return nil }
    do throws(RecordingFile.Refusal) {
        return try RecordingFile.read(path)
    } catch {
        throw SimulatorServer.Failure(text: "--replay: \(error.text)")
    }
}

private func waitForSignal(_ signals: sigset_t, _ server: SimulatorServer) {
    var signals = signals
    var signal: Int32 = 0
    while sigwait(&signals, &signal) != 0 {}
    server.stop()
}

private func waitForEndOfInput(_ server: SimulatorServer) {
    var byte: UInt8 = 0
    var count = 1
    while count > 0 || (count < 0 && errno == EINTR) { count = read(STDIN_FILENO, &byte, 1) }
    server.stop()
}

/// The bridge's certificate and key.
private func tls(_ arguments: Arguments) throws(SimulatorServer.Failure) -> TLSContext? {
    guard let certificate = arguments.certificate, let key = arguments.key else { return nil }
    do throws(TLSContext.TrustError) {
        return try TLSContext(certificate: certificate, key: key)
    } catch {
        throw SimulatorServer.Failure(text: "--tls-cert \(certificate), --tls-key \(key): \(error.text)")
    }
}

/// Writes the trace to the place that the command line names.
private func tracer(_ path: String?) throws(SimulatorServer.Failure) -> ((Trace) -> Void)? {
    guard let path else { return nil }
    let file = try opened(path, O_APPEND)
    return { put($0.line, to: file) }
}
