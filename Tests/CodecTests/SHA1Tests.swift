import Codec
import Testing

@Suite struct SHA1Tests {
    /// FIPS 180 and RFC 3174.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        (String(repeating: "01234567", count: 80), "dea356a2cddd90c7a7ecedc5ebb563934f460452"),
    ]) func knownAnswer(_ text: String, _ digest: String) throws {
        #expect(try hex(sha1(Array(text.utf8))) == digest)
    }

    /// Every position of a body's end in its last block. The expected digest of the digests comes from Python's
    /// hashlib.
    @Test func bodiesOfEachLengthHaveTheRightDigest() throws {
        var digests: [UInt8] = []
        for count in 0..<200 {
            let digest = try sha1((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) })
            digests += withUnsafeBytes(of: digest) { Array($0) }
        }
        #expect(try hex(sha1(digests)) == "c2add6cb3908952ddaf192d7f14c30588649e3b5")
    }

    @Test func noBytesAtAllHaveADigest() {
        let digest = SHA1Digest(of: UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(digest.map { hex($0) } == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test(arguments: Vectors.all.frames) func anyChangedBitOfABodyIsDetected(_ vector: Vectors.Frame) throws {
        let frame = try #require(fromHex(vector.bytes))
        let header = try #require(try frame.withUnsafeBytes { try FrameHeader($0, maxBodyLength: 4096) })
        var body = Array(frame[FrameHeader.size...])
        #expect(try sha1(body) == header.sha1)
        for bit in 0..<(body.count * 8) {
            body[bit / 8] ^= 1 << (bit % 8)
            #expect(try sha1(body) != header.sha1, "bit \(bit)")
            body[bit / 8] ^= 1 << (bit % 8)
        }
    }

    @Test func anyChangedBitOfADigestIsDetected() throws {
        var digest = SHA1Digest()
        let right = try sha1(Array("abc".utf8))
        for bit in 0..<160 {
            digest = right
            withUnsafeMutableBytes(of: &digest) { $0[bit / 8] ^= 1 << (bit % 8) }
            #expect(digest != right, "bit \(bit)")
        }
    }
}
