import CCapDist
import CLayout
import Testing

/// Swift's view of the public structs against a C compiler's.
@Suite struct LayoutTests {
    private struct Field: Hashable, CustomStringConvertible {
        var type: String
        var name: String
        var offset: Int
        var size: Int
        var description: String { "\(type).\(name) at \(offset), \(size) bytes" }
    }

    private func of<Struct>(_ type: Struct.Type, _ name: String) -> Field {
        Field(type: name, name: "", offset: MemoryLayout<Struct>.alignment, size: MemoryLayout<Struct>.size)
    }

    private func of<Struct, Value>(_ type: String, _ name: String, _ path: KeyPath<Struct, Value>) -> Field {
        Field(
            type: type, name: name, offset: MemoryLayout<Struct>.offset(of: path) ?? -1, size: MemoryLayout<Value>.size)
    }

    private var swift: Set<Field> {
        [
            of(capdist_security.self, "capdist_security"),
            of("capdist_security", "market", \capdist_security.market),
            of("capdist_security", "code", \capdist_security.code),
            of(capdist_flow.self, "capdist_flow"),
            of("capdist_flow", "capital_in", \capdist_flow.capital_in),
            of("capdist_flow", "capital_out", \capdist_flow.capital_out),
            of("capdist_flow", "net", \capdist_flow.net),
            of("capdist_flow", "out_share", \capdist_flow.out_share),
            of(capdist_capital_distribution.self, "capdist_capital_distribution"),
            of("capdist_capital_distribution", "capital_in_super", \capdist_capital_distribution.capital_in_super),
            of("capdist_capital_distribution", "capital_in_big", \capdist_capital_distribution.capital_in_big),
            of("capdist_capital_distribution", "capital_in_mid", \capdist_capital_distribution.capital_in_mid),
            of("capdist_capital_distribution", "capital_in_small", \capdist_capital_distribution.capital_in_small),
            of("capdist_capital_distribution", "capital_out_super", \capdist_capital_distribution.capital_out_super),
            of("capdist_capital_distribution", "capital_out_big", \capdist_capital_distribution.capital_out_big),
            of("capdist_capital_distribution", "capital_out_mid", \capdist_capital_distribution.capital_out_mid),
            of("capdist_capital_distribution", "capital_out_small", \capdist_capital_distribution.capital_out_small),
            of("capdist_capital_distribution", "update_time", \capdist_capital_distribution.update_time),
            of("capdist_capital_distribution", "update_timestamp", \capdist_capital_distribution.update_timestamp),
            of("capdist_capital_distribution", "present", \capdist_capital_distribution.present),
            of(capdist_reply.self, "capdist_reply"),
            of("capdist_reply", "status", \capdist_reply.status),
            of("capdist_reply", "serial_no", \capdist_reply.serial_no),
            of("capdist_reply", "security", \capdist_reply.security),
            of("capdist_reply", "was_sent", \capdist_reply.was_sent),
            of("capdist_reply", "retry_after_ms", \capdist_reply.retry_after_ms),
            of("capdist_reply", "present", \capdist_reply.present),
            of("capdist_reply", "ret_type", \capdist_reply.ret_type),
            of("capdist_reply", "err_code", \capdist_reply.err_code),
            of("capdist_reply", "ret_msg", \capdist_reply.ret_msg),
            of("capdist_reply", "desc", \capdist_reply.desc),
            of("capdist_reply", "distribution", \capdist_reply.distribution),
            of("capdist_reply", "body", \capdist_reply.body),
            of("capdist_reply", "body_length", \capdist_reply.body_length),
            of("capdist_reply", "retry", \capdist_reply.retry),
            of(capdist_proto_reply.self, "capdist_proto_reply"),
            of("capdist_proto_reply", "status", \capdist_proto_reply.status),
            of("capdist_proto_reply", "serial_no", \capdist_proto_reply.serial_no),
            of("capdist_proto_reply", "proto_id", \capdist_proto_reply.proto_id),
            of("capdist_proto_reply", "was_sent", \capdist_proto_reply.was_sent),
            of("capdist_proto_reply", "retry_after_ms", \capdist_proto_reply.retry_after_ms),
            of("capdist_proto_reply", "present", \capdist_proto_reply.present),
            of("capdist_proto_reply", "ret_type", \capdist_proto_reply.ret_type),
            of("capdist_proto_reply", "desc", \capdist_proto_reply.desc),
            of("capdist_proto_reply", "body", \capdist_proto_reply.body),
            of("capdist_proto_reply", "body_length", \capdist_proto_reply.body_length),
            of("capdist_proto_reply", "retry", \capdist_proto_reply.retry),
            of(capdist_options.self, "capdist_options"),
            of("capdist_options", "struct_size", \capdist_options.struct_size),
            of("capdist_options", "host", \capdist_options.host),
            of("capdist_options", "port", \capdist_options.port),
            of("capdist_options", "mode", \capdist_options.mode),
            of("capdist_options", "client_id", \capdist_options.client_id),
            of("capdist_options", "client_version", \capdist_options.client_version),
            of("capdist_options", "recv_notify", \capdist_options.recv_notify),
            of("capdist_options", "programming_language", \capdist_options.programming_language),
            of("capdist_options", "transport", \capdist_options.transport),
            of("capdist_options", "packet_cipher", \capdist_options.packet_cipher),
            of("capdist_options", "rsa_private_key", \capdist_options.rsa_private_key),
            of("capdist_options", "rsa_private_key_file", \capdist_options.rsa_private_key_file),
            of("capdist_options", "websocket_key", \capdist_options.websocket_key),
            of("capdist_options", "tls_ca_file", \capdist_options.tls_ca_file),
            of(
                "capdist_options", "tls_insecure_accept_any_certificate",
                \capdist_options.tls_insecure_accept_any_certificate),
            of("capdist_options", "reconnect", \capdist_options.reconnect),
            of("capdist_options", "reconnect_min_ms", \capdist_options.reconnect_min_ms),
            of("capdist_options", "reconnect_max_ms", \capdist_options.reconnect_max_ms),
            of("capdist_options", "connect_timeout_ms", \capdist_options.connect_timeout_ms),
            of("capdist_options", "queue_timeout_ms", \capdist_options.queue_timeout_ms),
            of("capdist_options", "reply_timeout_ms", \capdist_options.reply_timeout_ms),
            of("capdist_options", "quota_requests", \capdist_options.quota_requests),
            of("capdist_options", "quota_window_ms", \capdist_options.quota_window_ms),
            of("capdist_options", "quota_mode", \capdist_options.quota_mode),
            of("capdist_options", "max_queue", \capdist_options.max_queue),
            of("capdist_options", "max_body_bytes", \capdist_options.max_body_bytes),
            of("capdist_options", "quota_group", \capdist_options.quota_group),
            of("capdist_options", "on_init_connect", \capdist_options.on_init_connect),
            of("capdist_options", "on_disconnect", \capdist_options.on_disconnect),
            of("capdist_options", "on_push", \capdist_options.on_push),
            of("capdist_options", "on_log", \capdist_options.on_log),
            of("capdist_options", "on_closed", \capdist_options.on_closed),
            of("capdist_options", "user_data", \capdist_options.user_data),
            of("capdist_options", "tls_server_name", \capdist_options.tls_server_name),
            of("capdist_options", "on_resolve", \capdist_options.on_resolve),
            of("capdist_options", "on_thread_start", \capdist_options.on_thread_start),
            of("capdist_options", "thread_stack_bytes", \capdist_options.thread_stack_bytes),
            of("capdist_options", "outage_mode", \capdist_options.outage_mode),
            of("capdist_options", "on_attempt_failed", \capdist_options.on_attempt_failed),
            of(capdist_request_options.self, "capdist_request_options"),
            of("capdist_request_options", "struct_size", \capdist_request_options.struct_size),
            of("capdist_request_options", "queue_timeout_ms", \capdist_request_options.queue_timeout_ms),
            of("capdist_request_options", "reply_timeout_ms", \capdist_request_options.reply_timeout_ms),
            of("capdist_request_options", "quota_mode", \capdist_request_options.quota_mode),
            of("capdist_request_options", "security_firm", \capdist_request_options.security_firm),
            of("capdist_request_options", "serial_no", \capdist_request_options.serial_no),
            of("capdist_request_options", "outage_mode", \capdist_request_options.outage_mode),
            of("capdist_request_options", "reserved", \capdist_request_options.reserved),
            of(capdist_connection_info.self, "capdist_connection_info"),
            of("capdist_connection_info", "struct_size", \capdist_connection_info.struct_size),
            of("capdist_connection_info", "conn_id", \capdist_connection_info.conn_id),
            of("capdist_connection_info", "login_user_id", \capdist_connection_info.login_user_id),
            of("capdist_connection_info", "server_version", \capdist_connection_info.server_version),
            of("capdist_connection_info", "state", \capdist_connection_info.state),
            of(capdist_quota.self, "capdist_quota"),
            of("capdist_quota", "struct_size", \capdist_quota.struct_size),
            of("capdist_quota", "limit", \capdist_quota.limit),
            of("capdist_quota", "window_ms", \capdist_quota.window_ms),
            of("capdist_quota", "used", \capdist_quota.used),
            of("capdist_quota", "waiting", \capdist_quota.waiting),
            of("capdist_quota", "next_slot_ms", \capdist_quota.next_slot_ms),
            of("capdist_quota", "reserved", \capdist_quota.reserved),
        ]
    }

