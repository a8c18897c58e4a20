import Codec
import Glibc
import Simulator

/// How a gateway treats a new stream.
enum Greeting: CaseIterable {
    case normal, refusesConnection, acceptsAndCloses, acceptsAndIsSilent, stopsAnswering
    case refusesInitConnect, noContent, damaged, oddKey, oddIV, ignoresKeepAlive

    /// The fault of the answer to InitConnect.
    func fault(_ chance: inout Chance) -> Fault? {
        switch self {
        case .refusesInitConnect: .initRefused
        case .noContent: .initNoContent
        case .damaged:
            chance.pick([
                .badSHA1, .flippedBit, .truncated, .wrongTypes, .missingField, .emptyBody, .randomBody, .badMagic,
                .hugeLength, .randomBytes, .closeInBody, .reset, .clear, .truncatedBlock, .wrongTail,
            ])
        case .oddKey: .keyLength
        case .oddIV: chance.pick([.noIV, .ivLength])
        default: nil
        }
    }
}

extension Fault {
    /// Whether a client handles the following data as if the faulty answer had not been sent.
    var leavesOthersWhole: Bool {
        switch self {
        case .late, .delay, .never, .retType, .retTypeBare, .tooFrequent, .noQuoteRight, .upstreamLost,
            .upstreamTimeout,
            .noContent, .nan, .infinity, .denormal, .push, .noKeepAlive:
            true
        default: false
        }
    }

    /// Whether the answer is a success with wrong figures.
    func altersFigures(isWebSocket: Bool) -> Bool {
        switch self {
        // Without a SHA-1 the fault is not detected.
        case .flippedBit, .shortLength: isWebSocket
        case .nan, .infinity, .denormal, .badUTF8, .embeddedNUL: true
        default: false
        }
    }
}

/// The fastest keys of the tests.
enum Keys {
    static let files = ["512", "1024"].map { name in
        "/\(#filePath.split(separator: "/").dropLast(2).joined(separator: "/"))/vectors/rsa/\(name).pem"
    }

    static let all: [RSAKey?] = files.map { file in
        do throws(RSAKey.LoadError) {
            return try RSAKey(file: file)
        } catch {
            print("simulate: \(file): \(error.text)")
            exit(2)
        }
    }
}
