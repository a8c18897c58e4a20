import CCapDist
import Codec
import Core
import Glibc

/// One who asked and waits for the reply, for the two timeouts at most, whatever the connection's thread is doing. The
/// one who waits has a reference, and the callback another one.
final class Fetch: @unchecked Sendable {
    enum Outcome {
        /// nil: no memory to copy the reply.
        case ended(UnsafeMutablePointer<capdist_reply>?)
        case forked
        case goesOn
    }

    private let connection: Connection
    private let lock = Lock()
    private let arrived = Condition()
    // Under the lock.
    private var reply: UnsafeMutablePointer<capdist_reply>?
    private var isFinished = false
    private var isAbandoned = false
    // Of the one who waits.
    private var serialNo: UInt32 = 0
    private var latest = Instant.max
    private(set) var askedAt: Instant = 0

    init(_ connection: Connection) { self.connection = connection }

    /// - Returns: `.ok`, or why it is refused.
    func ask(_ security: capdist_security, _ options: CheckedRequestOptions) -> Status {
        let retained = Unmanaged.passRetained(self)
        let callback: capdist_reply_fn = { _, _, reply, userData in
            guard let userData else { return }
            Unmanaged<Fetch>.fromOpaque(userData).takeRetainedValue().complete(reply.flatMap { copyReply($0) })
        }
        let payload = Payload(security, firm: options.securityFirm, callback, userData: retained.toOpaque())
        let status =
            payload.map {
                connection.ask(
                    $0, protoID: ProtoID.getCapitalDistribution, options.terms, &serialNo, shared: options.serialNo)
            }
            ?? .systemError
        guard case .ok = status else {
            payload?.dispose()
            retained.release()
            return status
        }
        // The thread that drives ends the request in time, unless a callback of the application holds it up.
        askedAt = Clock.now()
        latest = askedAt + options.terms.queueTimeout + options.terms.replyTimeout + 250_000_000
        return .ok
    }

    /// Waits until the reply is there, or at most `end`.
    func goOn(until end: Instant) -> Outcome {
        let end = min(latest, end)
        if connection.options.isApplicationDriven, !connection.drive(until: end, { isDone }) { return .forked }
        if let reply = wait(until: end) { return .ended(reply) }
        guard Clock.now() >= latest else { return .goesOn }
        guard let completion = withdraw() else {
            // It is being delivered just now: no code of the application stands between.
            latest = Clock.now() + 1_000_000_000
            return .goesOn
        }
        var reply: UnsafeMutablePointer<capdist_reply>?
        withReply(completion, nil) { reply = copyReply($0) }
        completion.request.payload.dispose()
        return .ended(reply)
    }

    /// Nobody waits any more.
    func abandon() {
        if let completion = withdraw() {
            completion.request.payload.dispose()
            return
        }
        lock.withLock {
            isAbandoned = true
            replyFree(reply)
            reply = nil
        }
    }

    /// Takes the request back, and with it the callback's reference.
    private func withdraw() -> Connection.Machine.Completion? {
        guard let completion = connection.withdraw(serialNo) else { return nil }
        Unmanaged.passUnretained(self).release()
        return completion
    }

    private var isDone: Bool { lock.withLock { isFinished } }

    private func complete(_ reply: UnsafeMutablePointer<capdist_reply>?) {
        lock.withLock {
            isFinished = true
            if isAbandoned {
                replyFree(reply)
            } else {
                self.reply = reply
            }
        }
        // Not under the lock, which the one who wakes would run into.
        arrived.broadcast()
        // Who waits for its turn to drive may have another one's callbacks before it.
        if connection.options.isApplicationDriven { connection.wakeWaiters() }
    }

    /// - Returns: the reply, once it is there (nil inside: no memory to copy it); nil at the deadline.
    private func wait(until deadline: Instant) -> UnsafeMutablePointer<capdist_reply>?? {
        lock.lock()
        defer { lock.unlock() }
        while !isFinished {
            if Clock.now() >= deadline { return nil }
            arrived.wait(lock, until: deadline)
        }
        return .some(reply)
    }
}
