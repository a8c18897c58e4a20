import CVirtualSystem
import Core
import Glibc

/// The system below the library's driver: the world provides sockets, timers, clock and random numbers. All on one
/// thread.
enum VirtualSystem {
    /// What one connection waits for.
    struct Waits {
        /// As passed to `epoll_ctl`. A connection's first descriptor is its timer, the second its wake-up event.
        var timer: (number: Int32, data: UInt64) = (-1, 0)
        var event: (number: Int32, data: UInt64) = (-1, 0)
        var socket: (number: Int32, data: UInt64, events: UInt32) = (-1, 0, 0)
        var timerAt = Int64.max
        var isTimerDue = false
        var isWoken = false
    }

    /// The client's end of a stream.
    struct End {
        var stream: Int
        var connection: LibraryConnection
        /// nil: connecting; 0, or the error.
        var outcome: Int32?
        var inbox: [UInt8] = []
        var isEnded = false
        /// Whether it takes no bytes, and whether it took none since the last ones were sent.
        var isFull = false
        var wasFull = false
        let sent: SentFrames
    }

    // Unsafe to the compiler only.
    nonisolated(unsafe) private static var waits: [Int32: Waits] = [:]
    nonisolated(unsafe) private static var ends: [Int32: End] = [:]
    /// The connection that an epoll set, a timer or an event belongs to.
    nonisolated(unsafe) private static var owners: [Int32: LibraryConnection] = [:]
    /// The connection that is being made.
    nonisolated(unsafe) static var maker: LibraryConnection?
    nonisolated(unsafe) static var world: World?

    static func begin(_ world: World) {
        Self.world = world
        waits = [:]
        ends = [:]
        owners = [:]
        var calls = virtual_calls()
        calls.now = { VirtualSystem.world?.now ?? 0 }
        calls.random = { bytes, count in
            for index in 0..<count {
                bytes?.storeBytes(
                    of: UInt8(truncatingIfNeeded: VirtualSystem.world?.chance.next() ?? 0), toByteOffset: index,
                    as: UInt8.self)
            }
        }
        calls.watch = { VirtualSystem.watch($0, $1, $2, $3, $4) }
        calls.wait = { VirtualSystem.wait($0, $1, $2, $3) }
        calls.arm = { VirtualSystem.arm($0, $1) }
        calls.wake = { VirtualSystem.wake($0) }
        calls.connect = { VirtualSystem.connect($0) }
        calls.connected = { -(VirtualSystem.ends[$0]?.outcome ?? 0) }
        calls.receive = { VirtualSystem.receive($0, $1, $2) }
        calls.send = { VirtualSystem.send($0, $1, $2) }
        calls.close = { VirtualSystem.close($0) }
        calls.make = { VirtualSystem.maker?.thread.map { Unmanaged.passUnretained($0).toOpaque() } }
        calls.begin = { VirtualSystem.thread($0)?.begin() }
        calls.end = { VirtualSystem.thread($0)?.end() }
        calls.join = { LibraryConnection.atWork?.runToItsEnd() }
        virtual_system_begin(&calls)
    }

