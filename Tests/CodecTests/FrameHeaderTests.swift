import Codec
import Testing

@Suite struct FrameHeaderTests {
    /// A header whose fields are all different and not zero, with its 44 bytes.
    private static let bytes: [UInt8] =
        [0x46, 0x54, 0x8c, 0x0c, 0x00, 0x00, 0x00, 0x07, 0x04, 0x03, 0x02, 0x01, 0x14, 0x13, 0x12, 0x00]
        + (0xa0..<0xb4) + [UInt8](repeating: 0, count: 8)

    private func read(_ bytes: [UInt8], maxBodyLength: Int = .max) throws -> FrameHeader? {
        try withExactBlock(bytes) { try FrameHeader($0, maxBodyLength: maxBodyLength) }
    }

    private func written(_ header: FrameHeader) -> [UInt8] {
        var out = [UInt8](repeating: 0xee, count: FrameHeader.size)
        out.withUnsafeMutableBytes { header.write(to: $0) }
        return out
    }

    @Test func everyFieldHasItsPlace() throws {
        let header = try #require(try read(Self.bytes))
        #expect(header.protoID == 3212)
        #expect(header.format == 0)
        #expect(header.version == 7)
        #expect(header.serialNo == 0x0102_0304)
        #expect(header.bodyLength == 0x0012_1314)
        #expect(hex(header.sha1) == hex(0xa0..<0xb4))
        #expect(written(header) == Self.bytes)
    }

    @Test func largestNumbersPass() throws {
        let header = FrameHeader(
            protoID: .max, version: .max, serialNo: .max, bodyLength: .max, sha1: SHA1Digest())
        #expect(try read(written(header), maxBodyLength: Int(UInt32.max)) == header)
    }

    @Test func reservedBytesAreWrittenZeroAndNotRead() throws {
        var bytes = Self.bytes
        for index in 36..<44 { bytes[index] = 0xff }
        let header = try #require(try read(bytes))
        #expect(written(header) == Self.bytes)
    }

    @Test(arguments: 0..<FrameHeader.size) func partOfAHeaderIsNoHeaderYet(_ count: Int) throws {
        #expect(try read(Array(Self.bytes.prefix(count))) == nil)
    }

    @Test func badMagicIsNoticedAtTheFirstByte() {
        for byte in UInt8.min ... .max where byte != UInt8(ascii: "F") {
            #expect(throws: FrameError.badMagic) { try read([byte]) }
        }
    }

    @Test func badMagicIsNoticedAtTheSecondByte() {
        for byte in UInt8.min ... .max where byte != UInt8(ascii: "T") {
            #expect(throws: FrameError.badMagic) { try read([UInt8(ascii: "F"), byte]) }
        }
    }

    @Test func badMagicComesBeforeAnyOtherComplaint() {
        #expect(throws: FrameError.badMagic) { try read([UInt8](repeating: 0xff, count: 44), maxBodyLength: 0) }
    }

    @Test func onlyProtobufIsAFormat() throws {
        for format in UInt8(1) ... .max {
            var bytes = Self.bytes
            bytes[6] = format
            #expect(throws: FrameError.unsupportedFormat(format)) { try read(bytes) }
        }
    }

    @Test(arguments: [0, 1, 44, 4096, 4 << 20, Int(Int32.max), Int(UInt32.max) - 1])
    func theLongestBodyIsExact(_ longest: Int) throws {
        let exact = try #require(UInt32(exactly: longest))
        var header = FrameHeader(protoID: 1, serialNo: 1, bodyLength: exact, sha1: SHA1Digest())
        #expect(try read(written(header), maxBodyLength: longest)?.bodyLength == exact)
        header.bodyLength = exact + 1
        #expect(throws: FrameError.bodyTooLong(exact + 1)) { try read(written(header), maxBodyLength: longest) }
        header.bodyLength = .max
        #expect(throws: FrameError.bodyTooLong(.max)) { try read(written(header), maxBodyLength: longest) }
    }
}
