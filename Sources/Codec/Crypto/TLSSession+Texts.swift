import COpenSSL
import Glibc

/// Why a certificate was not accepted, with the dates or names in it.
/// - Parameters:
///   - result: X509_V_ERR_*.
///   - host: the name that it should be for.
///   - certificate: the gateway's own certificate; nil if it is not known.
///   - source: which certificates are trusted; "" if the application named them.
func certificateText(_ result: Int, _ host: String, _ certificate: OpaquePointer?, _ source: String) -> String {
    let trusted = source.isEmpty ? "" : " (\(source))"
    switch Int32(clamping: result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        // The expired certificate may be a CA's in the chain instead.
        guard let end = date(certificate, copenssl_not_after), end.isPast else {
            return "the gateway's certificate has expired, or its CA's has"
        }
        return "the gateway's certificate has expired: it was valid until \(end.text)"
    case X509_V_ERR_CERT_NOT_YET_VALID:
        let start = date(certificate, copenssl_not_before).map { ": it is from \($0.text) on" } ?? ""
        return "the gateway's certificate is not valid yet\(start). Is this machine's clock right?"
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return
            "the gateway's certificate is self-signed and not among those trusted\(trusted): name it as tls_ca_file to trust it"
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return
            "the gateway's certificate is signed by a CA that is not trusted here\(trusted): name the CA's as tls_ca_file to"
            + " trust it"
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the gateway's certificate is for another name than \(host)\(names(certificate))"
    case X509_V_ERR_INVALID_PURPOSE: return "the gateway's certificate is not for servers"
    case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
        return "the gateway's certificate is too weak: its key is too short or its signature outdated"
    default:
        return "the gateway's certificate is not accepted: " + String(cString: X509_verify_cert_error_string(result))
    }
}

private func date(
    _ certificate: OpaquePointer?, _ get: (OpaquePointer, UnsafeMutablePointer<tm>) -> Int32
) -> (text: String, isPast: Bool)? {
    var parts = tm()
    guard let certificate, get(certificate, &parts) == 1 else { return nil }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return ("\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC", timegm(&parts) < time(nil))
}

private func names(_ certificate: OpaquePointer?) -> String {
    guard let certificate else { return "" }
    var buffer = [CChar](repeating: 0, count: 200)
    let count = copenssl_names(certificate, &buffer, buffer.count)
    if count == 0 { return ": it names none" }
    return ": it is for "
        + buffer.withUnsafeBufferPointer { text in text.baseAddress.map { String(cString: $0) } ?? "" }
}
