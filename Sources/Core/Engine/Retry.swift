import Codec

/// Whether a request may succeed if it is repeated. The numbers are those of `CAPDIST_RETRY_*` in capdist.h, which
/// tests compare.
package enum Retry: Int32, CaseIterable, Sendable {
    case unknown = 0
    case never = 1
    case later = 2
    case afterWait = 3

    /// From a status alone.
    package init(_ status: Status) {
        self =
            switch status {
            // Nothing failed, or it depends on the gateway's text, or on what is wrong with the stream.
            case .ok, .refused, .malformedReply, .protocolError, .encryptionFailed, .tlsFailed: .unknown
            case .rateLimited: .afterWait
            case .queueTimeout, .replyTimeout, .disconnected, .cancelled, .connectFailed, .connectTimeout,
                .connectRefused,
                .queueFull, .quotaExhausted, .busy, .systemError:
                .later
            // The connection has ended, or the call is wrong.
            case .released, .invalidArgument, .notConnected, .wouldDeadlock, .forked, .unsupported, .needsAddress,
                .quotaConflict, .notFound:
                .never
            }
    }

    /// From a refusal that is not because of the rate limit.
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

    /// The gateway has lost the vendor's servers, or got no answer from them.
    private static var passing: [StaticString] { ["网络中断", "NN_ProtoRet_TimeOut", "NN_ProtoRet_ByDisConn"] }

    /// The stock is unknown, there is no right to the quote, no figures for US indices or this kind of security, or an
    /// unknown protocol.
    private static var lasting: [StaticString] {
        ["未知股票", "Unknown stock", "行情权限不足", "暂不支持", "仅支持", "未知的协议"]
    }
}
