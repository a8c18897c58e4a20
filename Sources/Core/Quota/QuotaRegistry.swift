/// The process's quota groups by name. A group outlives its connections as long as its history matters.
package final class QuotaRegistry: @unchecked Sendable {
    package static let shared = QuotaRegistry()

    /// Protects everything below.
    private let lock = Lock()
    private var groups: [String: SharedQuota] = [:]
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
        groups = groups.filter { $0.key == name || !$0.value.isForgettable(now) }
        var quota = groups[name] ?? SharedQuota(limit: limit, window: window, history: nil)
        if quota.limit != limit || quota.window != window {
            guard !quota.isUsed else { return nil }
            quota = SharedQuota(limit: limit, window: window, history: quota)
        }
        groups[name] = quota
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
        for quota in groups.values { quota.lock.lockForFork() }
    }

    package func afterForkInParent() {
        guard lock.isHeldForFork else { return }
        for quota in groups.values { quota.lock.unlockAfterFork() }
        lock.unlockAfterFork()
    }

    package func afterForkInChild(_ now: Instant) {
        lock.remakeAfterFork()
        for quota in groups.values { quota.inheritedByFork(now) }
    }
}
