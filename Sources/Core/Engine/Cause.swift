/// Why a connection could not be made, or was lost.
package struct Cause: Error, Equatable {
    /// The step that failed, with the vendor's numbers (capdist.h, CAPDIST_ERR_KIND_*).
    package enum Kind: Int64, Sendable {
        case create = 1
        case nameNotFound = 4
        case connect = 6
        case select = 9
        case send = 10
        case receive = 11
        case initConnect = 100
    }

    /// Codes of `Kind.initConnect` (capdist.h, CAPDIST_INIT_CONNECT_*).
    package enum InitConnectCode {
        package static let unknown: Int32 = 0
        package static let timeout: Int32 = 1
        package static let disconnected: Int32 = 3
        package static let notSent: Int32 = 4
        package static let refused: Int32 = 5
    }

    package var status: Status
    package var kind: Kind
    /// errno, or one of `InitConnectCode`.
    package var code: Int32
    /// A sentence for people, with what to do next where that is known.
    package var text: String
    /// Whether another attempt cannot help.
    package var isFinal: Bool

    package init(_ status: Status, _ kind: Kind, _ code: Int32, _ text: String, isFinal: Bool = false) {
        self.status = status
        self.kind = kind
        self.code = code
        self.text = text
        self.isFinal = isFinal
    }

    /// The vendor's layout: the high 32 bits are the kind, the low 32 bits the code.
    package var errCode: Int64 { kind.rawValue << 32 | Int64(UInt32(bitPattern: code)) }
}
