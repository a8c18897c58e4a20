import CSystem
import Glibc

/// Which certificates a client trusts over TLS.
package enum TLSTrust: Equatable, Sendable {
    /// The CAs that the system trusts (`SystemCAs`).
    case system
    /// The certificates in this PEM file. Each is a CA's, or a server's own.
    case file(String)
    /// Any certificate.
    case anybody

    package var isVerifying: Bool { self != .anybody }

    fileprivate var places: [String] {
        switch self {
        case .system: SystemCAs.allFiles + SystemCAs.allFolders
        case .file(let path): [path]
        case .anybody: []
        }
    }

    /// Why a file cannot be a file of certificates, by a quick check; nil: it may be one.
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

    /// More than the CA file of any gateway needs.
    private static let glance = 64 * 1024

    private static func hasMark(_ text: UnsafeRawBufferPointer) -> Bool {
        csystem_contains(text.baseAddress, text.count, "CERTIFICATE-----") != 0
    }
}

/// The contexts of the process's clients. A context with the system's CAs takes tens of milliseconds and more than a
/// megabyte, so clients that trust the same share one.
package final class TLSContexts: @unchecked Sendable {
    package static let shared = TLSContexts()

    private struct Entry {
        let trust: TLSTrust
        let context: TLSContext
        /// The versions of all files and folders that were searched, from before they were read.
        let versions: [Int]
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // Protected by the mutex.
    @exclusivity(unchecked) private var entries: [Entry] = []
    // Used by the thread that forks.
    @exclusivity(unchecked) private var isHeldForFork = false

    private init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// A context that was made before, if its files have not changed since. An update of the system replaces its file
    /// of CAs.
    package func made(_ trust: TLSTrust) -> TLSContext? {
        pthread_mutex_lock(mutex)
        let entry = entries.first { $0.trust == trust }
        pthread_mutex_unlock(mutex)
        guard let entry, entry.versions == versions(of: trust.places) else { return nil }
        return entry.context
    }

    /// Makes the context, unless it was made before. This may take tens of milliseconds.
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
            // The old entry is freed without the mutex, because that takes OpenSSL's gate.
            withExtendedLifetime(before) {}
            return .success(context)
        } catch {
            // The file may be being replaced at this moment: the old context stays in use.
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return entries.first { $0.trust == trust }.map { .success($0.context) } ?? .failure(error)
        }
    }

    package func prepareFork() { isHeldForFork = csystem_lock_for_fork(mutex) != 0 }
    package func afterForkInParent() { if isHeldForFork { pthread_mutex_unlock(mutex) } }
    package func afterForkInChild() { pthread_mutex_init(mutex, nil) }
}

/// Numbers that change when one of the files or folders changes.
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
