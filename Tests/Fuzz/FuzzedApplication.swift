import CCapDist
import Glibc

/// An application that uses the library through its C interface, and counts callbacks. The fuzzer's thread and the
/// connection's share it under a lock.
final class FuzzedApplication {
    /// The longest time of a release outside a callback, in seconds. The limit is for a hang on a busy machine.
    private static let releaseLimit = 30.0

    /// Each has a quota group of its own, since groups have a history. Unsafe to the compiler only: one thread makes
    /// them.
    nonisolated(unsafe) private static var count = 0

    /// Whether the next callback releases the connection.
    var releasesInCallback: Bool {
        get { locked { releasesNext } }
        set { locked { releasesNext = newValue } }
    }

    let reconnects: Bool
    private var lock = pthread_mutex_t()
    private var conn: OpaquePointer?
    private var releasesNext = false
    private var isReleased = false
    /// Whether a release outside callbacks has returned.
    private var isSilent = false
    private var isClosed = false
    private var isConnected = false
    private var calls = 0
    private var accepted: [UInt32] = []
    private var completed: [UInt32: Int] = [:]

    init(_ script: inout Script) {
        pthread_mutex_init(&lock, nil)
        reconnects = script.oneIn(2)
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.port = FuzzedGateway.listener.port
        options.recv_notify = 1
        options.reconnect = reconnects ? 1 : 0
        options.reconnect_min_ms = 1
        options.reconnect_max_ms = 2
        options.connect_timeout_ms = 100
        options.queue_timeout_ms = script.pick([1, 20, 50])
        options.reply_timeout_ms = script.pick([1, 20, 50])
        options.quota_requests = script.pick([0, 0, 2, 30])
        options.quota_window_ms = script.pick([1, 10])
        options.max_queue = script.pick([1, 8, 4096])
        options.max_body_bytes = script.pick([1024, 65_536])
        options.on_init_connect = { conn, errCode, desc, userData in
            FuzzedApplication.of(userData).told(conn, desc) { application in
                require(!application.isConnected, "connected once a stream")
                application.isConnected = errCode == 0
            }
        }
        options.on_disconnect = { conn, _, desc, userData in
            FuzzedApplication.of(userData).told(conn, desc) { application in
                require(application.isConnected, "a disconnect comes after a connection")
                application.isConnected = false
            }
        }
        options.on_push = { conn, protoID, body, length, userData in
            require(protoID != 3212 && protoID != 1001 && protoID != 1004, "an answer taken for a push")
            require((body == nil) == (length == 0), "a body is NULL when its length is 0")
            touch(body, length)
            FuzzedApplication.of(userData).told(conn, "") { _ in }
        }
        options.on_log = { conn, _, message, userData in FuzzedApplication.of(userData).told(conn, message) { _ in } }
        options.on_closed = { userData in
            let application = FuzzedApplication.of(userData)
            application.locked {
                require(!application.isClosed, "on_closed comes once")
                application.isClosed = true
            }
            Unmanaged.passUnretained(application).release()
        }
        Self.count += 1
        // The library's reference lives until on_closed.
        options.user_data = Unmanaged.passRetained(self).toOpaque()
        // Under the lock, since callbacks may run before the handle is stored here.
        locked {
            let status = "fuzz \(Self.count)".withCString { group in
                options.quota_group = group
                return capdist_init_connect(&options, &conn)
            }
            require(status == CAPDIST_OK, "connecting can begin: \(String(cString: capdist_last_error()))")
        }
    }

    deinit { pthread_mutex_destroy(&lock) }

    func ask(_ choice: UInt8) {
        var security = capdist_security()
        capdist_security_parse("HK.00700", &security)
        var options = capdist_request_options()
        capdist_request_options_init(&options, MemoryLayout<capdist_request_options>.size)
        options.queue_timeout_ms = Int32(choice & 3) * 5
        options.reply_timeout_ms = Int32(choice >> 2 & 3) * 5
        options.quota_mode = Int32(choice >> 4) % 3
        options.security_firm = Int32(choice >> 7)
        if choice & 0x48 == 0x48 { options.max_age_ms = Int32(choice) }
        accept { serialNo in
            capdist_get_capital_distribution(
                conn, &security, &options,
                { conn, serialNo, reply, userData in
                    guard let reply = reply?.pointee else { return require(false, "a reply is not NULL") }
                    use(reply)
                    FuzzedApplication.of(userData).completed(conn, serialNo, reply.desc)
                }, Unmanaged.passUnretained(self).toOpaque(), &serialNo)
        }
    }

    func sendProto(_ protoID: UInt32, _ body: UnsafeRawBufferPointer) {
        accept { serialNo in
            capdist_send_proto(
                conn, protoID, body.baseAddress, body.count, nil,
                { conn, serialNo, reply, userData in
                    guard let reply = reply?.pointee else { return require(false, "a reply is not NULL") }
                    touch(reply.body, reply.body_length)
                    FuzzedApplication.of(userData).completed(conn, serialNo, reply.desc)
                }, Unmanaged.passUnretained(self).toOpaque(), &serialNo)
        }
    }

