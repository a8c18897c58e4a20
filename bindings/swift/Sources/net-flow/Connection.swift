import CCapDist

/// Why there is no connection, or no figures.
struct CapDistError: Error, CustomStringConvertible {
    let status: capdist_status
    /// Whether to ask again: one of `CAPDIST_RETRY_*`.
    let retry: Int32
    let description: String

    /// A call that was refused.
    init(_ status: capdist_status, _ text: UnsafePointer<CChar>?) {
        self.status = status
        retry = capdist_status_retry(status)
        description = text.map { String(cString: $0) } ?? ""
    }

    /// A request that ended without figures.
    init(_ reply: UnsafePointer<capdist_reply>) {
        status = reply.pointee.status
        // An older library's struct ends before the field.
        let isTold = reply.pointee.present & UInt32(CAPDIST_HAS_RETRY) != 0
        retry = isTold ? reply.pointee.retry : Int32(CAPDIST_RETRY_UNKNOWN)
        description = reply.pointee.desc.map { String(cString: $0) } ?? ""
    }
}

/// What the gateway said of a stock.
struct Distribution {
    let flows: [Flow]
    /// Nil if the gateway left it out, or wrote what is no time.
    let updateWallClock: WallClock?
}

/// A connection to a gateway, released with the last reference to it.
final class Connection: Sendable {
    // A handle is looked up and never dereferenced, and every function may be called from any thread.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Starts connecting. Requests may be made at once: they wait for the connection.
    init(host: String, port: Int32) throws {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.port = port
        options.reconnect = 0  // a gateway that is not there is an error, not something to wait for
        var handle: OpaquePointer?
        let status = host.withCString { host in
            options.host = host
            return capdist_init_connect(&options, &handle)
        }
        guard status == CAPDIST_OK, let handle else { throw CapDistError(status, capdist_last_error()) }
        self.handle = handle
    }

    deinit { capdist_release(handle) }

    /// Every accepted request completes exactly once, which is what a continuation needs.
    func capitalDistribution(_ name: String) async throws -> Distribution {
        try await withCheckedThrowingContinuation { continuation in
            let box = Unmanaged.passRetained(Box(continuation))
            var security = capdist_security()
            var status = capdist_security_parse(name, &security)
            if status == CAPDIST_OK {
                status = capdist_get_capital_distribution(handle, &security, nil, answered, box.toOpaque(), nil)
            }
            if status != CAPDIST_OK {
                box.release()  // refused: no callback will come
                continuation.resume(throwing: CapDistError(status, capdist_last_error()))
            }
        }
    }
}

private final class Box {
    let continuation: CheckedContinuation<Distribution, any Error>
    init(_ continuation: CheckedContinuation<Distribution, any Error>) { self.continuation = continuation }
}

/// On the connection's thread. What it is handed lives until it returns.
private func answered(
    _: OpaquePointer?, _: UInt32, _ reply: UnsafePointer<capdist_reply>?, _ userData: UnsafeMutableRawPointer?
) {
    guard let userData, let reply else { return }
    let continuation = Unmanaged<Box>.fromOpaque(userData).takeRetainedValue().continuation
    // Reached by pointer: a newer library's struct may be longer than this program knows.
    guard let figures = reply.pointee.distribution else {
        continuation.resume(throwing: CapDistError(reply))
        return
    }
    let flows = Flow.all.map { name, group in Flow(name, group, of: figures) }
    let updateTime = figures.pointee.update_time.map { String(cString: $0) } ?? ""
    continuation.resume(returning: Distribution(flows: flows, updateWallClock: WallClock.read(updateTime)))
}
