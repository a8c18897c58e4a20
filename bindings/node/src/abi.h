// Generated from include/capdist.h: do not edit. `make abi` writes it.
#ifndef ABI_H
#define ABI_H

#include <capdist.h>

/// Functions that every version has.
#define OLDEST_FUNCTIONS(X) \
    X(capdist_status_name) \
    X(capdist_status_text) \
    X(capdist_last_error) \
    X(capdist_version) \
    X(capdist_security_parse) \
    X(capdist_security_format) \
    X(capdist_reply_copy) \
    X(capdist_reply_free) \
    X(capdist_reply_to_json) \
    X(capdist_options_init) \
    X(capdist_request_options_init) \
    X(capdist_init_connect) \
    X(capdist_wait_ready) \
    X(capdist_release) \
    X(capdist_get_fd) \
    X(capdist_process) \
    X(capdist_connection_info_init) \
    X(capdist_get_connection_info) \
    X(capdist_quota_init) \
    X(capdist_get_quota) \
    X(capdist_get_capital_distribution) \
    X(capdist_fetch_capital_distribution) \
    X(capdist_cancel) \
    X(capdist_send_proto)

/// Functions that an older library may lack.
#define NEWER_FUNCTIONS(X) \
    X(capdist_status_retry) \
    X(capdist_flow_of) \
    X(capdist_resolved)

/// Fields of capdist_options that are numbers: the property and the field.
#define NUMBER_OPTIONS(X) \
    X("port", port) \
    X("clientVersion", client_version) \
    X("recvNotify", recv_notify) \
    X("transport", transport) \
    X("packetCipher", packet_cipher) \
    X("tlsInsecureAcceptAnyCertificate", tls_insecure_accept_any_certificate) \
    X("reconnect", reconnect) \
    X("reconnectMinMs", reconnect_min_ms) \
    X("reconnectMaxMs", reconnect_max_ms) \
    X("connectTimeoutMs", connect_timeout_ms) \
    X("queueTimeoutMs", queue_timeout_ms) \
    X("replyTimeoutMs", reply_timeout_ms) \
    X("quotaRequests", quota_requests) \
    X("quotaWindowMs", quota_window_ms) \
    X("quotaMode", quota_mode) \
    X("maxQueue", max_queue) \
    X("maxBodyBytes", max_body_bytes) \
    X("threadStackBytes", thread_stack_bytes) \
    X("outageMode", outage_mode)

/// Fields of capdist_options that are texts: the property and the field.
#define TEXT_OPTIONS(X) \
    X("host", host) \
    X("clientId", client_id) \
    X("programmingLanguage", programming_language) \
    X("rsaPrivateKey", rsa_private_key) \
    X("rsaPrivateKeyFile", rsa_private_key_file) \
    X("websocketKey", websocket_key) \
    X("tlsCaFile", tls_ca_file) \
    X("quotaGroup", quota_group) \
    X("tlsServerName", tls_server_name)

/// Whether to repeat the request: one of `CAPDIST_RETRY_*`. Read it only if `present` has `HAS_RETRY`. Since 1.1;
/// `otherwise` if the library is older, and its struct lacks the field.
static inline int32_t reply_retry(const capdist_reply *from, int32_t otherwise) {
    return from->present & CAPDIST_HAS_RETRY ? from->retry : otherwise;
}

/// 1: the answer is another request's (capdist_request_options.max_age_ms), and `wasSent` is 0; else 0. Read it only
/// if `present` has `HAS_FROM_CACHE`. Since 1.1; `otherwise` if the library is older, and its struct lacks the field.
static inline int32_t reply_from_cache(const capdist_reply *from, int32_t otherwise) {
    return from->present & CAPDIST_HAS_FROM_CACHE ? from->from_cache : otherwise;
}

/// If `fromCache` is 1: whole milliseconds from the arrival of the answer to the completion of this request; else 0.
/// Read it only if `present` has `HAS_AGE_MS`. Since 1.1; `otherwise` if the library is older, and its struct lacks
/// the field.
static inline int32_t reply_age_ms(const capdist_reply *from, int32_t otherwise) {
    return from->present & CAPDIST_HAS_AGE_MS ? from->age_ms : otherwise;
}

/// As in capdist_reply. Since 1.1; `otherwise` if the library is older, and its struct lacks the field.
static inline int32_t proto_reply_retry(const capdist_proto_reply *from, int32_t otherwise) {
    return from->present & CAPDIST_HAS_RETRY ? from->retry : otherwise;
}

#endif
