import CCapDist
import Codec
import Glibc

/// What a request of the application carries through the state machine.
package struct Payload {
    /// Whom to tell.
    package enum Callback {
        case reply(capdist_reply_fn)
        case proto(capdist_proto_fn)
    }

    package let callback: Callback
    package let userData: UnsafeMutableRawPointer?
    /// 0: not sent.
    package let securityFirm: Int32
    /// The security of a request for a capital distribution, any other's body; from `malloc`. A request is copied on its way,
    /// and is to be small.
    private let memory: UnsafeMutableRawPointer?
    private let count: Int

    /// nil: no memory.
    package init?(
        _ security: capdist_security, firm: Int32, _ callback: @escaping capdist_reply_fn,
        userData: UnsafeMutableRawPointer?
    ) {
        self.callback = .reply(callback)
        self.userData = userData
        securityFirm = firm
        count = MemoryLayout<capdist_security>.size
        memory = malloc(count)
        guard let memory else { return nil }
        memory.storeBytes(of: security, as: capdist_security.self)
    }

    /// nil: no memory.
    package init?(
        body: UnsafeRawBufferPointer, _ callback: @escaping capdist_proto_fn, userData: UnsafeMutableRawPointer?
    ) {
        self.callback = .proto(callback)
        self.userData = userData
        securityFirm = 0
        count = body.count
        memory = count > 0 ? malloc(count) : nil
        guard let start = body.baseAddress, count > 0 else { return }
        guard let memory else { return nil }
        memory.copyMemory(from: start, byteCount: count)
    }

    /// Of a request for a capital distribution.
    var security: capdist_security { memory?.load(as: capdist_security.self) ?? capdist_security() }

    /// Of any other request.
    var body: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    /// For the log.
    static func name(_ request: Request<Payload>) -> String {
        guard case .reply = request.payload.callback else { return "protocol \(request.protoID)" }
        let security = request.payload.security
        let code = withUnsafeBytes(of: security.code) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(Market(rawValue: security.market).map { "\($0.prefix)" } ?? "#\(security.market)").\(code)"
    }

    /// Frees what the payload owns, once its request is complete or was refused.
    package func dispose() { free(memory) }
}
