import CCapDist
import CSystem
import Codec
import Core
import Glibc

/// Finds the connection of a handle. A handle has a place in the table, and how often that place was used before. It is
/// never dereferenced, so a stale handle is as harmless as NULL.
final class HandleTable: @unchecked Sendable {
    static let shared = HandleTable()

    private enum Use {
        /// The place is free, or its connection is being made.
        case none
        case open(Connection)
        /// The application released the handle. The connection stays until its end; in a forked child it stays forever.
        case givenBack(Connection)
    }

    private struct Place {
        var generation: UInt = 0
        var use = Use.none
        /// The process that the connection belongs to, as a count of forks.
        var forks: UInt64 = 0
    }

    private static let indexBits: UInt = 20

    private let lock = Lock()
    // Protected by the lock, so the runtime's checks of exclusive access would only cost time in every call.
    @exclusivity(unchecked) private var places: [Place] = []
    @exclusivity(unchecked) private var free: [Int] = []

    private init() {}

    /// Makes a handle, and its connection. If `make` throws, the handle is removed.
    func insert<Failure: Error>(
        _ make: (OpaquePointer?) throws(Failure) -> Connection
    ) throws(Failure) -> (handle: OpaquePointer, connection: Connection)? {
        lock.lock()
        let index: Int
        if let last = free.popLast() {
            index = last
        } else {
            guard places.count < 1 << Self.indexBits else {
                lock.unlock()
                return nil
            }
            index = places.count
            places.append(Place())
        }
        places[index].forks = csystem_forks()
        // The lowest bit is set: no object has such an address. Above it are the place's number and its generation.
        let bits = places[index].generation << (Self.indexBits + 1) | UInt(index) << 1 | 1
        lock.unlock()
        do {
            guard let handle = OpaquePointer(bitPattern: bits) else { return nil }
            let connection = try make(handle)
            lock.withLock { places[index].use = .open(connection) }
            return (handle, connection)
        } catch {
            forget(OpaquePointer(bitPattern: bits))
            throw error
        }
    }

    /// Makes the handle stale and its place free.
    func forget(_ handle: OpaquePointer?) {
        // The last reference must not be released while the lock is held.
        var use = Use.none
        lock.withLock {
            guard let index = try? index(handle) else { return }
            swap(&use, &places[index].use)
            places[index].generation += 1
            free.append(index)
        }
        withExtendedLifetime(use) {}
    }

    /// The connection of a handle, if it is not released and belongs to this process.
    func connection(_ handle: OpaquePointer?) throws(CallError) -> Connection {
        lock.lock()
        defer { lock.unlock() }
        let index = try index(handle)
        guard places[index].forks == csystem_forks() else {
            throw CallError(.forked, "the connection belongs to the parent process: make a new one in this process")
        }
        guard case .open(let connection) = places[index].use else { throw Self.released }
        return connection
    }

    /// The same for the call that releases it. `isInherited`: it belongs to another process.
    func takeForRelease(_ handle: OpaquePointer?) throws(CallError) -> (connection: Connection, isInherited: Bool) {
        lock.lock()
        defer { lock.unlock() }
        let index = try index(handle)
        guard case .open(let connection) = places[index].use else { throw Self.released }
        places[index].use = .givenBack(connection)
        return (connection, places[index].forks != csystem_forks())
    }

    private static let released = CallError(.released, "the connection was released")

    @inline(__always)
    private func index(_ handle: OpaquePointer?) throws(CallError) -> Int {
        guard let handle else { throw .invalid("the connection is NULL") }
        let bits = UInt(bitPattern: handle)
        let index = Int(bits >> 1 & (1 << Self.indexBits - 1))
        let generation = bits >> (Self.indexBits + 1)
        guard bits & 1 == 1, index < places.count, generation <= places[index].generation else {
            throw .invalid("that is not a connection: pass the handle that capdist_init_connect() stored")
        }
        guard generation == places[index].generation else { throw Self.released }
        return index
    }

    // MARK: - Fork

    /// Called once, at process initialisation. It first creates all locks that a fork waits for.
    func watchForks() {
        prepareFork()
        afterForkInParent()
        csystem_around_fork(
            { HandleTable.shared.prepareFork() }, { HandleTable.shared.afterForkInParent() },
            { HandleTable.shared.afterForkInChild() })
    }

    private func prepareFork() {
        lock.lockForFork()
        Helpers.prepareFork()
        QuotaRegistry.shared.prepareFork()
        // The innermost locks: whoever holds one of them takes no other.
        Crypto.prepareFork()
        Pollers.prepareFork()
    }

    private func afterForkInParent() {
        Pollers.afterForkInParent()
        Crypto.afterForkInParent()
        QuotaRegistry.shared.afterForkInParent()
        Helpers.afterForkInParent()
        lock.unlockAfterFork()
    }

    private func afterForkInChild() {
        lock.remakeAfterFork()
        QuotaRegistry.shared.afterForkInChild(Clock.now())
        Helpers.afterForkInChild()
        Crypto.afterForkInChild()
        Pollers.afterForkInChild()
    }
}
