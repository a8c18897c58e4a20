import Codec

/// A frame of a recording, received or sent, with its body decrypted.
package struct RecordedFrame {
    /// The headers before the body.
    package enum Header {
        /// TCP: body format, protocol version, length and SHA-1, all from the header.
        case frame(FrameHeader)
        /// WebSocket: the bridge's error, in replies.
        case section(error: Int32)
    }

    package var client: Gateway.ClientID
    /// Unix time in nanoseconds.
    package var unixTime: Instant
    package var isRequest: Bool
    package var protoID: UInt32
    /// The serial number; over WebSocket, the section.
    package var serialNo: UInt64
    package var header: Header
    package var encryption: Encryption
    /// The body as it was received, if it could not be decrypted.
    package var body: [UInt8]
    package var isReadable = true
    /// Whether it is a push.
    package var isPush = false

    /// A JSON object with its newline.
    package var line: String {
        var json = JSONObject()
        json.add("time_ms", unixTime / 1_000_000)
        json.add("client", client)
        json.add("direction", isRequest ? "c2s" : "s2c")
        switch header {
        case .frame: json.add("transport", "tcp")
        case .section: json.add("transport", "websocket")
        }
        json.add("proto_id", protoID)
        json.add("serial_no", serialNo)
        json.add("is_push", isPush)
        switch header {
        case .frame(let header):
            json.add("body_format", header.format)
            json.add("proto_version", header.version)
            json.add("body_length", header.bodyLength)
            json.add("sha1", withUnsafeBytes(of: header.sha1) { JSONObject.hex($0) })
        case .section(let error): if !isRequest { json.add("error", error) }
        }
        json.add("encryption", encryption.name)
        if !isReadable { json.add("undecryptable", true) }
        json.add("body", JSONObject.hex(body))
        if isReadable, let decoded = DecodedMessage.json(protoID, isRequest: isRequest, body) {
            json.add("decoded", raw: decoded)
        }
        return json.text + "\n"
    }
}

extension Encryption {
    /// The name in OpenD's documentation.
    fileprivate var name: String {
        switch self {
        case .none: "none"
        case .rsa: "RSA"
        case .aes(_, .ftaesECB): "FTAES_ECB"
        case .aes(_, .aesECB): "AES_ECB"
        case .aes(_, .aesCBC): "AES_CBC"
        case .aes(_, .none): "none"
        }
    }
}
