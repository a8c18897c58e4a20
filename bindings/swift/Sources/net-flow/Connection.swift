import CCapDist

/// A call was refused, or a request completed without figures.
struct CapDistError: Error, CustomStringConvertible {
    let status: capdist_status
    /// Whether to repeat the request: one of `CAPDIST_RETRY_*`.
    let retry: Int32
    let description: String

    /// The error for a refused call.
    init(_ status: capdist_status, _ text: UnsafePointer<CChar>?) {
        self.status = status
        retry = capdist_status_retry(status)
        description = text.map { String(cString: $0) } ?? ""
    }

    /// The error for a request that completed without figures.
    init(_ reply: UnsafePointer<capdist_reply>) {
        status = reply.pointee.status
        // The struct of an older library ends before the field.
        let isTold = reply.pointee.present & UInt32(CAPDIST_HAS_RETRY) != 0
        retry = isTold ? reply.pointee.retry : Int32(CAPDIST_RETRY_UNKNOWN)
        description = reply.pointee.desc.map { String(cString: $0) } ?? ""
    }
}

/// The figures and the time of an answer.
struct Distribution {
    let flows: [Flow]
    /// Nil if the gateway sent no time, or an invalid one.
    let updateWallClock: WallClock?
}

/// A connection to a gateway. It is released with the last reference to this object.
final class Connection: Sendable {
    // The library looks handles up and never dereferences them, and every function may be called from any thread.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Starts to connect. Requests may be made right away: they are queued until the connection is established.
    init(host: String, port: Int32) throws {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.port = port
        options.reconnect = 0  // a gateway that is not there is an error
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
    /// - Parameter maxAge: milliseconds. Above 0, requests for the same stock at about the same time share one answer and one slot of
    ///   the quota: one that is at most so old, or that another request waits for.
    func capitalDistribution(_ name: String, maxAge: Int32 = 0) async throws -> Distribution {
        try await withCheckedThrowingContinuation { continuation in
            let box = Unmanaged.passRetained(Box(continuation))
            var security = capdist_security()
            var options = capdist_request_options()
            capdist_request_options_init(&options, MemoryLayout<capdist_request_options>.size)
            options.max_age_ms = maxAge
            var status = capdist_security_parse(name, &security)
            if status == CAPDIST_OK {
                status = capdist_get_capital_distribution(
                    handle, &security, &options, answered, box.toOpaque(), nil)
            }
            if status == CAPDIST_UNSUPPORTED {
                // Version 1.0 shares no answers, and refuses what it does not know.
                options.max_age_ms = 0
                status = capdist_get_capital_distribution(
                    handle, &security, &options, answered, box.toOpaque(), nil)
            }
            if status != CAPDIST_OK {
                box.release()  // refused: the callback is never called
                continuation.resume(throwing: CapDistError(status, capdist_last_error()))
            }
        }
    }
}

private final class Box {
    let continuation: CheckedContinuation<Distribution, any Error>
    init(_ continuation: CheckedContinuation<Distribution, any Error>) { self.continuation = continuation }
}

/// The callback of requests. Called on the connection's thread. The reply is valid until it returns.
private func answered(
    _: OpaquePointer?, _: UInt32, _ reply: UnsafePointer<capdist_reply>?, _ userData: UnsafeMutableRawPointer?
) {
    guard let userData, let reply else { return }
    let continuation = Unmanaged<Box>.fromOpaque(userData).takeRetainedValue().continuation
    // Access by pointer: a newer library's struct may be longer.
    guard let figures = reply.pointee.distribution else {
        continuation.resume(throwing: CapDistError(reply))
        return
    }
    let flows = Flow.all.map { name, group in Flow(name, group, of: figures) }
    let updateTime = figures.pointee.update_time.map { String(cString: $0) } ?? ""
    continuation.resume(returning: Distribution(flows: flows, updateWallClock: WallClock.read(updateTime)))
}
