import Codec

/// The receiving half of one stream over WebSocket: between the socket's bytes, TLS's or the bridge's in clear, and its
/// messages. It does no I/O. For the thread that drives.
final class WebSocketStream {
    /// Where the socket's bytes go to; and, over TLS, where they are decrypted to.
    let space: UnsafeMutableRawBufferPointer
    let plain: UnsafeMutableRawBufferPointer
    /// nil once it is done.
    @exclusivity(unchecked) var upgrade: WebSocketUpgrade?
    @exclusivity(unchecked) var reader: WebSocketReader
    /// Frames that the state machine knows of.
    @exclusivity(unchecked) var framesTold = 0
    /// Whether the stream ends, and a close frame has been sent.
    @exclusivity(unchecked) var isClosing = false

    init(_ upgrade: WebSocketUpgrade, maxBodyLength: Int) {
        self.upgrade = upgrade
        reader = WebSocketReader(.client, maxMessageLength: SectionHeader.replySize + maxBodyLength)
        space = .allocate(byteCount: FrameReader.baseCapacity, alignment: 16)
        plain = .allocate(byteCount: FrameReader.baseCapacity, alignment: 16)
    }

    deinit {
        space.deallocate()
        plain.deallocate()
    }
}
