import CMessages
import CProtobufC

/// KeepAlive, request and answer (docs/protocol.md, Messages). `time` is in Unix seconds.
package enum KeepAlive {
    package static func encodedRequest(time: Int64) -> [UInt8] {
        var c2s = KeepAlive__C2S()
        keep_alive__c2_s__init(&c2s)
        c2s.time = time
        return withUnsafeMutablePointer(to: &c2s) { c2s in
            var request = KeepAlive__Request()
            keep_alive__request__init(&request)
            request.c2s = c2s
            return packed(&request)
        }
    }

    /// Like OpenD, it sends an empty `retMsg` and an `errCode` of 0.
    package static func encodedResponse(time: Int64) -> [UInt8] {
        var s2c = KeepAlive__S2C()
        keep_alive__s2_c__init(&s2c)
        s2c.time = time
        return withUnsafeMutablePointer(to: &s2c) { s2c in
            withMutableCString("") { retMsg in
                var response = KeepAlive__Response()
                keep_alive__response__init(&response)
                response.rettype = RetType.succeed
                response.retmsg = retMsg
                response.has_errcode = 1
                response.s2c = s2c
                return packed(&response)
            }
        }
    }

    /// The time in a request.
    package static func requestTime(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> Int64 {
        guard let request = arena.unpack(body, keep_alive__request__unpack, keep_alive__request__descriptor),
            let c2s = request.pointee.c2s
        else {
            throw .malformed
        }
        return c2s.pointee.time
    }

    /// The time in a successful response.
    package static func responseTime(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> Int64 {
        guard let response = arena.unpack(body, keep_alive__response__unpack, keep_alive__response__descriptor) else {
            throw .malformed
        }
        guard response.pointee.rettype == RetType.succeed, let s2c = response.pointee.s2c else { throw .noContent }
        return s2c.pointee.time
    }
}
