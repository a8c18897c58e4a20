import Codec
import Foundation
import Testing

/// The arena as protobuf-c uses it: through an allocator, during decoding.
@Suite struct MessageArenaTests {
    /// Requests pieces of these sizes from a new arena, as decoding a body of `bodyLength` bytes would.
    /// - Returns: the piece's address, or nil if the arena refused.
    private func pieces(_ sizes: [Int], bodyLength: Int, _ arena: borrowing MessageArena) -> [UInt?] {
        var pieces: [UInt?] = []
        withExactBlock([UInt8](repeating: 0, count: bodyLength)) { body in
            let none: UnsafeMutablePointer<UInt8>? = arena.unpackPlain(body) { allocator, _, _ in
                for size in sizes {
                    let piece = allocator?.pointee.alloc(allocator?.pointee.allocator_data, size)
                    if let piece { memset(piece, 0xa5, size) }
                    pieces.append(piece.map { UInt(bitPattern: $0) })
                }
                return nil
            }
            #expect(none == nil)
        }
        return pieces
    }

    @Test func piecesAreAlignedAndApart() throws {
        let arena = MessageArena()
        // Several rounds, with much more than the block that is kept.
        for _ in 0..<3 {
            let sizes = [1, 2, 3, 15, 16, 17, 100, 4_000, 5_000, 1, 30_000, 7]
            let pieces = try pieces(sizes, bodyLength: 10, arena).map { try #require($0) }
            #expect(pieces.allSatisfy { $0.isMultiple(of: 16) })
            let spans = zip(pieces, sizes).sorted { $0.0 < $1.0 }
            for (lower, upper) in zip(spans, spans.dropFirst()) {
                #expect(lower.0 + UInt(lower.1) <= upper.0)
            }
        }
    }

    @Test func whatABodyMayCostIsBounded() throws {
        let arena = MessageArena()
        for bodyLength in [0, 1_000, 1_000_000] {
            let budget = 2 * bodyLength + 64 * 1024
            let most = pieces([Int](repeating: 16, count: (budget + 4 * 1024) / 16 + 10), bodyLength: bodyLength, arena)
            // The content of the first block is not counted.
            #expect(most.count { $0 != nil } == (budget + 4 * 1024) / 16)
            // And the next body has a budget of its own.
            #expect(pieces([budget], bodyLength: bodyLength, arena) != [nil])
            #expect(pieces([budget + 1], bodyLength: bodyLength, arena) == [nil])
        }
    }

    @Test func sizesThatCanNotBeAreRefused() {
        let arena = MessageArena()
        #expect(pieces([.max, .max - 15, .min, -1], bodyLength: 100, arena) == [nil, nil, nil, nil])
    }
}
