import Codec
import Simulator

/// Reads the bytes that the library passes to a socket, to know which frames it has made. The gateway gets them later.
final class SentFrames {
    struct Frame {
        var protoID: UInt32
        /// Empty if it is encrypted.
        var body: [UInt8]
    }

    private var reader = FrameReader(maxBodyLength: 1 << 20)
    /// nil: over TCP.
    private let bridge: BridgeStream?
    private let isEncrypted: Bool
    /// The number of bytes that the socket did not take. They are passed again.
    private var offeredBefore = 0

    init(isWebSocket: Bool, isEncrypted: Bool) {
        bridge = isWebSocket ? BridgeStream(nil, answersPings: false) : nil
        self.isEncrypted = isEncrypted
    }

    /// - Parameters:
    ///   - bytes: all bytes that wait to be sent.
    ///   - taken: how many of them the socket takes.
    /// - Returns: the frames that end in bytes that were not passed before.
    func offered(_ bytes: UnsafeRawBufferPointer, taken: Int) -> [Frame] {
        let new = UnsafeRawBufferPointer(rebasing: bytes[min(offeredBefore, bytes.count)...])
        offeredBefore = bytes.count - taken
        var frames: [Frame] = []
        if let bridge {
            _ = bridge.received(new, heard: {}) { frames.append(Frame(protoID: $0.command, body: [UInt8]($1))) }
            return frames
        }
        reader.append(new)
        while let frame = try? reader.next() {
            frames.append(Frame(protoID: frame.header.protoID, body: isEncrypted ? [] : [UInt8](frame.body)))
        }
        return frames
    }
}
