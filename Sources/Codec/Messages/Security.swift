/// Markets (Qot_Common.QotMarket), and the prefix of each in texts such as `HK.00700`. A gateway may know more markets.
package enum Market: Int32, CaseIterable, Sendable {
    case hk = 1
    case hkFuture = 2
    case us = 11
    case sh = 21
    case sz = 22
    case sg = 31
    case jp = 41
    case au = 51
    case my = 61
    case ca = 71
    case fx = 81
    case cc = 91
    case ec = 101

    package var prefix: StaticString {
        switch self {
        case .hk: "HK"
        case .hkFuture: "HK_FUTURE"
        case .us: "US"
        case .sh: "SH"
        case .sz: "SZ"
        case .sg: "SG"
        case .jp: "JP"
        case .au: "AU"
        case .my: "MY"
        case .ca: "CA"
        case .fx: "FX"
        case .cc: "CC"
        case .ec: "EC"
        }
    }
}
