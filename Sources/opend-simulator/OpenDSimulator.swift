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
            try serve(arguments)
            exit(0)
        } catch {
            put("opend-simulator: \(error.text)\n", to: STDERR_FILENO)
            exit(1)
        }
    }
}

/// Serves until a signal or the end of the input.
private func serve(_ arguments: Arguments) throws(SimulatorServer.Failure) {
    // Before anybody can know that it runs, and in every thread: one of them waits for the signals, so that no handler
    // has to do anything.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // Who reads the first line and no more must not end it by the next one.
    signal(SIGPIPE, SIG_IGN)

    let server = try SimulatorServer(
        arguments.configuration, host: arguments.host, port: arguments.port, websocketPort: arguments.websocketPort,
        tls: try tls(arguments), trace: try tracer(arguments.trace))
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

/// As whom the relay answers.
private func tls(_ arguments: Arguments) throws(SimulatorServer.Failure) -> TLSContext? {
    guard let certificate = arguments.certificate, let key = arguments.key else { return nil }
    do throws(TLSContext.Refusal) {
        return try TLSContext(certificate: certificate, key: key)
    } catch {
        throw SimulatorServer.Failure(text: "--tls-cert \(certificate), --tls-key \(key): \(error.text)")
    }
}

/// What writes the trace to where the command line says.
private func tracer(_ path: String?) throws(SimulatorServer.Failure) -> ((Trace) -> Void)? {
    guard let path else { return nil }
    let file = path == "-" ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SimulatorServer.Failure("can not write \(path)", errno) }
    return { put($0.line, to: file) }
}

/// Writes a text at once, so that a reader on a pipe sees it. What nobody reads any more is lost.
private func put(_ text: String, to file: Int32 = STDOUT_FILENO) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}
