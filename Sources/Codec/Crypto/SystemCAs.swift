import COpenSSL
import CSystem
import Glibc

/// Where systems keep the certificates of the CAs that they trust, in the order of Go's crypto/x509. OpenSSL alone only
/// knows the folder that it was built for, which is wrong if the library came in a wheel, for example.
package struct SystemCAs {
    /// Only the first file that contains certificates is used.
    static let files = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Gentoo
        "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, RHEL 6
        "/etc/ssl/ca-bundle.pem",  // openSUSE
        "/etc/pki/tls/cacert.pem",  // OpenELEC
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS, RHEL 7
        "/etc/ssl/cert.pem",  // Alpine
    ]
    /// If there is no such file, all files in these folders are used.
    static let folders = ["/etc/ssl/certs", "/etc/pki/tls/certs"]

    /// The file or folder that OpenSSL was built for comes last.
    static var allFiles: [String] { files + own(X509_get_default_cert_file()) }
    static var allFolders: [String] { folders + own(X509_get_default_cert_dir()) }

    private static func own(_ place: UnsafePointer<CChar>?) -> [String] {
        guard let place else { return [] }
        let name = String(cString: place)
        return files.contains(name) || folders.contains(name) ? [] : [name]
    }

    /// The paths of the regular files in a folder.
    static func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var paths: [String] = []
        while paths.count < mostFiles, let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { paths.append("\(folder)/\(name)") }
        }
        return paths.sorted()
    }

    private static let mostFiles = 2000
}
