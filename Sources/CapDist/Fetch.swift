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
    private var isDone = false

    func finish(_ reply: UnsafeMutablePointer<capdist_reply>?) {
        lock.withLock {
            self.reply = reply
            isDone = true
            arrived.broadcast()
        }
    }

    /// - Returns: the reply, once it is there (nil inside: no memory to copy it); nil at the deadline.
    func wait(until deadline: Instant) -> UnsafeMutablePointer<capdist_reply>?? {
        lock.lock()
        defer { lock.unlock() }
        while !isDone {
            if Clock.now() >= deadline { return nil }
            arrived.wait(lock, until: deadline)
        }
        return .some(reply)
    }
}

extension Connection {
    /// Asks and waits, for the two timeouts at most, whatever the connection's thread is doing.
    /// - Returns: a copy of the reply, nil inside if there was no memory for it.
    func fetch(
        _ security: capdist_security, _ options: CheckedRequestOptions
    ) -> Result<UnsafeMutablePointer<capdist_reply>?, Machine.Refusal> {
        let waiter = Waiter()
        let retained = Unmanaged.passRetained(waiter)
        let callback: capdist_reply_fn = { _, _, reply, userData in
            guard let userData else { return }
            Unmanaged<Waiter>.fromOpaque(userData).takeRetainedValue().finish(reply.flatMap { copyReply($0) })
        }
        var serialNo: UInt32 = 0
        let ask = Machine.Ask(security, options, of: self, callback, userData: retained.toOpaque())
        if case .failure(let refusal) = self.ask(ask, &serialNo) {
            retained.release()
            return .failure(refusal)
        }
        // The connection's thread ends the request in time, unless a callback of the host holds it up.
        let behaviour = self.options.behaviour
        let deadline =
            Clock.now() + (options.queueTimeout ?? behaviour.queueTimeout)
            + (options.replyTimeout ?? behaviour.replyTimeout)
        if let reply = waiter.wait(until: deadline + 250_000_000) { return .success(reply) }
        if let completion = withdraw(serialNo) {
            retained.release()
            return .success(Self.withReply(completion) { copyReply($0) })
        }
        // It is being delivered just now: no code of the host stands between.
        while true {
            if let reply = waiter.wait(until: Clock.now() + 1_000_000_000) { return .success(reply) }
        }
    }
}

extension ConnectionMachine<Payload>.Ask {
    /// A request for a capital distribution.
    init(
        _ security: capdist_security, _ options: CheckedRequestOptions, of connection: Connection,
        _ callback: @escaping capdist_reply_fn, userData: UnsafeMutableRawPointer?
    ) {
        var payload = Payload(.reply(callback), userData: userData)
        payload.security = security
        payload.securityFirm = options.securityFirm
        self.init(protoID: ProtoID.getCapitalDistribution, payload, options, of: connection)
    }

    /// Any request.
    init(protoID: UInt32, _ payload: Payload, _ options: CheckedRequestOptions, of connection: Connection) {
        self.init(
            protoID: protoID, payload: payload, queueTimeout: options.queueTimeout, replyTimeout: options.replyTimeout,
            failsWithoutSlot: options.failsWithoutSlot ?? connection.options.failsWithoutSlot)
    }
}
