import Codec

/// One step on a connection, instead of sending a frame as it is.
package enum WireStep: Equatable, Sendable {
    /// Send a piece by itself, right after the previous step.
    case send([UInt8])
    /// The same this many nanoseconds later, while other frames are sent.
    case sendLater([UInt8], Instant)
    /// Hold it until the client's next frame is sent, at most for `Fault.longestHold`. Then send it right before that,
    /// in one piece with it, or right after.
    case hold([UInt8], Hold)
    case close
    /// Close with RST.
    case reset

    package enum Hold: Sendable {
        case glued, after
    }
}

extension Fault {
    /// How long a frame is held at most, in nanoseconds.
    package static let longestHold: Instant = 100_000_000

    /// What a fault of scope `.frame` does to one frame. Other faults do not change it.
    /// - Parameters:
    ///   - argument: in the fault's range; nil: the fault's default.
    ///   - random: for all random choices.
    /// - Returns: what to do on the connection, in order; empty if nothing is sent.
    package func apply(
        _ argument: Int64? = nil, to frame: Gateway.SentFrame, using random: inout some RandomNumberGenerator
    ) -> [WireStep] {
        let argument = argument ?? self.argument?.initial ?? 0
        guard frame.bytes.count >= frame.headerSize else { return [.send(frame.bytes)] }
        if let changed = body(frame.body, argument, frame.protoID, frame.words, using: &random) {
            return [.send(frame.made(frame.protoID, frame.serialNo, changed))]
        }
        return steps(argument, frame, using: &random) ?? [.send(bytes(argument, frame, using: &random))]
    }

    /// - Returns: nil if this fault does not change when or whether a frame is sent.
    private func steps(
        _ argument: Int64, _ frame: Gateway.SentFrame, using random: inout some RandomNumberGenerator
    ) -> [WireStep]? {
        let header = frame.headerSize
        switch self {
        case .closeInHeader:
            return [.send(Array(frame.bytes.prefix(Int.random(in: 1..<header, using: &random)))), .close]
        case .closeInBody:
            let length = frame.bytes.count - header
            let count = length == 0 ? 0 : Int.random(in: 0..<length, using: &random)
            return [.send(Array(frame.bytes.prefix(header + count))), .close]
        case .reset: return [.reset]
        case .bytewise: return frame.bytes.map { .send([$0]) }
        case .ragged:
            var pieces: [WireStep] = []
            var rest = frame.bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...50, using: &random))
                pieces.append(.send(Array(piece)))
                rest = rest.dropFirst(piece.count)
            }
            return pieces
        case .glued: return [.hold(frame.bytes, .glued)]
        case .reorder: return [.hold(frame.bytes, .after)]
        case .duplicate: return [.send(frame.bytes), .send(frame.bytes)]
        case .never, .noKeepAlive: return []
        case .late: return [.sendLater(frame.bytes, argument * 1_000_000)]
        case .delay: return [.sendLater(frame.bytes, Int64.random(in: 0...argument, using: &random) * 1_000_000)]
        case .unknownSerial: return [.send(frame.made(frame.protoID, frame.serialNo ^ 0x8000_0000, frame.body))]
        case .otherProto:
            let isTaken = frame.protoID == ProtoID.getGlobalState
            return [.send(frame.made(isTaken ? ProtoID.keepAlive : ProtoID.getGlobalState, frame.serialNo, frame.body))]
        case .clear where !frame.isWebSocket:
            return [.send(Encryption.none.frame(frame.protoID, frame.serialNo, frame.body))]
        default: return nil
        }
    }

    /// The frame with an error in it; unchanged if this fault makes none.
    private func bytes(
        _ argument: Int64, _ frame: Gateway.SentFrame, using random: inout some RandomNumberGenerator
    ) -> [UInt8] {
        let header = frame.headerSize
        var bytes = frame.bytes
        switch self {
        case .badMagic:
            let magic =
                frame.isWebSocket ? (header - SectionHeader.replySize)...(header - SectionHeader.replySize + 7) : 0...1
            bytes[Int.random(in: magic, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case .badSHA1 where frame.isWebSocket: break
        case .badSHA1: bytes[Int.random(in: 16...35, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case .flippedBit:
            if bytes.count > header {
                let place = Int.random(in: header..<bytes.count, using: &random)
                bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
        case .hugeLength where frame.isWebSocket:
            bytes = Self.webSocketHeader(UInt64(clamping: argument)) + bytes[(header - SectionHeader.replySize)...]
        case .shortLength where frame.isWebSocket:
            let message = bytes[(header - SectionHeader.replySize)...]
            bytes = Self.webSocketHeader(UInt64(message.count / 2)) + message
        case .unknownFormat where frame.isWebSocket: bytes[0] = bytes[0] & 0xf0 | 3
        case .jsonFormat where frame.isWebSocket:
            var queue = ByteQueue()
            let text = Array("{\"retType\":-1,\"retMsg\":\"on demand\"}".utf8)
            text.withUnsafeBytes { WebSocketFrame.append(.text, $0, mask: nil, to: &queue) }
            bytes = Array(queue.pending)
        case .hugeLength: Self.setLength(&bytes, UInt32(clamping: argument))
        case .shortLength: Self.setLength(&bytes, UInt32(clamping: (bytes.count - header) / 2))
        case .unknownFormat: bytes[Self.formatPlace] = 2
        case .jsonFormat:
            bytes = frame.made(frame.protoID, frame.serialNo, Array("{\"retType\":-1,\"retMsg\":\"on demand\"}".utf8))
            bytes[Self.formatPlace] = 1
        case .randomBytes: bytes = Self.randomBytes(bytes.count, using: &random)
        case .truncatedBlock:
            if case .none = frame.encryption { break }
            bytes.removeLast(min(Int.random(in: 1...15, using: &random), bytes.count - header))
            Self.setLength(&bytes, UInt32(clamping: bytes.count - header))
        case .wrongTail:
            if case .none = frame.encryption { break }
            if bytes.count > header { bytes[bytes.count - 1] ^= UInt8.random(in: 1...15, using: &random) << 4 }
        case .push:
            func push() -> [UInt8] { frame.made(ProtoID.notify, frame.pushNumbers?.next() ?? 0, Self.pushBody) }
            bytes = push() + bytes + push()
        case .pushSameSerial: bytes = frame.made(ProtoID.notify, frame.serialNo, Self.pushBody) + bytes
        default: break
        }
        return bytes
    }

    private static let pushBody = Notify.encodedConnectStatus(qotLogined: true, trdLogined: true)

    /// Offset of the body format in the header.
    private static let formatPlace = 6

    /// The first byte of a binary message in one frame.
    private static func webSocketHeader(_ length: UInt64) -> [UInt8] {
        if length < 126 { return [0x82, UInt8(length)] }
        if let short = UInt16(exactly: length) {
            return [0x82, 126] + withUnsafeBytes(of: short.bigEndian) { Array($0) }
        }
        return [0x82, 127] + withUnsafeBytes(of: length.bigEndian) { Array($0) }
    }

    private static func setLength(_ bytes: inout [UInt8], _ length: UInt32) {
        withUnsafeBytes(of: length.littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
    }
}
