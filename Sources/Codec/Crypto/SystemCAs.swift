import COpenSSL
import CSystem
import Glibc

/// Where systems keep the certificates of the CAs that they trust, in the order in which Go's crypto/x509 looks: a library that
/// came in a package of some language's knows only the folder that its own OpenSSL was built for.
package struct SystemCAs {
    /// The first of them that has certificates is taken, alone.
    static let files = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Gentoo
        "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, RHEL 6
        "/etc/ssl/ca-bundle.pem",  // openSUSE
        "/etc/pki/tls/cacert.pem",  // OpenELEC
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS, RHEL 7
        "/etc/ssl/cert.pem",  // Alpine
    ]
    /// Where there is no such file: all their files.
    static let folders = ["/etc/ssl/certs", "/etc/pki/tls/certs"]

    /// The place that OpenSSL was built for comes last.
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
