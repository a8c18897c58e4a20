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
    /// Whether a client reads what is sent after it as if it had not been.
    var leavesOthersWhole: Bool {
        switch self {
        case .late, .delay, .never, .retType, .retTypeBare, .tooFrequent, .noQuoteRight, .upstreamLost,
            .upstreamTimeout,
            .noContent, .nan, .infinity, .denormal, .push, .noKeepAlive:
            true
        default: false
        }
    }

    /// Whether an answer with it is a success whose figures are not the right ones.
    func altersFigures(isWebSocket: Bool) -> Bool {
        switch self {
        // There is no SHA-1 to tell.
        case .flippedBit, .shortLength: isWebSocket
        case .nan, .infinity, .denormal, .badUTF8, .embeddedNUL: true
        default: false
        }
    }
}

/// The keys of the tests that take least time.
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
