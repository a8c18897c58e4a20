import CCapDist
import CExports

/// Compiles only if both functions have the same parameters and result. (With a plain generic `T` both could become
/// `Any`.)
private func sameType<each A, R>(_: (repeat each A) -> R, _: (repeat each A) -> R) {}

/// Compares each export with its declaration in capdist.h, except those written in C (`CExports`). It is never called.
/// A test of the shipped library checks that no export is missing.
private func everyExportMatchesTheHeader() {
    sameType(capdist_version, version)
    sameType(capdist_status_name, statusName)
    sameType(capdist_status_text, statusText)
    sameType(capdist_status_retry, statusRetry)
    sameType(capdist_last_error, lastError)
    sameType(capdist_security_parse, securityParse)
    sameType(capdist_security_format, securityFormat)
    sameType(capdist_options_init, optionsInit)
    sameType(capdist_request_options_init, requestOptionsInit)
    sameType(capdist_connection_info_init, connectionInfoInit)
    sameType(capdist_quota_init, quotaInit)
    sameType(capdist_init_connect, initConnect)
    sameType(capdist_get_fd, getFD)
    sameType(capdist_resolved, resolved)
    sameType(capdist_get_connection_info, getConnectionInfo)
    sameType(capdist_get_quota, getQuota)
    sameType(capdist_get_capital_distribution, getCapitalDistribution)
    sameType(capdist_cancel, cancel)
    sameType(capdist_send_proto, sendProto)
    sameType(capdist_reply_copy, replyCopy)
    sameType(capdist_reply_free, replyFree)
    sameType(capdist_reply_to_json, replyToJSON)
    sameType(blocking_wait_ready, waitReady)
    sameType(blocking_begin_fetch, beginFetch)
    sameType(blocking_continue_fetch, continueFetch)
    sameType(blocking_abandon_fetch, abandonFetch)
    sameType(closing_process, CapDist.process)
    sameType(closing_release, CapDist.release)
    sameType(capdist_flow_of, flowOf)
}
