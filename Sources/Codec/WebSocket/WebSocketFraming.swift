import CSystem
import CWslay

/// Which end of a WebSocket this is: a client masks what it sends, a server must not (RFC 6455, 5.1).
package enum WebSocketRole: Sendable {
    case client, server
}

/// Bytes of masks, each used once, that no script in the middle can guess (RFC 6455, 5.3 and 10.3). From the system by the
/// block: a call for every frame would cost more than the frame.
struct MaskSource {
    private var block = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    private var used = Int.max

    /// - Returns: false if the system has none.
    mutating func fill(_ mask: UnsafeMutableRawBufferPointer) -> Bool {
        withUnsafeMutableBytes(of: &block) { block in
            if used > block.count - mask.count {
                guard mask.count <= block.count, csystem_random(block.baseAddress, block.count) == 0 else {
                    return false
                }
                used = 0
            }
            mask.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[used..<(used + mask.count)]))
            used += mask.count
            return true
        }
    }
}

/// Makes whole WebSocket frames with libwslay. For one thread at a time.
package final class WebSocketFraming {
    package enum Opcode: UInt8, Sendable {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    private struct State {
        var masks = MaskSource()
        /// Where frames go, while one is made.
        var target: UnsafeMutablePointer<ByteQueue>?
    }

    private let context: OpaquePointer
    private let state: UnsafeMutablePointer<State>
    private let role: WebSocketRole
    /// The message that is being made.
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private static let keptScratch = 64 * 1024

    /// - Returns: nil if there is no memory.
    package init?(_ role: WebSocketRole) {
        self.role = role
        state = .allocate(capacity: 1)
        state.initialize(to: State())
        var callbacks = wslay_frame_callbacks()
        callbacks.send_callback = { bytes, count, _, state in
            guard let target = state?.assumingMemoryBound(to: State.self).pointee.target else { return -1 }
            target.pointee.append(UnsafeRawBufferPointer(start: bytes, count: count))
            return count
        }
        callbacks.genmask_callback = { mask, count, state in
            guard let state = state?.assumingMemoryBound(to: State.self) else { return -1 }
            return state.pointee.masks.fill(UnsafeMutableRawBufferPointer(start: mask, count: count)) ? 0 : -1
        }
        var made: wslay_frame_context_ptr?
        guard wslay_frame_context_init(&made, &callbacks, state) == 0, let made else {
            state.deallocate()
            return nil
        }
        context = made
    }

    deinit {
        wslay_frame_context_free(context)
        state.deallocate()
        scratch.deallocate()
    }

    /// Appends one frame.
    /// - Parameter isFinal: whether its message ends with it.
    /// - Returns: false if the system has no random bytes; nothing is appended then.
    package func append(
        _ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isFinal: Bool = true, to queue: inout ByteQueue
    ) -> Bool {
        withUnsafeMutablePointer(to: &queue) { queue in
            state.pointee.target = queue
            defer { state.pointee.target = nil }
            var frame = wslay_frame_iocb()
            frame.fin = isFinal ? 1 : 0
            frame.opcode = opcode.rawValue
            frame.payload_length = UInt64(payload.count)
            frame.mask = role == .client ? 1 : 0
            frame.data = payload.baseAddress?.assumingMemoryBound(to: UInt8.self)
            frame.data_length = payload.count
            // It takes all at once, since the target does; for a payload of none it says 0.
            return wslay_frame_send(context, &frame) == payload.count
        }
    }

    /// One frame by itself; empty if the system has no random bytes.
    @inline(never)
    package func frame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) -> [UInt8] {
        var queue = ByteQueue()
        return append(opcode, payload, to: &queue) ? Array(queue.pending) : []
    }

    /// Appends one frame with what `fill` writes.
    /// - Parameter fill: returns the length, at most `capacity`.
    @inline(__always)
    func append(
        _ opcode: Opcode, capacity: Int, to queue: inout ByteQueue, _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Bool {
        if scratch.count < capacity { resize(to: capacity) }
        let length = fill(scratch)
        let isDone = append(opcode, UnsafeRawBufferPointer(rebasing: scratch[..<length]), to: &queue)
        if scratch.count > Self.keptScratch { resize(to: 1024) }
        return isDone
    }

    func wipe() { Crypto.wipe(scratch) }

    private func resize(to count: Int) {
        scratch.deallocate()
        scratch = .allocate(byteCount: max(count, 1024), alignment: 16)
    }
}
