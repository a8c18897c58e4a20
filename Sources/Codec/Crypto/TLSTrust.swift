import CSystem
import Glibc

/// Whom a client trusts over TLS.
package enum TLSTrust: Equatable, Sendable {
    /// The CAs that the system trusts (`SystemCAs`).
    case system
    /// The certificates of this PEM file, each a CA's or a server's own.
    case file(String)
    /// Whoever answers.
    case anybody

    package var isVerifying: Bool { self != .anybody }

    fileprivate var places: [String] {
        switch self {
        case .system: SystemCAs.allFiles + SystemCAs.allFolders
        case .file(let path): [path]
        case .anybody: []
        }
    }

    /// Why a file can be none of certificates, as far as a glance at it tells; nil: it may be one.
    package var problem: String? {
        guard case .file(let path) = self else { return nil }
        do throws(RegularFile.Unreadable) {
            return try RegularFile.read(path, longest: Self.glance) { text in
                text.count == Self.glance || Self.hasMark(text) ? nil : "there is no certificate in it (PEM)"
            }
        } catch {
            return error.text
        }
    }

    /// More than any gateway's own CA takes.
    private static let glance = 64 * 1024

    private static func hasMark(_ text: UnsafeRawBufferPointer) -> Bool {
        csystem_contains(text.baseAddress, text.count, "CERTIFICATE-----") != 0
    }
}

/// The contexts of the process's clients. To read a system's CAs takes tens of milliseconds and more than a megabyte: who
/// trusts the same shares one.
package final class TLSContexts: @unchecked Sendable {
    package static let shared = TLSContexts()

    private struct Entry {
        let trust: TLSTrust
        let context: TLSContext
        /// Of all places where it was looked for, as they were before.
        let versions: [Int]
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // Guarded by the mutex.
    @exclusivity(unchecked) private var entries: [Entry] = []
    // Of the thread that forks.
    @exclusivity(unchecked) private var isHeldForFork = false

    private init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    /// One that is made already, while its files are the same: a bundle is replaced when the system is brought up to date.
    package func made(_ trust: TLSTrust) -> TLSContext? {
        pthread_mutex_lock(mutex)
        let entry = entries.first { $0.trust == trust }
        pthread_mutex_unlock(mutex)
        guard let entry, entry.versions == versions(of: trust.places) else { return nil }
        return entry.context
    }

    /// Makes it, unless it is made already. Takes its time.
    package func make(_ trust: TLSTrust) -> Result<TLSContext, TLSContext.TrustError> {
        if let context = made(trust) { return .success(context) }
        do throws(TLSContext.TrustError) {
            let versions = versions(of: trust.places)
            let context = try TLSContext(trust)
            let entry = Entry(trust: trust, context: context, versions: versions)
            pthread_mutex_lock(mutex)
            let before = entries
            entries = before.filter { $0.trust != trust } + [entry]
            pthread_mutex_unlock(mutex)
            // What was there before goes outside the mutex: OpenSSL's gate is no place to wait for with it.
            withExtendedLifetime(before) {}
            return .success(context)
        } catch {
            // A file that is just being replaced: what it held before counts on.
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return entries.first { $0.trust == trust }.map { .success($0.context) } ?? .failure(error)
        }
    }

    package func prepareFork() { isHeldForFork = csystem_lock_for_fork(mutex) != 0 }
    package func afterForkInParent() { if isHeldForFork { pthread_mutex_unlock(mutex) } }
    package func afterForkInChild() { pthread_mutex_init(mutex, nil) }
}

/// What tells whether files and folders are as they were when they were read.
private func versions(of paths: [String]) -> [Int] {
    var versions: [Int] = []
    for path in paths {
        var status = stat()
        if fstatat(AT_FDCWD, path, &status, 0) != 0 { status = stat() }
        versions += [Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino)]
        versions += [Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
    return versions
}
