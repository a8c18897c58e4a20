import Codec
import Simulator

/// What may go wrong with one frame on its way to the client.
enum Fault: CaseIterable {
    case dropped, duplicated, late, veryLate, flipped, otherProtocol, unknownSerial, badMagic, hugeLength, emptyBody
    case jsonFormat, randomBytes, cutShort, truncatedBody, noContent, lostRequiredField, pushInFront, closedAfter

    /// Whether the line can go on after it.
    var endsLine: Bool {
        switch self {
        case .badMagic, .hugeLength, .jsonFormat, .randomBytes, .cutShort, .closedAfter: true
        default: false
        }
    }
}

/// How a gateway treats a new line.
enum Greeting: CaseIterable {
    case normal, refusesConnection, acceptsAndCloses, acceptsAndIsSilent, refusesInitConnect, noContent, damaged
    case stopsAnswering
}

enum Frames {
    /// The pieces that go over the line for a frame with a fault, each a chunk of bytes with its delay in milliseconds.
    static func pieces(
        _ frame: Gateway.SentFrame, _ fault: Fault?, _ chance: inout Chance
    ) -> [(bytes: [UInt8], delay: Int64)] {
        let header = FrameHeader.size
        var bytes = frame.bytes
        switch fault {
        case nil: break
        case .dropped: return []
        case .duplicated: bytes += bytes
        case .late: return [(bytes, chance.time(50...2_000))]
        case .veryLate: return [(bytes, chance.time(2_000...60_000))]
        case .flipped:
            if bytes.count > header { bytes[chance.pick(header...(bytes.count - 1))] ^= 1 << UInt8(chance.pick(0...7)) }
        case .otherProtocol: bytes[2] ^= 1
        case .unknownSerial: bytes[11] ^= 0x80
        case .badMagic: bytes[chance.pick(0...1)] ^= 0x20
        case .hugeLength: bytes[15] = 0xff
        case .emptyBody: bytes = rebuilt(frame, [])
        case .jsonFormat: bytes[6] = 1
        case .randomBytes: bytes = chance.bytes(chance.pick(1...200))
        case .cutShort: bytes.removeLast(chance.pick(1...bytes.count - 1))
        case .truncatedBody:
            bytes = rebuilt(frame, Array(bytes[header...].prefix(chance.pick(0...max(bytes.count - header - 1, 0)))))
        case .noContent: bytes = rebuilt(frame, AnyResponse(retType: 0).encoded())
        case .lostRequiredField: bytes = rebuilt(frame, AnyResponse(retType: nil, retMsg: "?").encoded())
        case .pushInFront:
            let body = Notify.encodedConnectStatus(qotLogined: true, trdLogined: false)
            bytes = rebuilt(frame, body, protoID: ProtoID.notify) + bytes
        case .closedAfter: break
        }
        return [(bytes, 0)]
    }

    /// The same header around another body, with the right SHA-1.
    static func rebuilt(_ frame: Gateway.SentFrame, _ body: [UInt8], protoID: UInt32? = nil) -> [UInt8] {
        var writer = FrameWriter()
        _ = body.withUnsafeBytes {
            writer.append(protoID: protoID ?? frame.protoID, serialNo: frame.serialNo, body: $0)
        }
        return [UInt8](writer.pending)
    }
}
