import Codec
import Testing

/// A decoder of the codec, followed by its encoder: from a message's bytes to the bytes of the same message.
struct Decoder: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// The message that its complete vector is named for.
    let vector: String
    let again: @Sendable ([UInt8]) throws -> [UInt8]

    static let all = [
        Decoder(testDescription: "AnyResponse", vector: "Qot_GetCapitalDistribution.Response (failure)") {
            try decode($0, AnyResponse.init).encoded()
        },
        Decoder(testDescription: "InitConnect.Request", vector: "InitConnect.Request") {
            try decode($0, InitConnectRequest.init).encoded()
        },
        Decoder(testDescription: "InitConnect.Response", vector: "InitConnect.Response") {
            try decode($0, InitConnectResponse.init).encoded()
        },
        Decoder(testDescription: "KeepAlive.Request", vector: "KeepAlive.Request") {
            KeepAlive.encodedRequest(time: try decode($0, KeepAlive.requestTime))
        },
        Decoder(testDescription: "KeepAlive.Response", vector: "KeepAlive.Response") {
            KeepAlive.encodedResponse(time: try decode($0, KeepAlive.responseTime))
        },
        Decoder(
            testDescription: "Qot_GetCapitalDistribution.Request",
            vector: "Qot_GetCapitalDistribution.Request (with header)"
        ) {
            try decode($0, CapitalDistributionRequest.init).encoded()
        },
        Decoder(
            testDescription: "Qot_GetCapitalDistribution.Response",
            vector: "Qot_GetCapitalDistribution.Response (C++ sample of the seed)"
        ) {
            try decode($0, CapitalDistributionResponse.init).encoded()
        },
        Decoder(testDescription: "GetGlobalState.Request", vector: "GetGlobalState.Request") {
            GlobalState.encodedRequest(userID: try decode($0, GlobalState.requestUserID))
        },
        Decoder(testDescription: "Notify.Response", vector: "Notify.Response (push, ConnStatus)") { body in
            // Only the type is read, and not the logins in the push.
            let type = try decode(body, Notify.type)
            return Wire.number(1, 0) + Wire.bytes(4, Wire.number(1, Int64(type)))
        },
    ]

    func whole() throws -> [UInt8] { try Vectors.message(vector) }
}
