import COpenSSL
import CSystem
import Glibc

/// OpenSSL in a library context of our own, with what we use fetched once. It is made by the first connection that
/// needs it, which one in clear never does, and lives until the library is unloaded.
///
/// What ships has an OpenSSL of its own inside, which the application cannot reach: it reads no configuration, and
/// installs no handler that would clean it up at the process's end, while threads still use it. Nothing in it changes,
/// so any thread may use it.
package struct Crypto: @unchecked Sendable {
    let context: OpaquePointer
    let aesECB: OpaquePointer
    let aesCBC: OpaquePointer

    /// nil if OpenSSL could not provide all of them.
    private init?() {
        #if hasFeature(Embedded)
            copenssl_begin()
        #else
            OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG), nil)
        #endif
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
    }

    /// Overwrites secrets in a way that no optimiser leaves out.
    package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let base = bytes.baseAddress { OPENSSL_cleanse(base, bytes.count) }
    }

    // MARK: - The gate

    private struct Gate {
        var mutex = pthread_mutex_t()
        /// Made at its first use.
        var crypto: Crypto?
        /// Of the thread that forks.
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

    private static func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(&gate.pointee.mutex)
        defer { pthread_mutex_unlock(&gate.pointee.mutex) }
        return body()
    }

    /// Runs `body` in the gate. What OpenSSL keeps for the thread, its queue of errors above all, is given back at
    /// once: at the thread's end it would be under no lock of ours, and the library may be gone by then.
    static func gated<R>(_ body: () -> R) -> R {
        locked {
            defer { OPENSSL_thread_stop() }
            return body()
        }
    }

    /// The same for TLS. A thread of ours keeps it until `leaveThread`, since to make it anew for every record would
    /// cost more than the record.
    static func gatedForTLS<R>(_ body: () -> R) -> R {
        guard csystem_this_thread()?.pointee.is_own == 1 else { return gated(body) }
        return locked {
            ERR_clear_error()
            return body()
        }
    }

    /// Inside the gate: what OpenSSL has for us, made by whoever needs it first; nil if it cannot provide it.
    static var shared: Crypto? {
        if gate.pointee.crypto == nil { gate.pointee.crypto = Crypto() }
        return gate.pointee.crypto
    }

    /// Gives back what OpenSSL keeps for this thread, which is ours and ends.
    package static func leaveThread() { gated {} }

    /// When the library is unloaded; no context of TLS is left.
    package static func giveBackAll() {
        if let crypto = gate.pointee.crypto {
            EVP_CIPHER_free(crypto.aesECB)
            EVP_CIPHER_free(crypto.aesCBC)
            OSSL_LIB_CTX_free(crypto.context)
        }
        #if hasFeature(Embedded)
            // Ours alone.
            OPENSSL_cleanup()
        #endif
        pthread_mutex_destroy(&gate.pointee.mutex)
        gate.deinitialize(count: 1)
        gate.deallocate()
    }

    // MARK: - Fork

    package static func prepareFork() { gate.pointee.isHeldForFork = csystem_lock_for_fork(&gate.pointee.mutex) != 0 }
    package static func afterForkInParent() {
        if gate.pointee.isHeldForFork { pthread_mutex_unlock(&gate.pointee.mutex) }
    }
    package static func afterForkInChild() { pthread_mutex_init(&gate.pointee.mutex, nil) }
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
