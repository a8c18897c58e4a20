import CCapDist
import Codec
import Core
import Glibc

/// What the exports store of a request until it ends.
struct Ticket {
    /// The application's callback.
    enum Callback {
        case reply(capdist_reply_fn)
        case proto(capdist_proto_fn)
    }

    let callback: Callback
    let userData: UnsafeMutableRawPointer?
    /// For a request for a capital distribution.
    let security: capdist_security
}

extension Payload {
    /// A request for a capital distribution; nil if there is no memory.
    /// - Parameter firm: 0: it is not sent.
    init?(
        _ security: capdist_security, firm: Int32, _ callback: @escaping capdist_reply_fn,
        userData: UnsafeMutableRawPointer?
    ) {
        let ticket = Ticket(callback: .reply(callback), userData: userData, security: security)
        let most = CapitalDistributionRequest.maxEncodedSize(codeLength: Int(CAPDIST_CODE_SIZE))
        self.init(ticket, most) { room in
            // The code has a NUL: that was checked before.
            withUnsafeBytes(of: security.code) { code in
                guard let code = code.baseAddress?.assumingMemoryBound(to: CChar.self) else { return 0 }
                return CapitalDistributionRequest.encode(
                    market: security.market, code: code, securityFirm: firm != 0 ? firm : nil, into: room)
            }
        }
    }

    /// Any other request; nil if there is no memory.
    init?(body: UnsafeRawBufferPointer, _ callback: @escaping capdist_proto_fn, userData: UnsafeMutableRawPointer?) {
        let ticket = Ticket(callback: .proto(callback), userData: userData, security: capdist_security())
        self.init(ticket, body.count) { room in
            room.copyMemory(from: body)
            return body.count
        }
    }

    private init?(_ ticket: Ticket, _ most: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        let start = MemoryLayout<Ticket>.stride
        guard let memory = malloc(start + most) else { return nil }
        memory.bindMemory(to: Ticket.self, capacity: 1).initialize(to: ticket)
        let room = UnsafeMutableRawBufferPointer(start: memory + start, count: most)
        self.init(memory, body: UnsafeRawBufferPointer(rebasing: room[..<fill(room)]))
    }

    /// The memory was bound to this type when the payload was made.
    var ticket: UnsafePointer<Ticket> { UnsafePointer(memory.assumingMemoryBound(to: Ticket.self)) }

    /// The request's name in the log.
    static func name(_ request: Request<Payload>) -> String {
        let ticket = request.payload.ticket
        guard case .reply = ticket.pointee.callback else { return "protocol \(request.protoID)" }
        let security = ticket.pointee.security
        let code = withUnsafeBytes(of: security.code) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(Market(rawValue: security.market).map { "\($0.prefix)" } ?? "#\(security.market)").\(code)"
    }
}