    private static func thread(_ thread: UnsafeMutableRawPointer?) -> ConnectionThread? {
        thread.map { Unmanaged<ConnectionThread>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: - Waiting

    private static func watch(_ set: Int32, _ operation: Int32, _ number: Int32, _ events: UInt32, _ data: UInt64) {
        if operation == EPOLL_CTL_DEL {
            waits[set]?.socket = (-1, 0, 0)
        } else if ends[number] != nil {
            waits[set]?.socket = (number, data, events)
            // It may be ready already.
            if isReady(set) { owners[set]?.becomeReadable() }
        } else if owners[set] == nil || owners[set] !== maker && maker != nil {
            owners[set] = maker
            owners[number] = maker
            waits[set] = Waits(timer: (number, data))
            maker?.set = set
        } else if waits[set]?.event.number == -1 {
            owners[number] = owners[set]
            waits[set]?.event = (number, data)
        }
    }

    private static func isReadable(_ end: End) -> Bool { !end.inbox.isEmpty || end.isEnded }
    private static func isWritable(_ end: End) -> Bool { end.outcome != nil && !end.isFull }

    static func isReady(_ set: Int32) -> Bool {
        guard let waits = waits[set] else { return false }
        if waits.isTimerDue || waits.isWoken { return true }
        guard let end = ends[waits.socket.number] else { return false }
        return isReadable(end) && waits.socket.events & EPOLLIN.rawValue != 0
            || isWritable(end) && waits.socket.events & EPOLLOUT.rawValue != 0
    }

    private static func wait(
        _ set: Int32, _ events: UnsafeMutablePointer<epoll_event>?, _ most: Int32, _ milliseconds: Int32
    ) -> Int32 {
        if let owner = owners[set] { owner.parkThread(milliseconds) }
        guard let events, let found = waits[set] else { return 0 }
        var count: Int32 = 0
        func tell(_ data: UInt64, _ flags: UInt32) {
            guard count < most else { return }
            events[Int(count)].data.u64 = data
            events[Int(count)].events = flags
            count += 1
        }
        if let end = ends[found.socket.number] {
            let flags = (isReadable(end) ? EPOLLIN.rawValue : 0) | (isWritable(end) ? EPOLLOUT.rawValue : 0)
            if flags & found.socket.events != 0 { tell(found.socket.data, flags & found.socket.events) }
        }
        if found.isTimerDue { tell(found.timer.data, EPOLLIN.rawValue) }
        if found.isWoken { tell(found.event.data, EPOLLIN.rawValue) }
        // The driver reads both at once.
        waits[set]?.isTimerDue = false
        waits[set]?.isWoken = false
        return count
    }

    private static func arm(_ timer: Int32, _ nanoseconds: Int64) {
        guard let world, let owner = owners[timer] else { return }
        let at = nanoseconds == 0 ? Int64.max : world.now + nanoseconds
        waits[owner.set]?.timerAt = at
        waits[owner.set]?.isTimerDue = false
        if at != .max { world.agenda.add(.wake(connection: owner.index, at: at), at: at) }
    }

    static func timerFired(_ owner: LibraryConnection, _ at: Int64) {
        guard waits[owner.set]?.timerAt == at else { return }
        waits[owner.set]?.timerAt = .max
        waits[owner.set]?.isTimerDue = true
        owner.becomeReadable()
    }

    private static func wake(_ event: Int32) -> Int32 {
        guard let owner = owners[event], waits[owner.set]?.event.number == event else { return 0 }
        waits[owner.set]?.isWoken = true
        owner.becomeReadable()
        return 1
    }

    /// Its descriptors are closed, and others may get their numbers.
    static func forget(_ owner: LibraryConnection) {
        guard let gone = waits.removeValue(forKey: owner.set) else { return }
        for number in [owner.set, gone.timer.number, gone.event.number] where owners[number] === owner {
            owners[number] = nil
        }
    }

    // MARK: - Sockets

    private static func connect(_ socket: Int32) {
        guard let owner = LibraryConnection.atWork else { return }
        ends[socket] = End(stream: owner.beginStream(socket), connection: owner, sent: owner.sentFrames())
    }

    /// The result of connecting a stream.
    static func connected(_ socket: Int32, _ outcome: Int32) {
        ends[socket]?.outcome = outcome
        ends[socket]?.connection.becomeReadable()
    }

    static func stream(_ socket: Int32) -> Int? { ends[socket]?.stream }

    static func arrived(_ bytes: [UInt8], _ socket: Int32) {
        ends[socket]?.inbox += bytes
        ends[socket]?.connection.becomeReadable()
    }

    static func ended(_ socket: Int32) {
        ends[socket]?.isEnded = true
        ends[socket]?.connection.becomeReadable()
    }

    static func takesMore(_ socket: Int32) {
        ends[socket]?.isFull = false
        ends[socket]?.connection.becomeReadable()
    }

    private static func receive(_ socket: Int32, _ bytes: UnsafeMutableRawPointer?, _ most: Int) -> Int {
        guard let bytes, let end = ends[socket] else { return -Int(ENOTCONN) }
        if end.inbox.isEmpty { return end.isEnded ? 0 : -Int(EAGAIN) }
        let count = min(most, end.inbox.count)
        UnsafeMutableRawBufferPointer(start: bytes, count: count).copyBytes(from: end.inbox[..<count])
        ends[socket]?.inbox.removeFirst(count)
        end.connection.hasRead(count)
        return count
    }

    private static func send(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        guard let world, let bytes, let end = ends[socket] else { return -Int(ENOTCONN) }
        if end.isFull { return -Int(EAGAIN) }
        ends[socket]?.wasFull = false
        var taken = count
        // Sometimes it takes no more for a while.
        if world.chance.oneIn(50) {
            taken = world.chance.pick(0...max(count - 1, 0))
            ends[socket]?.isFull = true
            ends[socket]?.wasFull = true
            world.agenda.add(
                .takesMore(stream: end.stream), at: world.now + world.chance.time(0...20) * World.millisecond)
        }
        // It is not known when frames were made while it was full.
        let made = end.sent.offered(UnsafeRawBufferPointer(start: bytes, count: count), taken: taken)
        if !end.wasFull { made.forEach(end.connection.sends) }
        if taken > 0 { end.connection.send(Array(UnsafeRawBufferPointer(start: bytes, count: taken)), end.stream) }
        return taken > 0 ? taken : -Int(EAGAIN)
    }

    private static func close(_ socket: Int32) {
        guard let end = ends.removeValue(forKey: socket) else { return }
        end.connection.endStream(end.stream)
    }
}
