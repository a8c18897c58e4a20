import Codec
import Glibc

/// Over TLS: the certificates that are trusted, which are read before the first attempt that needs them, on a thread for
/// that.
extension Connection {
    /// Whether the attempt can go on at once; else `trustMade` does, or the attempt has failed.
    func isTrustMade() -> Bool {
        guard let trust = options.tls else { return true }
        if let context = TLSContexts.shared.made(trust) {
            input.pointee.trusted = context
            return true
        }
        input.pointee.awaitsTrust = true
        if input.pointee.trustWork != nil { return false }
        input.pointee.trustWork = Helpers.certificates.ask(Self.key(of: trust), poller) {
            defer { Self.leaveHelper() }
            return TLSContexts.shared.make(trust)
        }
        if input.pointee.trustWork == nil {
            let error = SystemError(code: errno)
            attemptFailed(
                Cause(
                    .tlsFailed, .initConnect, Cause.InitConnectCode.unknown,
                    Texts.noTrustThread(error.text)))
        }
        return false
    }

    func takeTrust() -> Result<TLSContext, TLSContext.TrustError>? {
        input.pointee.trustWork.flatMap { Helpers.certificates.take($0) }
    }

    private static func key(of trust: TLSTrust) -> String {
        switch trust {
        case .system: ""
        case .anybody: "*"
        case .file(let path): "/\(path)"
        }
    }

    /// At the end of what a helper's thread did with OpenSSL.
    private static func leaveHelper() {
        if Crypto.leaveThread() { return }
        // The process exits, and the thread must not end (see there).
        while true { Glibc.pause() }
    }

    func trustMade(_ result: Result<TLSContext, TLSContext.TrustError>) {
        input.pointee.trustWork = nil
        guard input.pointee.awaitsTrust else { return }
        input.pointee.awaitsTrust = false
        switch result {
        case .success(let context):
            input.pointee.trusted = context
            resolve()
        case .failure(let refusal):
            attemptFailed(
                Cause(
                    .tlsFailed, .initConnect, Cause.InitConnectCode.unknown,
                    Texts.trustUnusable(refusal.text), isFinal: true))
        }
    }

    /// Nobody waits for what is still under way.
    func abandonHelpers() {
        if let ticket = input.pointee.trustWork { Helpers.certificates.abandon(ticket) }
        if let ticket = input.pointee.lookUp { Helpers.names.abandon(ticket) }
        input.pointee.trustWork = nil
        input.pointee.lookUp = nil
    }
}
