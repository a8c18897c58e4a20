import COpenSSL
import CSystem
import Glibc

/// OpenSSL in a library context of our own, with its algorithms fetched once. The first connection that needs it makes
/// it; connections without encryption never do. OpenSSL's atexit handler frees the process's default context while
/// threads may still use it. It does not free this one, which lives as long as the process.
package struct Crypto: @unchecked Sendable {
    let context: OpaquePointer
    let aesECB: OpaquePointer
    let aesCBC: OpaquePointer

    /// nil if OpenSSL could not provide all of them.
    ///
    /// Initialises OpenSSL for the whole process, if nobody has used it before: without its configuration file and its
    /// atexit handler.
    private init?() {
        copenssl_set_up()
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
        /// Whether the process is exiting, and OpenSSL must not be called any more.
        var isClosed = false
        /// Used by the thread that forks.
        var isHeldForFork = false
    }

    /// The lock for all calls that take OpenSSL's own locks: its initialisation, all of RSA and TLS, its random
    /// numbers, the first use and the end of a thread. Digests and ciphers take no such locks. A fork waits for this
    /// lock, so that the child inherits none of OpenSSL's locks held, and nothing half initialised.
    nonisolated(unsafe) private static let gate: UnsafeMutablePointer<Gate> = {
        let gate = UnsafeMutablePointer<Gate>.allocate(capacity: 1)
        gate.initialize(to: Gate())
        pthread_mutex_init(&gate.pointee.mutex, nil)
        return gate
    }()

    /// Calls `body` with the gate's lock held.
    /// - Returns: nil, without calling `body`, if the process is exiting.
    static func gated<R>(_ body: () -> R) -> R? {
        pthread_mutex_lock(&gate.pointee.mutex)
        defer { pthread_mutex_unlock(&gate.pointee.mutex) }
        return gate.pointee.isClosed ? nil : body()
    }

    /// OpenSSL's context and algorithms, made at the first use; nil if OpenSSL cannot provide them. Only inside the
    /// gate.
    static var shared: Crypto? {
        if gate.pointee.crypto == nil { gate.pointee.crypto = keepingErrors { Crypto() } }
        return gate.pointee.crypto
    }

    /// Like `gated`, but leaves no data of OpenSSL in the thread. On a thread of the library that data is freed at
    /// once: at the thread's end it would be freed without our lock. On a thread of the application its queue of errors
    /// is restored.
    static func gatedLeavingNothing<R>(_ body: () -> R) -> R? {
        gated {
            guard isOnOwnThread else { return keepingErrors(body) }
            defer { OPENSSL_thread_stop() }
            return body()
        }
    }

    /// The same for a `body` that leaves data in the thread only if it fails.
    static func gatedLeavingNoError(_ body: () -> Bool) -> Bool? {
        gated {
            guard isOnOwnThread else { return keepingErrors(body) }
            if body() { return true }
            OPENSSL_thread_stop()
            return false
        }
    }

    static var isOnOwnThread: Bool { csystem_this_thread()?.pointee.is_own == 1 }

    /// Like `gated`, for TLS. On a thread of the library OpenSSL's data stays until `leaveThread`, because to make it
    /// again for every record would cost more than the record.
    static func gatedForTLS<R>(_ body: () -> R) -> R? {
        gated { isOnOwnThread ? body() : keepingErrors(body) }
    }

    /// Frees OpenSSL's data of this thread, which belongs to the library and is about to end.
    /// - Returns: false if the process is exiting. Then the thread must not end: OpenSSL would free the data at the
    ///   thread's end, while its atexit handler frees it, too.
    package static func leaveThread() -> Bool { gated { OPENSSL_thread_stop() } != nil }

    package static func prepareFork() { gate.pointee.isHeldForFork = csystem_lock_for_fork(&gate.pointee.mutex) != 0 }
    package static func afterForkInParent() {
        if gate.pointee.isHeldForFork { pthread_mutex_unlock(&gate.pointee.mutex) }
    }
    package static func afterForkInChild() { pthread_mutex_init(&gate.pointee.mutex, nil) }

    /// Runs at exit, before OpenSSL's handler, if the application used OpenSSL first. (If the library was first, there
    /// is no handler.) That handler would free data that RSA uses even in a context of our own. Calls in progress get a
    /// second to end.
    private static func closeGate() {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += 1
        let isLocked = pthread_mutex_timedlock(&gate.pointee.mutex, &deadline) == 0
        gate.pointee.isClosed = true
        if isLocked { pthread_mutex_unlock(&gate.pointee.mutex) }
    }

    /// Restores the calling thread's queue of OpenSSL errors, which may be the application's, after `body`. During
    /// `body` the queue is empty. A mark in the queue is not enough, because a handshake and some PEM functions empty
    /// the queue.
    static func keepingErrors<R, Failure: Error>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
        var errors = ERR_STATE()
        copenssl_take_errors(&errors)
        defer { copenssl_put_errors_back(&errors) }
        return try body()
    }
}

/// Why a body could not be decrypted.
package enum CipherError: Error, Equatable {
    /// A cipher text cannot have this length.
    case length
    /// The padding, or FTAES_ECB's last byte, is wrong: another key, or the body is not encrypted.
    case padding
    /// OpenSSL failed: out of memory.
    case system
}
