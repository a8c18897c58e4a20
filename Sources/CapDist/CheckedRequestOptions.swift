import CCapDist
import CSystem
import Core
import Glibc

/// capdist_request_options, checked and translated.
struct CheckedRequestOptions {
    var terms: RequestTerms
    /// 0: it is not sent.
    var securityFirm: Int32 = 0
    /// A second place to store the serial number, where other threads read it.
    var serialNo: UnsafeMutablePointer<UInt32>?

    /// The smallest struct of any version, in bytes: up to `reply_timeout_ms`.
    static let smallest = 16

    /// Stores 0 at the beginning of a call, so that it is 0 if the call is refused.
    static func clearSerialNo(_ pointer: UnsafePointer<capdist_request_options>?) {
        guard let pointer, pointer.pointee.struct_size >= MemoryLayout<capdist_request_options>.size,
            let serialNo = pointer.pointee.serial_no
        else { return }
        csystem_store(serialNo, 0)
    }

    /// - Parameter connection: its values are used for fields that are 0.
    init(
        _ pointer: UnsafePointer<capdist_request_options>?, _ connection: Connection
    ) throws(CallError) {
        terms = connection.options.behaviour.terms
        guard let pointer else { return }
        let options = try SizedStruct.read(
            pointer, "capdist_request_options", smallest: Self.smallest, capdist_request_options())
        terms.queueTimeout = try time(options.queue_timeout_ms, "queue_timeout_ms", terms.queueTimeout)
        terms.replyTimeout = try time(options.reply_timeout_ms, "reply_timeout_ms", terms.replyTimeout)
        let mode = try quotaMode(options.quota_mode)
        if mode != Int32(CAPDIST_QUOTA_DEFAULT) {
            terms.failsWithoutSlot = mode == Int32(CAPDIST_QUOTA_FAIL)
        }
        securityFirm = try number(options.security_firm, "security_firm", 0...Int32.max)
        serialNo = options.serial_no
        let outage = try outageMode(options.outage_mode)
        if outage != Int32(CAPDIST_OUTAGE_DEFAULT) { terms.failsInOutage = outage == Int32(CAPDIST_OUTAGE_FAIL) }
        terms.maxAge = try time(options.max_age_ms, "max_age_ms", .zero)
    }
}
