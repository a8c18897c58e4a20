import Foundation
import Codec
import Testing

/// A body in a block of exactly its size, so that a memory checker detects any read beyond it.
func withExactBlock<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: bytes)
    return try body(UnsafeRawBufferPointer(block))
}

/// Decodes `bytes` with a decoder of the codec, in an arena of its own.
func decode<Value>(
    _ bytes: [UInt8],
    _ decoder: (UnsafeRawBufferPointer, borrowing MessageArena) throws(MessageError) -> Value
) throws -> Value {
    let arena = MessageArena()
    return try withExactBlock(bytes) { try decoder($0, arena) }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

func hex(_ digest: SHA1Digest) -> String { withUnsafeBytes(of: digest) { hex($0) } }

/// The bytes in a hexadecimal text; nil if it is not valid.
func fromHex(_ text: String) -> [UInt8]? {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

func sha1(_ bytes: [UInt8]) throws -> SHA1Digest {
    try #require(withExactBlock(bytes) { SHA1Digest(of: $0) })
}

/// A random number generator with a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }
}

/// The test's seed, which is printed so that a failure can be repeated. `CAPDIST_TEST_SEED=n` sets it.
func printedSeed(_ test: String = #function) -> UInt64 {
    let set = ProcessInfo.processInfo.environment["CAPDIST_TEST_SEED"].flatMap(UInt64.init)
    let seed = set ?? UInt64.random(in: 0...UInt64(UInt32.max))
    print("\(test): CAPDIST_TEST_SEED=\(seed)")
    return seed
}

/// Builds protobuf messages without using the codec.
struct Wire {
    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var out: [UInt8] = []
        while rest > 0x7f {
            out.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }

    static func tag(_ field: Int, _ wireType: Int) -> [UInt8] { varint(UInt64(field << 3 | wireType)) }

    static func number(_ field: Int, _ value: Int64) -> [UInt8] { tag(field, 0) + varint(UInt64(bitPattern: value)) }

    static func double(_ field: Int, _ value: Double) -> [UInt8] {
        tag(field, 1) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }

    static func bytes(_ field: Int, _ value: [UInt8]) -> [UInt8] {
        tag(field, 2) + varint(UInt64(value.count)) + value
    }

    static func text(_ field: Int, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }

    static func fixed32(_ field: Int, _ value: UInt32) -> [UInt8] {
        tag(field, 5) + withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
