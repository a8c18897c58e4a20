import Codec
import Glibc

/// Descriptors that somebody else closed.
extension Connection {
    static func closedByApplication(isFinal: Bool) -> Cause {
        Cause(.disconnected, .select, EBADF, Texts.descriptorClosed, isFinal: isFinal)
    }

    /// Nothing can be waited for any more: fails for good. What has the numbers now is left alone.
    func loseDescriptors() {
        poller.giveUp()
        let now = Clock.now()
        stateLock.withLock {
            membership.quota.with { state.pointee.machine.fail(Self.closedByApplication(isFinal: true), now, &$0) }
        }
    }

    /// Of the connection's thread, after that: there is nothing else to come.
    func waitForRelease() {
        stateLock.withLock {
            while !state.pointee.machine.hasActions { stateChanged.wait(stateLock, until: .max) }
        }
    }
}
