import CWslay

/// Why no message comes from a WebSocket any more.
package enum WebSocketFailure: Error, Equatable {
    /// The peer closed it, with this code (1005: none given) and its words.
    case closed(code: UInt16, reason: String)
    /// Its bytes break RFC 6455.
    case broken
    /// A text message, or one of another type than binary.
    case notBinary
    /// A message longer than the most accepted.
    case tooLong
    /// libwslay has no memory.
    case system
}

/// Cuts a stream of WebSocket frames, however it arrives split, into binary messages with libwslay, and answers pings and
/// closes: what to send for that is in `controls`. Memory follows the bytes that came, never a length that was only
/// announced. It does no I/O. For one thread at a time.
package struct WebSocketReader: ~Copyable {
    fileprivate final class State {
        /// What was received and is not looked at yet.
        @exclusivity(unchecked) var input = UnsafeRawBufferPointer(start: nil, count: 0)
        /// Messages and the beginning of the next, back to back.
        @exclusivity(unchecked) var buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: WebSocketReader.baseCapacity, alignment: 16)
        @exclusivity(unchecked) var end = 0
        /// Whole messages in it, of which the first `taken` were handed out.
        @exclusivity(unchecked) var messages: [Range<Int>] = []
        @exclusivity(unchecked) var taken = 0
        /// Where the message begins that is not whole.
        @exclusivity(unchecked) var partial = 0
        /// Whether the frame that is coming belongs to a message; libwslay hands over the others' payload, too.
        @exclusivity(unchecked) var isOfMessage = false
        /// Frames that came to their end.
        @exclusivity(unchecked) var frames = 0
        @exclusivity(unchecked) var controls: [UInt8] = []
        @exclusivity(unchecked) var masks = MaskSource()
        @exclusivity(unchecked) var failure: WebSocketFailure?
        let maxMessageLength: Int
        /// What the peer's close frame said.
        @exclusivity(unchecked) var closed: WebSocketFailure?
        let answersPings: Bool

        init(maxMessageLength: Int, answersPings: Bool) {
            self.maxMessageLength = max(maxMessageLength, 0)
            self.answersPings = answersPings
        }

        deinit { buffer.deallocate() }

        /// What libwslay hands back to its callbacks.
        var opaque: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

        static func of(_ opaque: UnsafeMutableRawPointer?) -> State? {
            opaque.map { Unmanaged<State>.fromOpaque($0).takeUnretainedValue() }
        }
    }

    package static let baseCapacity = 16 * 1024
    static let keptCapacity = 256 * 1024

    private let context: OpaquePointer?
    private let state: State
    private let framing: WebSocketFraming?

    /// - Parameters:
    ///   - maxMessageLength: longest message accepted, in bytes.
    ///   - answersPings: a simulated peer may leave it.
    package init(_ role: WebSocketRole, maxMessageLength: Int, answersPings: Bool = true) {
        state = State(maxMessageLength: maxMessageLength, answersPings: answersPings)
        framing = WebSocketFraming(role)
        var callbacks = wslay_event_callbacks()
        callbacks.recv_callback = { context, buffer, count, _, state in
            guard let state = State.of(state), let buffer, !state.input.isEmpty else {
                wslay_event_set_error(context, Int32(WSLAY_ERR_WOULDBLOCK.rawValue))
                return -1
            }
            let input = state.input
            let taken = min(count, input.count)
            UnsafeMutableRawBufferPointer(start: buffer, count: taken).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: input[..<taken]))
            state.input = UnsafeRawBufferPointer(rebasing: input[taken...])
            return taken
        }
        callbacks.send_callback = { _, bytes, count, _, state in
            guard let state = State.of(state) else { return -1 }
            state.controls += UnsafeRawBufferPointer(start: bytes, count: count)
            return count
        }
        callbacks.genmask_callback = { _, mask, count, state in
            guard let state = State.of(state) else { return -1 }
            return state.masks.fill(UnsafeMutableRawBufferPointer(start: mask, count: count)) ? 0 : -1
        }
        callbacks.on_frame_recv_start_callback = { context, frame, state in
            guard let state = State.of(state), let frame else { return }
            WebSocketReader.frameBegins(context, frame.pointee, state)
        }
        callbacks.on_frame_recv_chunk_callback = { _, chunk, state in
            guard let state = State.of(state), let chunk, state.isOfMessage, state.failure == nil else { return }
            state.append(UnsafeRawBufferPointer(start: chunk.pointee.data, count: chunk.pointee.data_length))
        }
        callbacks.on_frame_recv_end_callback = { _, state in
            guard let state = State.of(state) else { return }
            state.frames += 1
        }
        callbacks.on_msg_recv_callback = { _, message, state in
            guard let state = State.of(state), let message else { return }
            WebSocketReader.messageEnds(message.pointee, state)
        }
        var made: wslay_event_context_ptr?
        let result =
            switch role {
            case .client: wslay_event_context_client_init(&made, &callbacks, state.opaque)
            case .server: wslay_event_context_server_init(&made, &callbacks, state.opaque)
            }
        context = result == 0 ? made : nil
        guard let context else { return }
        // It would keep a list of pieces; and its own limit is for each frame then, ours for the message.
        wslay_event_config_set_no_buffering(context, 1)
        wslay_event_config_set_max_recv_msg_length(context, UInt64(max(maxMessageLength, 0)))
    }

    deinit {
        wslay_event_context_free(context)
    }

    /// Takes in what was received. Invalidates messages handed out before.
    package mutating func received(_ bytes: UnsafeRawBufferPointer) {
        guard let context, framing != nil else { return state.failure = .system }
        guard state.failure == nil else { return }
        state.forgetTaken()
        state.input = bytes
        let result = wslay_event_recv(context)
        state.input = UnsafeRawBufferPointer(start: nil, count: 0)
        if result != 0 || wslay_event_get_read_enabled(context) == 0 { end(result) } else { drain(context) }
    }

    /// The next whole message, valid until the next `received`, or nil until more bytes come.
    package mutating func next() throws(WebSocketFailure) -> UnsafeRawBufferPointer? {
        guard let range = state.takeMessage() else {
            if let failure = state.failure { throw failure }
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: state.buffer[range])
    }

    /// Whether `next` has something to tell.
    package var hasMessage: Bool {
        state.taken < state.messages.count || state.failure != nil
    }

    /// How many frames came to their end, of whatever kind.
    package var frameCount: Int { state.frames }

    /// Hands over what must be sent for pings and closes.
    package mutating func takeControls(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard !state.controls.isEmpty else { return }
        state.controls.withUnsafeBytes { body($0) }
        state.controls = []
    }

    // MARK: - With libwslay

    private func drain(_ context: OpaquePointer) {
        while wslay_event_want_write(context) != 0 {
            guard wslay_event_send(context) == 0 else {
                state.failure = .system
                return
            }
        }
        // What libwslay made of pings; nothing else is to be sent while it reads.
        if !state.answersPings, state.closed == nil { state.controls = [] }
    }

    /// No more is read: the peer closed, or what it sent is refused.
    private func end(_ result: Int32) {
        guard let context, let framing else { return }
        if state.closed != nil {
            drain(context)
            state.failure = state.closed
            return
        }
        if result == Int32(WSLAY_ERR_NOMEM.rawValue) {
            state.failure = .system
            return
        }
        let code = closeCode(context, result)
        if state.failure == nil { refuse(code) }
        sayGoodbye(framing, code)
    }

    private func refuse(_ code: UInt16) {
        if code == 1009 {
            state.failure = .tooLong
        } else {
            state.failure = .broken
        }
    }

    private func sayGoodbye(_ framing: WebSocketFraming, _ code: UInt16) {
        var payload = code.bigEndian
        state.controls += withUnsafeBytes(of: &payload) { framing.frame(.close, $0) }
    }

    /// What to tell the peer. libwslay has queued a close frame, but for some causes with no code: it is dropped.
    private func closeCode(_ context: OpaquePointer, _ result: Int32) -> UInt16 {
        switch state.failure {
        case .tooLong: return 1009
        case .notBinary: return 1003
        case .none where result == 0:
            wslay_event_send(context)
            state.controls = []
            let said = wslay_event_get_status_code_sent(context)
            return said == 1009 || said == 1007 ? said : 1002
        default: return 1002
        }
    }

    private static func frameBegins(
        _ context: OpaquePointer?, _ frame: wslay_event_on_frame_recv_start_arg, _ state: State
    ) {
        let isMessage = frame.opcode <= UInt8(WSLAY_BINARY_FRAME.rawValue)
        state.isOfMessage = isMessage
        guard isMessage, state.failure == nil else { return }
        if frame.opcode == UInt8(WSLAY_TEXT_FRAME.rawValue) {
            state.failure = .notBinary
        } else if frame.payload_length > UInt64(max(state.maxMessageLength - state.partialCount, 0)) {
            state.failure = .tooLong
        } else {
            return
        }
        wslay_event_shutdown_read(context)
    }

    private static func messageEnds(_ message: wslay_event_on_msg_recv_arg, _ state: State) {
        switch UInt32(message.opcode) {
        case _ where state.failure != nil: break
        case WSLAY_BINARY_FRAME.rawValue: state.finishMessage()
        case WSLAY_CONNECTION_CLOSE.rawValue:
            // A code has two bytes (5.5.1), which libwslay lets pass as none.
            guard message.msg_length != 1 else { return state.failure = .broken }
            let payload = UnsafeRawBufferPointer(start: message.msg, count: message.msg_length)
            let reason = String(decoding: payload.dropFirst(2), as: UTF8.self)
            state.closed = .closed(
                code: message.status_code == 0 ? 1005 : message.status_code, reason: reason)
        default: break
        }
    }
}

extension WebSocketReader.State {
    fileprivate var partialCount: Int { end - partial }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer) {
        if buffer.count - end < bytes.count { resize(to: max(buffer.count * 2, end + bytes.count)) }
        UnsafeMutableRawBufferPointer(rebasing: buffer[end...]).copyMemory(from: bytes)
        end += bytes.count
    }

    fileprivate func finishMessage() {
        messages.append(partial..<end)
        partial = end
    }

    fileprivate func takeMessage() -> Range<Int>? {
        guard taken < messages.count else { return nil }
        defer { taken += 1 }
        return messages[taken]
    }

    /// Makes room: what was handed out is over.
    fileprivate func forgetTaken() {
        guard taken == messages.count, taken > 0 else { return }
        messages.removeAll(keepingCapacity: true)
        taken = 0
        let rest = end - partial
        if rest == 0, buffer.count > WebSocketReader.keptCapacity {
            buffer.deallocate()
            buffer = .allocate(byteCount: WebSocketReader.baseCapacity, alignment: 16)
        } else if rest > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[partial..<end]))
        }
        partial = 0
        end = rest
    }

    private func resize(to capacity: Int) {
        let new = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        new.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<end]))
        buffer.deallocate()
        buffer = new
    }
}
