import CMessages
import CProtobufC
import Codec

/// A body as JSON, with the field names of its `.proto` file, for people who read a recording. 64-bit numbers and NaN
/// are texts, as in protobuf's JSON mapping.
enum DecodedMessage {
    /// - Returns: nil if the protocol is not known here, or the body is not such a message.
    static func json(_ protoID: UInt32, isRequest: Bool, _ body: [UInt8]) -> String? {
        guard var descriptor = descriptor(protoID, isRequest: isRequest) else { return nil }
        return withUnsafePointer(to: &descriptor) { descriptor in
            // protobuf-c does not accept NULL, not even for an empty body.
            let message = (body + [0]).withUnsafeBufferPointer { bytes in
                protobuf_c_message_unpack(descriptor, nil, body.count, bytes.baseAddress)
            }
            guard let message else { return nil }
            defer { protobuf_c_message_free_unpacked(message, nil) }
            return json(UnsafeRawPointer(message), descriptor.pointee)
        }
    }

    private static func descriptor(_ protoID: UInt32, isRequest: Bool) -> ProtobufCMessageDescriptor? {
        switch protoID {
        case ProtoID.initConnect:
            isRequest ? init_connect__request__descriptor : init_connect__response__descriptor
        case ProtoID.initWebSocket:
            isRequest ? init_web_socket__request__descriptor : init_web_socket__response__descriptor
        case ProtoID.getGlobalState:
            isRequest ? get_global_state__request__descriptor : get_global_state__response__descriptor
        case ProtoID.keepAlive: isRequest ? keep_alive__request__descriptor : keep_alive__response__descriptor
        case ProtoID.notify: isRequest ? nil : notify__response__descriptor
        case ProtoID.getCapitalDistribution:
            isRequest
                ? qot__get_capital_distribution__request__descriptor
                : qot__get_capital_distribution__response__descriptor
        default: nil
        }
    }

    private static func json(_ message: UnsafeRawPointer, _ descriptor: ProtobufCMessageDescriptor) -> String {
        var object = JSONObject()
        for index in 0..<Int(descriptor.n_fields) {
            let field = descriptor.fields[index]
            if let value = value(message, field) { object.add(String(cString: field.name), raw: value) }
        }
        return object.text
    }

    /// nil: the field is not there.
    private static func value(_ message: UnsafeRawPointer, _ field: ProtobufCFieldDescriptor) -> String? {
        let place = message + Int(field.offset)
        switch field.type {
        case PROTOBUF_C_TYPE_STRING:
            guard let text = place.load(as: UnsafePointer<CChar>?.self), UnsafeRawPointer(text) != field.default_value
            else { return nil }
            return JSONObject.quoted(String(cString: text))
        case PROTOBUF_C_TYPE_MESSAGE:
            guard let inner = place.load(as: UnsafeRawPointer?.self), let descriptor = field.descriptor else {
                return nil
            }
            return json(inner, descriptor.load(as: ProtobufCMessageDescriptor.self))
        default: break
        }
        // None of the messages has a field that repeats.
        if field.label != PROTOBUF_C_LABEL_REQUIRED {
            let isThere = (message + Int(field.quantifier_offset)).load(as: protobuf_c_boolean.self)
            guard field.label == PROTOBUF_C_LABEL_OPTIONAL, isThere != 0 else { return nil }
        }
        return number(place, field.type)
    }

    private static func number(_ place: UnsafeRawPointer, _ type: ProtobufCType) -> String? {
        switch type {
        case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_ENUM:
            "\(place.load(as: Int32.self))"
        case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32: "\(place.load(as: UInt32.self))"
        case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
            "\"\(place.load(as: Int64.self))\""
        case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64: "\"\(place.load(as: UInt64.self))\""
        case PROTOBUF_C_TYPE_BOOL: place.load(as: protobuf_c_boolean.self) == 0 ? "false" : "true"
        case PROTOBUF_C_TYPE_FLOAT: real(Double(place.load(as: Float.self)))
        case PROTOBUF_C_TYPE_DOUBLE: real(place.load(as: Double.self))
        default: nil
        }
    }

    private static func real(_ value: Double) -> String {
        if value.isNaN { return "\"NaN\"" }
        if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        return "\(value)"
    }
}
