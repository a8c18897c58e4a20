import Codec
import Glibc

/// Attempts to connect: reads the trusted certificates, finds the addresses of the gateway's host, and connects a
/// socket to one of them. Used by the thread that drives. Each function returns the result of a step.
final class Connector {
    enum Step {
        /// The attempt continues with an event of the poller.
        case waiting
        /// The application must look the name up.
        case askingApplication
        case connected(socket: Int32)
        case failed(Cause)
    }

    private let options: ConnectionOptions
    private let poller: Poller
    /// The attempt's deadline; nil if there is no attempt.
    private let attemptDeadline: () -> Instant?

    /// Whether the attempt waits for these. Work that takes longer than its attempt serves the next one.
    private var awaitsLookUp = false
    private var awaitsTrust = false
    private var lookUp: Helpers.Names.Ticket?
    private var trustWork: Helpers.Certificates.Ticket?
    /// The trusted certificates of this attempt, over TLS.
    private(set) var trusted: TLSContext?

    /// Addresses that this attempt has not tried yet, and the one that it is trying or is connected to.
    private var addresses: [Address] = []
    private var address: Address?
    /// The address that accepted the last connection, if its handshake failed. The next attempt begins with the address
    /// after it.
    private var passedOver: Address?
    /// The socket that is being connected; -1: none.
    private var socket: Int32 = -1
    /// When the next address is tried.
    private(set) var addressDeadline = Instant.max

    init(_ options: ConnectionOptions, _ poller: Poller, attemptDeadline: @escaping () -> Instant?) {
        self.options = options
        self.poller = poller
        self.attemptDeadline = attemptDeadline
    }

    /// What tells the gateway that it is connected to from others: the address and, over WebSocket, the server name,
    /// since one address may serve several.
    var gateway: [UInt8] {
        let address = address?.bytes ?? []
        guard options.behaviour.transport != .tcp else { return address + [0] }
        return address + [1] + (options.serverName ?? options.host).asciiLowercased.utf8 + [0]
    }

    /// Whether `progressed` must be called when the socket is ready.
    var isConnecting: Bool { socket >= 0 }

    // MARK: - An attempt

    func begin() -> Step {
        guard let trust = options.tls else { return resolve() }
        if let context = TLSContexts.shared.made(trust) {
            trusted = context
            return resolve()
        }
        return awaitTrust(trust)
    }

    /// Ends the attempt, unless its socket was handed over.
    func stop() {
        awaitsTrust = false
        awaitsLookUp = false
        addresses = []
        closeSocket()
    }

    /// The handshake succeeded.
    func stood() { passedOver = nil }

    /// Nobody waits any more for work that is still in progress.
    func abandonHelpers() {
        if let trustWork { Helpers.certificates.abandon(trustWork) }
        if let lookUp { Helpers.names.abandon(lookUp) }
        trustWork = nil
        lookUp = nil
    }

    // MARK: - Over TLS: certificates, which another thread reads before the first attempt that needs them

    private func awaitTrust(_ trust: TLSTrust) -> Step {
        awaitsTrust = true
        if trustWork == nil {
            trustWork = Helpers.certificates.ask(Self.key(of: trust), poller) {
                defer { Crypto.leaveThread() }
                return TLSContexts.shared.make(trust)
            }
        }
        if trustWork != nil { return .waiting }
        return .failed(Self.tlsFailed(Texts.noTrustThread(SystemError(code: errno).text)))
    }

    private static func key(of trust: TLSTrust) -> String {
        switch trust {
        case .system: ""
        case .anybody: "*"
        case .file(let path): "/\(path)"
        }
    }

    private static func tlsFailed(_ text: String, isFinal: Bool = false) -> Cause {
        Cause(.tlsFailed, .initConnect, Cause.InitConnectCode.unknown, text, isFinal: isFinal)
    }

    /// The poller was woken: the certificates may have been read.
    func goOnWithTrust() -> Step {
        guard let result = trustWork.flatMap({ Helpers.certificates.take($0) }) else { return .waiting }
        trustWork = nil
        guard awaitsTrust else { return .waiting }
        awaitsTrust = false
        switch result {
        case .success(let context):
            trusted = context
            return resolve()
        case .failure(let refusal):
            return .failed(Self.tlsFailed(Texts.trustUnusable(refusal.text), isFinal: true))
        }
    }

    // MARK: - From the name to addresses

