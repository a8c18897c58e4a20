import COpenSSL
import CSystem
import Glibc

/// OpenSSL in a library context of our own, with what we use fetched once. It is made by the first connection that needs it,
/// which one in clear never does. The process's default context is torn down by OpenSSL's atexit handler under threads that
/// still use it; this one is not, and lives as long as the process.
package struct Crypto: @unchecked Sendable {
    let context: OpaquePointer
    let aesECB: OpaquePointer
    let aesCBC: OpaquePointer

    /// nil if OpenSSL could not provide all of them.
    ///
    /// What OpenSSL sets up for the whole process at its first use is set up here, too, as far as both uses need it. It reads no
    /// configuration. If nobody used OpenSSL before, it installs no atexit handler.
    private init?() {
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG), nil)
        guard let context = OSSL_LIB_CTX_new() else { return nil }
        guard let aesECB = EVP_CIPHER_fetch(context, "AES-128-ECB", nil),
            let aesCBC = EVP_CIPHER_fetch(context, "AES-128-CBC", nil)
        else {
            OSSL_LIB_CTX_free(context)
            return nil
        }
        self.context = context
        self.aesECB = aesECB
        self.aesCBC = aesCBC
        atexit { Crypto.closeGate() }
    }

    /// Overwrites secrets in a way that no optimiser leaves out.
    package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let base = bytes.baseAddress { OPENSSL_cleanse(base, bytes.count) }
    }

    // MARK: - Fork and exit

    private struct Gate {
        var mutex = pthread_mutex_t()
        /// Made at its first use.
        var crypto: Crypto?
        /// Whether the process ends, and OpenSSL is not to be touched any more.
        var isClosed = false
        /// Of the thread that forks.
        var isHeldForFork = false
    }

    /// Guards what takes OpenSSL's own locks: its set-up, all of RSA and TLS, its random numbers, a thread's first use and its
    /// end. Digests and ciphers take none. A fork waits for it, so that a child finds none of those locks held, and nothing half
    /// made.
    nonisolated(unsafe) private static let gate: UnsafeMutablePointer<Gate> = {
        let gate = UnsafeMutablePointer<Gate>.allocate(capacity: 1)
        gate.initialize(to: Gate())
        pthread_mutex_init(&gate.pointee.mutex, nil)
        return gate
    }()

    /// - Returns: nil without calling `body` if the process ends.
    static func gated<R>(_ body: () -> R) -> R? {
        pthread_mutex_lock(&gate.pointee.mutex)
        defer { pthread_mutex_unlock(&gate.pointee.mutex) }
        return gate.pointee.isClosed ? nil : body()
    }

    /// Inside the gate: what OpenSSL has for us, made by whoever needs it first; nil if it cannot provide it.
    static var shared: Crypto? {
        if gate.pointee.crypto == nil { gate.pointee.crypto = keepingErrors { Crypto() } }
        return gate.pointee.crypto
    }

    /// The same, leaving nothing with the thread. What OpenSSL keeps for a thread of ours is given back at once: at the
    /// thread's end it would be under no lock of ours. A thread of the application's keeps its queue of errors.
    static func gatedLeavingNothing<R>(_ body: () -> R) -> R? {
        gated {
            guard isOnOwnThread else { return keepingErrors(body) }
            defer { OPENSSL_thread_stop() }
            return body()
        }
    }

    /// The same for what leaves something only if it fails.
    static func gatedLeavingNoError(_ body: () -> Bool) -> Bool? {
        gated {
            guard isOnOwnThread else { return keepingErrors(body) }
            if body() { return true }
            OPENSSL_thread_stop()
            return false
        }
    }

    static var isOnOwnThread: Bool { csystem_this_thread()?.pointee.is_own == 1 }

    /// For TLS: what OpenSSL keeps for a thread of ours stays until `leaveThread`, since to make it anew for every record
    /// would cost more than the record.
    static func gatedForTLS<R>(_ body: () -> R) -> R? {
        gated { isOnOwnThread ? body() : keepingErrors(body) }
    }

    /// Gives back what OpenSSL keeps for this thread, which is ours and ends.
    /// - Returns: false if the process exits; then the thread must not end, for OpenSSL would do the same at its end, while its
    ///   handler frees that, too.
    package static func leaveThread() -> Bool { gated { OPENSSL_thread_stop() } != nil }

    package static func prepareFork() { gate.pointee.isHeldForFork = csystem_lock_for_fork(&gate.pointee.mutex) != 0 }
    package static func afterForkInParent() {
        if gate.pointee.isHeldForFork { pthread_mutex_unlock(&gate.pointee.mutex) }
    }
    package static func afterForkInChild() { pthread_mutex_init(&gate.pointee.mutex, nil) }

    /// Runs at exit, before the handler of an application that used OpenSSL first; one that uses it later installs none.
    /// A private context does not keep RSA out of that handler's way. What is under way has its time to end.
    private static func closeGate() {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += 1
        let isLocked = pthread_mutex_timedlock(&gate.pointee.mutex, &deadline) == 0
        gate.pointee.isClosed = true
        if isLocked { pthread_mutex_unlock(&gate.pointee.mutex) }
    }

    /// Leaves the calling thread's queue of OpenSSL errors, which may be the application's, as it was; for `body` it is
    /// empty. A mark would not do: a handshake, and some of what reads PEM, empties the queue.
    static func keepingErrors<R, Failure: Error>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
        var errors = ERR_STATE()
        copenssl_take_errors(&errors)
        defer { copenssl_put_errors_back(&errors) }
        return try body()
    }
}

/// Why a body could not be decrypted.
package enum CipherError: Error, Equatable {
    /// No cipher text has this length.
    case length
    /// The padding, or FTAES_ECB's last byte, is none: another key, or no cipher text.
    case padding
    /// OpenSSL failed: out of memory.
    case system
}
