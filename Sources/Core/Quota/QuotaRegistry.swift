/// The process's quota groups by name. A group outlives its connections as long as its history matters.
package final class QuotaRegistry: @unchecked Sendable {
    package static let shared = QuotaRegistry()

    /// Protects everything below.
    private let lock = Lock()
    private var groups: [(name: String, quota: SharedQuota)] = []
    private var nextMember: QuotaGroup.Member = 1

    package init() {}

    package struct Membership: Sendable {
        package let quota: SharedQuota
        package let member: QuotaGroup.Member
    }

    /// Joins the group of that name, or makes it; nil if other members are in it with another limit or window.
    package func join(
        _ name: String, limit: Int, window: TimeAmount, _ now: Instant, _ wake: @escaping SharedQuota.Waker
    ) -> Membership? {
        lock.lock()
        defer { lock.unlock() }
        groups.removeAll { $0.name != name && $0.quota.isForgettable(now) }
        let index = groups.firstIndex { $0.name == name }
        var quota = index.map { groups[$0].quota } ?? SharedQuota(limit: limit, window: window, history: nil)
        if quota.limit != limit || quota.window != window {
            guard !quota.isUsed else { return nil }
            quota = SharedQuota(limit: limit, window: window, history: quota)
        }
        if let index { groups[index].quota = quota } else { groups.append((name, quota)) }
        let member = nextMember
        nextMember += 1
        quota.join(member, wake)
        return Membership(quota: quota, member: member)
    }

    package func leave(_ membership: Membership) {
        lock.withLock { membership.quota.leave(membership.member) }
    }

    /// When the library is unloaded: Swift never gives back the reference that a global has.
    package static func giveBackAll() { Unmanaged.passUnretained(shared).release() }

    // Around fork: no thread may be using a group when the child's copy is made.

    package func prepareFork() {
        guard lock.lockForFork() else { return }
        for (_, quota) in groups { quota.lock.lockForFork() }
    }

    package func afterForkInParent() {
        guard lock.isHeldForFork else { return }
        for (_, quota) in groups { quota.lock.unlockAfterFork() }
        lock.unlockAfterFork()
    }

    package func afterForkInChild(_ now: Instant) {
        lock.remakeAfterFork()
        for (_, quota) in groups { quota.inheritedByFork(now) }
    }
}
