import CCapDist
import Codec
import Core
import Glibc

/// A blocking request. The caller waits for the reply at most for both timeouts, even if the connection's thread hangs
/// in a callback. The caller has one reference, and the callback has another.
final class Fetch: @unchecked Sendable {
    enum Outcome {
        /// nil: there was no memory to copy the reply.
        case ended(UnsafeMutablePointer<capdist_reply>?)
        case forked
        case goesOn
    }

    private let connection: Connection
    private let lock = Lock()
    private let arrived = Condition()
    // Protected by the lock.
    private var reply: UnsafeMutablePointer<capdist_reply>?
    private var isFinished = false
    private var isAbandoned = false
    // Used by the caller only.
    private var serialNo: UInt32 = 0
    private var latest = Instant.max
    private(set) var askedAt = Instant.zero

    init(_ connection: Connection) { self.connection = connection }

    /// - Returns: `.ok`, or why it is refused.
    func ask(_ security: capdist_security, _ options: CheckedRequestOptions) -> Status {
        // The callback's reference, which goes through C.
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
        // The driving thread normally completes the request in time. This later limit is for a callback that does not
        // return.
        askedAt = Clock.now()
        latest = askedAt + options.terms.queueTimeout + options.terms.replyTimeout + .milliseconds(250)
        return .ok
    }

    /// Waits for the reply, at most until `end`.
    func goOn(until end: Instant) -> Outcome {
        let end = min(latest, end)
        if connection.options.isApplicationDriven, !connection.drive(until: end, { isDone }) { return .forked }
        if let reply = wait(until: end) { return .ended(reply) }
        guard Clock.now() >= latest else { return .goesOn }
        guard let completion = withdraw() else {
            // The reply is being delivered at this moment; it comes soon, because no code of the application runs
            // before it.
            latest = Clock.now() + .seconds(1)
            return .goesOn
        }
        var reply: UnsafeMutablePointer<capdist_reply>?
        completion.withSharedAnswer(MessageArena()) { answer in
            withReply(completion, answer) { reply = copyReply($0) }
        }
        completion.request.payload.dispose()
        return .ended(reply)
    }

    /// The caller's thread was cancelled: nobody waits for the reply.
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

    /// Takes the request out of the connection, and gives up the callback's reference.
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
        // Without the lock, which the woken thread takes first.
        arrived.broadcast()
        // In application-driven mode another thread may have driven the connection and delivered this reply.
        if connection.options.isApplicationDriven { connection.wakeWaiters() }
    }

    /// - Returns: the reply (nil inside: there was no memory to copy it); nil at the deadline.
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
