import CCapDist

/// A connection that only reads its quota group. It keeps the group alive when the others are closed.
final class QuotaWatcher {
    private var handle: OpaquePointer?

    init(_ world: World, _ group: Int) throws(Broken) {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.mode = Int32(CAPDIST_MODE_HOST_DRIVEN)
        options.quota_requests = Int32(world.limit)
        options.quota_window_ms = Int32(world.window / World.millisecond)
        let status = world.quotaGroup(group).withCString { name in
            options.quota_group = name
            return capdist_init_connect(&options, &handle)
        }
        guard status == CAPDIST_OK else {
            throw Broken(promise: "no watcher: \(String(cString: capdist_last_error()))")
        }
    }

    /// A window after the other connections of the group have ended, no slot is in use.
    func expectNothing() throws(Broken) {
        var quota = capdist_quota()
        capdist_quota_init(&quota, MemoryLayout<capdist_quota>.size)
        let status = capdist_get_quota(handle, &quota)
        capdist_release(handle)
        guard status == CAPDIST_OK else { throw Broken(promise: "capdist_get_quota: \(status)") }
        guard quota.waiting == 0 else { throw Broken(promise: "requests of released connections still wait") }
        guard quota.used == 0 else { throw Broken(promise: "a slot was never given back") }
    }
}
