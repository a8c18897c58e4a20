import Codec

/// Whether it is of use to ask again. The numbers are those of `CAPDIST_RETRY_*` in capdist.h, which tests compare.
package enum Retry: Int32, CaseIterable, Sendable {
    case unknown = 0
    case never = 1
    case later = 2
    case afterWait = 3

    /// As far as a status alone tells.
    package init(_ status: Status) {
        self =
            switch status {
            // Nothing failed; or it depends on the gateway's words, or on what is wrong with the stream.
            case .ok, .refused, .malformedReply, .protocolError, .encryptionFailed, .tlsFailed: .unknown
            case .rateLimited: .afterWait
            case .queueTimeout, .replyTimeout, .disconnected, .cancelled, .connectFailed, .connectTimeout,
                .connectRefused,
                .queueFull, .quotaExhausted, .busy, .systemError:
                .later
            // The connection is over, or the call is wrong.
            case .released, .invalidArgument, .notConnected, .wouldDeadlock, .forked, .unsupported, .needsAddress,
                .quotaConflict, .notFound:
                .never
            }
    }

    /// Of a refusal that is none for frequency.
    package init(refusal text: UnsafePointer<CChar>, retType: Int32) {
        let words = GatewayWords(text)
        if Self.passing.contains(where: words.contains) {
            self = .later
        } else if Self.lasting.contains(where: words.contains) {
            self = .never
        } else {
            self =
                switch retType {
                case RetType.timeout, RetType.disconnected: .later
                case RetType.invalid: .never
                default: .unknown
                }
        }
    }

    /// The gateway lost the vendor's servers, or waited for them in vain.
    private static var passing: [StaticString] { ["网络中断", "NN_ProtoRet_TimeOut", "NN_ProtoRet_ByDisConn"] }

    /// Unknown stock; no right to the quote; not for US indices, not for this kind of security; unknown protocol.
    private static var lasting: [StaticString] {
        ["未知股票", "Unknown stock", "行情权限不足", "暂不支持", "仅支持", "未知的协议"]
    }
}
