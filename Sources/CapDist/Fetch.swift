import CCapDist
import Codec
import Connection
import Glibc
import Limiter

/// One who waits for a reply.
private final class Waiter: @unchecked Sendable {
    private let lock = Lock()
    private let arrived = Condition()
    private var reply: UnsafeMutablePointer<capdist_reply>?
    private var isFinished = false
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    var isDone: Bool { lock.withLock { isFinished } }

    func finish(_ reply: UnsafeMutablePointer<capdist_reply>?) {
        lock.withLock {
            self.reply = reply
            isFinished = true
        }
        // Not under the lock, which the one who wakes would run into.
        arrived.broadcast()
        // Who waits for its turn to drive may have another one's callbacks before it.
        if connection.options.isHostDriven { connection.wakeWaiters() }
    }

    /// - Returns: the reply, once it is there (nil inside: no memory to copy it); nil at the deadline.
    func wait(until deadline: Instant) -> UnsafeMutablePointer<capdist_reply>?? {
        lock.lock()
        defer { lock.unlock() }
        while !isFinished {
            if Clock.now() >= deadline { return nil }
            arrived.wait(lock, until: deadline)
        }
        return .some(reply)
    }
}

extension Connection {
    /// Asks and waits, for the two timeouts at most, whatever the connection's thread is doing.
    /// - Parameter reply: where to store a copy of the reply; nil if there was no memory for it.
    /// - Returns: `.ok` if it was asked, or why not.
    func fetch(
        _ security: capdist_security, _ options: CheckedRequestOptions,
        _ reply: UnsafeMutablePointer<UnsafeMutablePointer<capdist_reply>?>
    ) -> Status {
        let waiter = Waiter(self)
        let retained = Unmanaged.passRetained(waiter)
        let callback: capdist_reply_fn = { _, _, reply, userData in
            guard let userData else { return }
            Unmanaged<Waiter>.fromOpaque(userData).takeRetainedValue().finish(reply.flatMap { copyReply($0) })
        }
        var serialNo: UInt32 = 0
        let payload = Payload(security, firm: options.securityFirm, callback, userData: retained.toOpaque())
        let status =
            payload.map { ask($0, protoID: ProtoID.getCapitalDistribution, options.terms, &serialNo) } ?? .systemError
        guard case .ok = status else {
            payload?.dispose()
            retained.release()
            return status
        }
        // The thread that drives ends the request in time, unless a callback of the host holds it up.
        let behaviour = self.options.behaviour
        let deadline =
            Clock.now() + (options.terms.queueTimeout ?? behaviour.queueTimeout)
            + (options.terms.replyTimeout ?? behaviour.replyTimeout)
        let latest = deadline + 250_000_000
        if self.options.isHostDriven, !drive(until: latest, { waiter.isDone }) { return .forked }
        if let arrived = waiter.wait(until: latest) {
            reply.pointee = arrived
            return .ok
        }
        if let completion = withdraw(serialNo) {
            retained.release()
            Self.withReply(completion) { reply.pointee = copyReply($0) }
            completion.request.payload.dispose()
            return .ok
        }
        // It is being delivered just now: no code of the host stands between.
        while true {
            if let arrived = waiter.wait(until: Clock.now() + 1_000_000_000) {
                reply.pointee = arrived
                return .ok
            }
        }
    }
}