    private var c: [Field] {
        var fields: [Field] = []
        var next = layout_fields()
        while let field = next?.pointee, let type = field.type, let name = field.name {
            fields.append(
                Field(
                    type: String(cString: type), name: String(cString: name), offset: field.offset, size: field.size))
            next = next?.advanced(by: 1)
        }
        return fields
    }

    @Test func everySizeAlignmentAndOffsetIsCs() {
        for field in c { #expect(swift.contains(field), "C has \(field)") }
        #expect(swift.count == c.count)
    }

    /// No field is missing from the list: behind each one comes the next, or less than its alignment of padding.
    @Test func theFieldsFillTheirStructs() {
        for whole in c where whole.name.isEmpty {
            var end = 0
            for field in c where field.type == whole.type && !field.name.isEmpty {
                #expect(field.offset >= end && field.offset - end < 8, "before \(field)")
                end = field.offset + field.size
            }
            #expect(whole.size - end < whole.offset, "\(whole)")
        }
    }

    /// What the checks of a caller's struct_size rely on.
    @Test func sizedStructsBeginWithTheirSizeAndHoldWholeEightByteRows() {
        let sized = c.filter { $0.name == "struct_size" }
        #expect(sized.count == 4)
        for field in sized {
            #expect(field.offset == 0 && field.size == 8)
            #expect(c.contains { $0.type == field.type && $0.name.isEmpty && $0.size % 8 == 0 })
        }
    }

    @Test func theSecurityIsFrozen() {
        #expect(c.contains(Field(type: "capdist_security", name: "", offset: 4, size: 64)))
        #expect(c.contains(Field(type: "capdist_security", name: "code", offset: 4, size: 60)))
    }
}
