import Codec
import Simulator

/// How a gateway treats a new line.
enum Greeting: CaseIterable {
    case normal, refusesConnection, acceptsAndCloses, acceptsAndIsSilent, stopsAnswering
    case refusesInitConnect, noContent, damaged, oddKey, ignoresKeepAlive

    /// The fault of the answer to InitConnect.
    func fault(_ chance: inout Chance) -> Fault? {
        switch self {
        case .refusesInitConnect: .initRefused
        case .noContent: .initNoContent
        case .damaged:
            chance.pick([
                .badSHA1, .flippedBit, .truncated, .wrongTypes, .missingField, .emptyBody, .randomBody, .badMagic,
                .hugeLength, .randomBytes, .closeInBody, .reset,
            ])
        case .oddKey: .keyLength
        default: nil
        }
    }
}

extension Fault {
    /// Whether an answer with it is a success whose figures are not the right ones.
    var altersFigures: Bool {
        switch self {
        case .nan, .infinity, .denormal, .badUTF8, .embeddedNUL: true
        default: false
        }
    }
}
