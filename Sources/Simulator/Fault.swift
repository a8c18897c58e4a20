import Codec

/// What a gateway can get wrong on demand. docs/simulator.md lists all; `opend-simulator --fault` takes the raw value.
package enum Fault: String, CaseIterable, Sendable {
    // How the bytes of a frame are sent.
    case closeInHeader = "close-in-header"
    case closeInBody = "close-in-body"
    case reset
    case bytewise, ragged, glued, reorder, duplicate, never, late, delay
    // The header.
    case unknownSerial = "unknown-serial"
    case otherProto = "other-proto"
    case badMagic = "bad-magic"
    case badSHA1 = "bad-sha1"
    case flippedBit = "flipped-bit"
    case hugeLength = "huge-length"
    case shortLength = "short-length"
    case unknownFormat = "unknown-format"
    case jsonFormat = "json-format"
    // The body.
    case emptyBody = "empty-body"
    case randomBytes = "random-bytes"
    case randomBody = "random-body"
    case truncated
    case wrongTypes = "wrong-types"
    case missingField = "missing-field"
    case repeatedFields = "repeated-fields"
    case unknownFields = "unknown-fields"
    case nan, infinity, denormal
    case badUTF8 = "bad-utf8"
    case embeddedNUL = "embedded-nul"
    case longText = "long-text"
    case retType = "ret-type"
    case retTypeBare = "ret-type-bare"
    case tooFrequent = "too-frequent"
    case noQuoteRight = "no-quote-right"
    case upstreamLost = "upstream-lost"
    case upstreamTimeout = "upstream-timeout"
    case noContent = "no-content"
    // Encryption. They change nothing without a key.
    case clear
    case truncatedBlock = "truncated-block"
    case wrongTail = "wrong-tail"
    // Frames that nobody requested.
    case push
    case pushSameSerial = "push-same-serial"
    // InitConnect and KeepAlive.
    case initRefused = "init-refused"
    case initNoContent = "init-no-content"
    case keyLength = "key-length"
    case noIV = "no-iv"
    case ivLength = "iv-length"
    case keepAlive = "keep-alive"
    case noKeepAlive = "no-keep-alive"
    // A client's connection, the whole gateway.
    case acceptClose = "accept-close"
    case acceptSilent = "accept-silent"
    case dropAfter = "drop-after"
    case stopReading = "stop-reading"
    case restart

    /// What a fault affects.
    package enum Scope: Sendable {
        /// A frame that is sent.
        case frame
        /// A client's connection, as long as it lasts.
        case connection
        case gateway
    }

    package var scope: Scope {
        switch self {
        case .acceptClose, .acceptSilent, .dropAfter, .stopReading: .connection
        case .restart: .gateway
        default: .frame
        }
    }

    /// The number of a fault.
    package struct Argument: Sendable {
        package let unit: String
        /// The default.
        package let initial: Int64
        package let range: ClosedRange<Int64>
    }

    /// nil: the fault has no number.
    package var argument: Argument? {
        switch self {
        case .late: Argument(unit: "MS", initial: 2_000, range: 0...3_600_000)
        case .delay: Argument(unit: "MS", initial: 100, range: 0...3_600_000)
        case .hugeLength: Argument(unit: "BYTES", initial: Int64(UInt32.max), range: 0...Int64(UInt32.max))
        case .longText: Argument(unit: "BYTES", initial: 1 << 20, range: 0...(64 << 20))
        case .retType, .retTypeBare:
            Argument(unit: "N", initial: -1, range: Int64(Int32.min)...Int64(Int32.max))
        case .tooFrequent: Argument(unit: "SECONDS", initial: 1, range: 0...1_000_000_000)
        case .upstreamLost: Argument(unit: "SECONDS", initial: 10, range: 0...86_400)
        case .keyLength, .ivLength: Argument(unit: "BYTES", initial: 15, range: 0...(1 << 20))
        case .keepAlive: Argument(unit: "SECONDS", initial: 0, range: Int64(Int32.min)...Int64(Int32.max))
        case .dropAfter: Argument(unit: "ANSWERS", initial: 10, range: 1...1_000_000_000)
        case .stopReading: Argument(unit: "REQUESTS", initial: 10, range: 1...1_000_000_000)
        case .restart: Argument(unit: "REQUESTS", initial: 100, range: 1...1_000_000_000)
        default: nil
        }
    }

    /// The protocol whose frames it affects without WHICH.
    package var protoID: UInt32 {
        switch self {
        case .initRefused, .initNoContent, .keyLength, .noIV, .ivLength, .keepAlive: ProtoID.initConnect
        case .noKeepAlive: ProtoID.keepAlive
        default: ProtoID.getCapitalDistribution
        }
    }

    /// The faults that `any` chooses from: all that can affect any answer.
    package static let ofAnswers: [Fault] = allCases.filter {
        $0.scope == .frame && $0.protoID == ProtoID.getCapitalDistribution
    }

    /// A short text for people.
    package var text: String {
        switch self {
        case .closeInHeader: "sends a part of the header, then closes the connection"
        case .closeInBody: "sends the header and a part of the body, then closes the connection"
        case .reset: "resets the connection instead of an answer"
        case .bytewise: "sends one byte at a time"
        case .ragged: "sends pieces of random size"
        case .glued: "sends the answer in one piece with the client's next frame, at the latest after 100 ms"
        case .reorder: "sends the answer after the client's next frame, at the latest after 100 ms"
        case .duplicate: "sends the answer twice"
        case .never: "never sends the answer"
        case .late: "sends the answer MS milliseconds later, and others meanwhile"
        case .delay: "sends the answer later by a random time of up to MS milliseconds"
        case .unknownSerial: "the answer has a serial number that nobody used"
        case .otherProto: "the answer has the protocol number of GetGlobalState"
        case .badMagic: "one bit of FT is wrong"
        case .badSHA1: "one bit of the SHA-1 is wrong"
        case .flippedBit: "one bit of the body is wrong; the SHA-1 is that of the right body"
        case .hugeLength: "the header has this body length; the body is unchanged"
        case .shortLength: "the header has half the body's length; the body is unchanged"
        case .unknownFormat: "body format 2"
        case .jsonFormat: "body format 1 and a body in JSON"
        case .emptyBody: "a body of no bytes"
        case .randomBytes: "random bytes of the same number instead"
        case .randomBody: "a random body with its right SHA-1"
        case .truncated: "a part of the body, with its right SHA-1"
        case .wrongTypes: "fields have other types than theirs"
        case .missingField: "one of the required fields is missing"
        case .repeatedFields: "each field comes twice, the wrong value first"
        case .unknownFields: "there are more fields, with unknown numbers"
        case .nan: "every amount is NaN"
        case .infinity: "every amount is infinite, plus and minus in turn"
        case .denormal: "every amount is the smallest positive double"
        case .badUTF8: "texts are not UTF-8"
        case .embeddedNUL: "texts contain a NUL"
        case .longText: "the retMsg has this length"
        case .retType: "refused with this retType and a text"
        case .retTypeBare: "refused with this retType and no text"
        case .tooFrequent: "refused for frequency; the text names a window of SECONDS"
        case .noQuoteRight: "refused, because the account has no right to the quote"
        case .upstreamLost: "refused for SECONDS from the first one on: OpenD has lost the vendor's servers"
        case .upstreamTimeout: "refused: the vendor's servers did not answer OpenD in time"
        case .noContent: "retType 0 and no s2c"
        case .clear: "sent unencrypted, although everything else is encrypted"
        case .truncatedBlock: "the last block of the cipher text is incomplete"
        case .wrongTail: "the last byte of the cipher text is wrong; with FTAES_ECB it is above 15"
        case .push: "sends a push before and a push after the answer"
        case .pushSameSerial: "sends a push with the same serial number before the answer"
        case .initRefused: "InitConnect is refused"
        case .initNoContent: "InitConnect is answered with retType 0 and no s2c"
        case .keyLength: "InitConnect's answer has a key of this length"
        case .noIV: "InitConnect's answer has no aesCBCiv, but the gateway uses it"
        case .ivLength: "InitConnect's answer has an aesCBCiv of this length"
        case .keepAlive: "InitConnect's answer has this keep-alive interval"
        case .noKeepAlive: "KeepAlive is not answered"
        case .acceptClose: "accepts a connection and closes it at once"
        case .acceptSilent: "accepts a connection and never answers"
        case .dropAfter: "closes the connection after that many answers to 3212"
        case .stopReading: "reads and answers nothing any more after that many requests"
        case .restart: "drops all clients after every REQUESTS requests, refuses new ones for 100 ms"
        }
    }
}
