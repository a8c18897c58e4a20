import Testing

@testable import Codec

/// Compares the validator with the standard library.
@Suite struct UTF8ValidatorTests {
    private static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// Whether the validator accepts the bytes, in pieces, as complete text.
    private static func accepts(_ bytes: [UInt8], piece: Int) -> Bool {
        var text = UTF8Validator()
        var rest = bytes[...]
        while !rest.isEmpty {
            guard Array(rest.prefix(piece)).withUnsafeBytes({ text.accepts($0) }) else { return false }
            rest = rest.dropFirst(piece)
        }
        return text.isWhole
    }

    @Test("every sequence of two bytes, and of three and four of those at which a rule begins or ends") func sequences()
    {
        let edges: [UInt8] = [
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
            0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ]
        var sequences: [[UInt8]] = (0...255).flatMap { first in (0...255).map { [first, $0] } }
        for first in edges where first >= 0xc0 {
            for second in edges {
                for third: UInt8 in [0x7f, 0x80, 0xbf, 0xc0] {
                    sequences.append([first, second, third])
                    for fourth: UInt8 in [0x7f, 0x80, 0xbf, 0xc0] { sequences.append([first, second, third, fourth]) }
                }
            }
        }
        let wrong = sequences.filter { sequence in
            [1, 4].contains { Self.accepts(sequence, piece: $0) != Self.isText(sequence) }
        }
        #expect(wrong == [])
    }

    @Test("what is not ASCII is seen at every place of a word, in whatever pieces") func places() {
        for before in 0...17 {
            for (character, isText) in [("é".utf8.map { $0 }, true), ([0xff], false), ([0xe2, 0x82], false)] {
                for after in [0, 1, 9] {
                    let bytes =
                        [UInt8](repeating: 0x61, count: before) + character + [UInt8](repeating: 0x62, count: after)
                    for piece in [1, 2, 3, 8, 100] { #expect(Self.accepts(bytes, piece: piece) == isText) }
                    #expect(bytes.withUnsafeBytes { isUTF8($0) } == isText)
                }
            }
        }
    }

    @Test("a wrong byte is told at once") func firstWrongByte() {
        for (good, wrong): ([UInt8], UInt8) in [
            ([0xe0], 0x9f), ([0xed], 0xa0), ([0xf0], 0x8f), ([0xf4], 0x90), ([0xf0, 0x90], 0x7f), ([], 0xc1),
            ([], 0x80),
        ] {
            var text = UTF8Validator()
            #expect(good.withUnsafeBytes { text.accepts($0) })
            #expect([wrong].withUnsafeBytes { !text.accepts($0) })
        }
    }
}
