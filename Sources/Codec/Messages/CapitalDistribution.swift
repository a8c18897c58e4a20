import CMessages
import CProtobufC
import Glibc

/// Qot_GetCapitalDistribution.Request (docs/protocol.md, Messages).
package struct CapitalDistributionRequest: Equatable {
    package var market: Int32
    package var code: String
    /// QotHeader.securityFirm; the header is left out when nil.
    package var securityFirm: Int32?

    package init(market: Int32, code: String, securityFirm: Int32? = nil) {
        self.market = market
        self.code = code
        self.securityFirm = securityFirm
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        guard
            let request = arena.unpack(
                body, qot__get_capital_distribution__request__unpack, qot__get_capital_distribution__request__descriptor
            ),
            let c2s = request.pointee.c2s?.pointee, let security = c2s.security?.pointee, let code = security.code
        else { throw .malformed }
        self.init(market: security.market, code: String(cString: code))
        if let header = c2s.header?.pointee, header.has_securityfirm != 0 { securityFirm = header.securityfirm }
    }

    package func encoded() -> [UInt8] {
        code.withCString { code in
            let capacity = Self.maxEncodedSize(codeLength: self.code.utf8.count)
            return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                count = Self.encode(
                    market: market, code: code, securityFirm: securityFirm,
                    into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    /// Enough room for any request with a code of this length: five tags with lengths and two numbers around the code.
    package static func maxEncodedSize(codeLength: Int) -> Int { codeLength + 64 }

    /// Encodes without allocating.
    /// - Parameters:
    ///   - code: NUL-terminated.
    ///   - buffer: at least `maxEncodedSize` bytes.
    /// - Returns: the length; 0 if the buffer is smaller.
    package static func encode(
        market: Int32, code: UnsafePointer<CChar>, securityFirm: Int32?, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        // Cheaper than calling protobuf-c for the exact size first.
        guard let out = buffer.baseAddress, buffer.count >= maxEncodedSize(codeLength: strlen(code)) else { return 0 }
        var security = QotCommon__Security()
        qot__common__security__init(&security)
        security.market = market
        security.code = UnsafeMutablePointer(mutating: code)
        var header = QotCommon__QotHeader()
        qot__common__qot_header__init(&header)
        var c2s = QotGetCapitalDistribution__C2S()
        qot__get_capital_distribution__c2_s__init(&c2s)
        var request = QotGetCapitalDistribution__Request()
        qot__get_capital_distribution__request__init(&request)
        return withUnsafeMutablePointer(to: &security) { security in
            withUnsafeMutablePointer(to: &header) { header in
                withUnsafeMutablePointer(to: &c2s) { c2s in
                    c2s.pointee.security = security
                    if let securityFirm {
                        (header.pointee.has_securityfirm, header.pointee.securityfirm) = (1, securityFirm)
                        c2s.pointee.header = header
                    }
                    request.c2s = c2s
                    return qot__get_capital_distribution__request__pack(
                        &request, out.assumingMemoryBound(to: UInt8.self))
                }
            }
        }
    }
}

/// Qot_GetCapitalDistribution.S2C: the figures (docs/protocol.md, Messages). Amounts are in the security's currency.
package struct CapitalDistribution: Equatable, Sendable {
    package var inSuper: Double?
    package var inBig: Double
    package var inMid: Double
    package var inSmall: Double
    package var outSuper: Double?
    package var outBig: Double
    package var outMid: Double
    package var outSmall: Double
    /// The market's local time, `yyyy-MM-dd HH:mm:ss`.
    package var updateTime: String?
    /// Unix seconds.
    package var updateTimestamp: Double?

    package init(
        inSuper: Double? = nil, inBig: Double, inMid: Double, inSmall: Double, outSuper: Double? = nil, outBig: Double,
        outMid: Double, outSmall: Double, updateTime: String? = nil, updateTimestamp: Double? = nil
    ) {
        self.inSuper = inSuper
        self.inBig = inBig
        self.inMid = inMid
        self.inSmall = inSmall
        self.outSuper = outSuper
        self.outBig = outBig
        self.outMid = outMid
        self.outSmall = outSmall
        self.updateTime = updateTime
        self.updateTimestamp = updateTimestamp
    }
}

/// Qot_GetCapitalDistribution.Response.
package struct CapitalDistributionResponse: Equatable {
    package var head: AnyResponse
    package var content: CapitalDistribution?

    package init(head: AnyResponse, content: CapitalDistribution?) {
        self.head = head
        self.content = content
    }

    /// Decodes without copying the fields: every answer takes this path. The message is valid until the arena's next
    /// one.
    package static func unpack(
        _ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena
    ) throws(MessageError) -> UnsafePointer<QotGetCapitalDistribution__Response> {
        // Nearly every answer ends here: without unknown fields protobuf-c's result is right.
        if let message = arena.unpackPlain(body, qot__get_capital_distribution__response__unpack),
            !arena.hasDropped, message.pointee.base.n_unknown_fields == 0, let s2c = message.pointee.s2c,
            s2c.pointee.base.n_unknown_fields == 0
        {
            return UnsafePointer(message)
        }
        guard
            let message = arena.unpack(
                body, qot__get_capital_distribution__response__unpack,
                qot__get_capital_distribution__response__descriptor)
        else { throw .malformed }
        if message.pointee.rettype == RetType.succeed, message.pointee.s2c == nil { throw .noContent }
        return UnsafePointer(message)
    }

    package init(_ body: UnsafeRawBufferPointer, _ arena: borrowing MessageArena) throws(MessageError) {
        let message = try Self.unpack(body, arena).pointee
        head = AnyResponse(
            retType: message.rettype, retMsg: message.retmsg.map { String(cString: $0) },
            errCode: message.has_errcode != 0 ? message.errcode : nil)
        guard let s2c = message.s2c?.pointee else { return }
        content = CapitalDistribution(
            inSuper: s2c.has_capitalinsuper != 0 ? s2c.capitalinsuper : nil,
            inBig: s2c.capitalinbig, inMid: s2c.capitalinmid, inSmall: s2c.capitalinsmall,
            outSuper: s2c.has_capitaloutsuper != 0 ? s2c.capitaloutsuper : nil,
            outBig: s2c.capitaloutbig, outMid: s2c.capitaloutmid, outSmall: s2c.capitaloutsmall,
            updateTime: s2c.updatetime.map { String(cString: $0) },
            updateTimestamp: s2c.has_updatetimestamp != 0 ? s2c.updatetimestamp : nil)
    }

    package func encoded() -> [UInt8] {
        var response = QotGetCapitalDistribution__Response()
        qot__get_capital_distribution__response__init(&response)
        response.rettype = head.retType ?? RetType.unknown
        if let errCode = head.errCode { (response.has_errcode, response.errcode) = (1, errCode) }
        return withMutableCString(head.retMsg) { retMsg in
            withMutableCString(content?.updateTime) { updateTime in
                response.retmsg = retMsg
                guard let content else { return packed(&response) }
                var s2c = QotGetCapitalDistribution__S2C()
                qot__get_capital_distribution__s2_c__init(&s2c)
                if let inSuper = content.inSuper { (s2c.has_capitalinsuper, s2c.capitalinsuper) = (1, inSuper) }
                if let outSuper = content.outSuper { (s2c.has_capitaloutsuper, s2c.capitaloutsuper) = (1, outSuper) }
                s2c.capitalinbig = content.inBig
                s2c.capitalinmid = content.inMid
                s2c.capitalinsmall = content.inSmall
                s2c.capitaloutbig = content.outBig
                s2c.capitaloutmid = content.outMid
                s2c.capitaloutsmall = content.outSmall
                s2c.updatetime = updateTime
                if let timestamp = content.updateTimestamp {
                    (s2c.has_updatetimestamp, s2c.updatetimestamp) = (1, timestamp)
                }
                return withUnsafeMutablePointer(to: &s2c) { s2c in
                    response.s2c = s2c
                    return packed(&response)
                }
            }
        }
    }
}