    func cancel(_ index: UInt8) {
        let serialNo = locked { accepted.isEmpty ? 1 : accepted[Int(index) % accepted.count] }
        let status = capdist_cancel(conn, serialNo)
        require(
            status == CAPDIST_OK || status == CAPDIST_NOT_FOUND || status == CAPDIST_RELEASED,
            "cancelling answered \(status)")
    }

    func look(_ choice: UInt8) {
        var info = capdist_connection_info()
        capdist_connection_info_init(&info, MemoryLayout<capdist_connection_info>.size)
        capdist_get_connection_info(conn, &info)
        var quota = capdist_quota()
        capdist_quota_init(&quota, MemoryLayout<capdist_quota>.size)
        if capdist_get_quota(conn, &quota) == CAPDIST_OK {
            require(quota.used >= 0 && quota.used <= quota.limit, "no more slots are used than there are")
        }
        _ = capdist_wait_ready(conn, Int32(choice & 3))
    }

    /// Called outside callbacks: waits until everything has ended.
    func release() {
        let start = seconds()
        let status = capdist_release(conn)
        require(status == CAPDIST_OK || status == CAPDIST_RELEASED, "releasing answered \(status)")
        require(seconds() - start < Self.releaseLimit, "a release takes no longer than \(Self.releaseLimit) s")
        if status == CAPDIST_OK { locked { isSilent = true } }
    }

    /// Called after `release`.
    func requireOver() {
        // A connection that was released in a callback ends a moment later.
        let end = seconds() + Self.releaseLimit
        while !locked({ isClosed }), seconds() < end { usleep(100) }
        locked {
            require(isClosed, "on_closed comes")
            for serialNo in accepted {
                require(completed[serialNo] == 1, "request \(serialNo) completed \(completed[serialNo] ?? 0) times")
            }
            require(completed.count == accepted.count, "what was refused does not complete")
        }
    }

    private static func of(_ userData: UnsafeMutableRawPointer?) -> FuzzedApplication {
        guard let userData else { fatalError("a callback without its user_data") }
        return Unmanaged<FuzzedApplication>.fromOpaque(userData).takeUnretainedValue()
    }

    /// Makes a request under the lock, so that its completion finds it accepted.
    private func accept(_ ask: (inout UInt32) -> capdist_status) {
        locked {
            var serialNo: UInt32 = 1
            if ask(&serialNo) == CAPDIST_OK {
                require(serialNo != 0 && !accepted.contains(serialNo), "each request has a number of its own")
                accepted.append(serialNo)
            } else {
                require(serialNo == 0, "a refused request has no number")
                require(strlen(capdist_last_error()) > 0, "a refusal says why")
            }
        }
    }

    private func completed(_ conn: OpaquePointer?, _ serialNo: UInt32, _ desc: UnsafePointer<CChar>?) {
        told(conn, desc) { $0.completed[serialNo, default: 0] += 1 }
    }

    private func told(_ conn: OpaquePointer?, _ text: UnsafePointer<CChar>?, _ body: (FuzzedApplication) -> Void) {
        let releases = locked {
            require(conn == self.conn, "a callback is handed its own connection")
            require(!isClosed && !isSilent, "no callback comes after the end")
            guard let text else { return require(false, "a text is not NULL") == () }
            require(String(validatingCString: text) != nil, "a text is UTF-8")
            body(self)
            defer { releasesNext = false }
            return releasesNext
        }
        if releases { capdist_release(conn) }
    }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        return body()
    }
}

/// What the application may do with a reply.
private func use(_ reply: capdist_reply) {
    require((reply.status == CAPDIST_OK) == (reply.distribution != nil), "there are figures if the status is ok")
    require(String(validatingCString: reply.ret_msg) != nil, "the gateway's words are UTF-8")
    touch(reply.body, reply.body_length)
    var reply = reply
    guard let copy = capdist_reply_copy(&reply) else { return require(false, "a reply can be copied") }
    defer { capdist_reply_free(copy) }
    touch(copy.pointee.body, copy.pointee.body_length)
    let length = capdist_reply_to_json(copy, nil, 0)
    require(length == capdist_reply_to_json(&reply, nil, 0), "a copy is the same in JSON")
    guard length >= 0 else { return }
    var text = [CChar](repeating: 1, count: Int(length) + 1)
    require(capdist_reply_to_json(copy, &text, text.count) == length, "JSON is as long as was told")
    require(
        String(validating: text.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) != nil && text.last == 0,
        "JSON is UTF-8 and ends with a NUL")
}

/// Reads all of its memory, for AddressSanitizer.
private func touch(_ bytes: UnsafePointer<UInt8>?, _ length: Int) {
    let sum = UnsafeBufferPointer(start: bytes, count: length).reduce(0) { $0 &+ Int($1) }
    require(sum <= 255 * length, "a byte is 255 at most")
}

private func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