    private func resolve() -> Step {
        if let addresses = Resolver.inPlace(options.host, options.port) { return connect(to: addresses) }
        awaitsLookUp = true
        if options.callbacks.onResolve != nil { return .askingApplication }
        let host = options.host
        if lookUp == nil {
            lookUp = Helpers.names.ask(host.asciiLowercased, poller) { Resolver.lookUp(host, 0) }
        }
        if lookUp != nil { return .waiting }
        let error = SystemError(code: errno)
        return .failed(Cause(.connectFailed, .nameNotFound, error.code, Texts.noLookUp(host, error.text)))
    }

    /// The poller was woken: the name may have been looked up.
    /// - Parameter answer: the application's answer, if there is one.
    func goOnWithLookUp(_ answer: Result<[Address], LookUpFailure>?) -> Step {
        var result = answer
        if let found = lookUp.flatMap({ Helpers.names.take($0) }) {
            lookUp = nil
            result = found
        }
        guard let result, awaitsLookUp else { return .waiting }
        awaitsLookUp = false
        switch result {
        case .success(let addresses): return connect(to: addresses.map { $0.at(options.port) })
        case .failure(let failure):
            let text = Texts.nameNotFound(options.host, failure.text)
            return .failed(Cause(.connectFailed, .nameNotFound, abs(failure.code), text))
        }
    }

    // MARK: - From addresses to a socket

    /// Begins after the address whose last handshake failed, so that all addresses are tried.
    private func connect(to addresses: [Address]) -> Step {
        self.addresses = addresses
        if let last = passedOver, let place = addresses.firstIndex(where: { $0.isTheSame(as: last) }) {
            self.addresses = Array(addresses[(place + 1)...] + addresses[...place])
        }
        return connectToNext()
    }

    /// Tries the addresses one after the other, each for its share of the time.
    private func connectToNext() -> Step {
        while !addresses.isEmpty {
            let address = addresses.removeFirst()
            self.address = address
            let made: Int32
            switch poller.openSocket(address.family) {
            case .success(let socket): made = socket
            case .failure(let error):
                // A machine without IPv6 cannot make such a socket. Other addresses may work.
                if !addresses.isEmpty { continue }
                return .failed(Cause(.connectFailed, .create, error.code, Texts.noSocket(error.text)))
            }
            if case .failed(let code) = Socket.connect(made, to: address) {
                poller.closeSocket()
                if addresses.isEmpty { return .failed(cause(code)) }
                continue
            }
            guard poller.add(made, forWriting: true) else {
                let error = SystemError(code: errno)
                poller.closeSocket()
                return .failed(Cause(.connectFailed, .select, error.code, Texts.notPolled(error.text)))
            }
            socket = made
            addressDeadline = shareOfTime(others: addresses.count)
            // If it is connected already, the poller reports the socket as writable.
            break
        }
        return .waiting
    }

    /// When the address that is being tried is given up for the next one.
    private func shareOfTime(others: Int) -> Instant {
        guard others > 0, let deadline = attemptDeadline() else { return .max }
        let now = Clock.now()
        return now + max(deadline - now, .zero) / Int64(others + 1)
    }

    /// The poller reports the socket.
    func progressed() -> Step {
        switch Socket.finishConnect(socket) {
        case .pending: return .waiting
        case .failed(let code): return failed(code)
        case .done:
            let connected = socket
            socket = -1
            addressDeadline = .max
            addresses = []
            // Until its handshake succeeds.
            passedOver = address
            poller.change(connected, forWriting: false)
            return .connected(socket: connected)
        }
    }

    /// The timer was due.
    func tick(_ now: Instant) -> Step { now >= addressDeadline ? failed(ETIMEDOUT) : .waiting }

    private func failed(_ code: Int32) -> Step {
        closeSocket()
        return addresses.isEmpty ? .failed(cause(code)) : connectToNext()
    }

    private func closeSocket() {
        addressDeadline = .max
        guard socket >= 0 else { return }
        socket = -1
        poller.closeSocket()
    }

    private func cause(_ code: Int32) -> Cause {
        let text =
            switch code {
            case ECONNREFUSED: Texts.portRefused(options.behaviour.endpoint)
            case ETIMEDOUT: Texts.portSilent(options.behaviour.endpoint)
            default: "\(options.host): port \(options.port): \(SystemError(code: code).text)"
            }
        return Cause(.connectFailed, .connect, code, text)
    }
}
