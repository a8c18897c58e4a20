import Codec

extension Texts {
    // MARK: - InitConnect's answer, encrypted

    static func answeredInClear(_ words: String) -> String {
        "the gateway's answer is not encrypted: is rsa_private_key set in its configuration, and could it read the file?"
            + (words.isEmpty ? "" : " It said: \(words)")
    }

    static func tooManyBlocks(_ bytes: Int, most: Int) -> String {
        "InitConnect's answer has \(bytes) bytes, more than the \(most) RSA blocks that are accepted: is that port OpenD's?"
    }

    static func firstMessageUndecryptable(_ error: CipherError, bytes: Int, block: Int) -> String {
        let text = "InitConnect's answer cannot be decrypted: "
        switch error {
        case .length:
            return text
                + "its \(bytes) bytes are not a multiple of the key's \(block): does the gateway have another RSA key?"
        case .padding: return text + "does the gateway have another RSA key?"
        case .system: return text + "OpenSSL failed, or the process is exiting"
        }
    }

    static var firstMessageSHA1Decrypted: String {
        "InitConnect's answer does not match its SHA-1 after decryption: does the gateway have another RSA key?"
    }
    static var firstMessageNotEncrypted: String { "OpenSSL did not encrypt InitConnect" }

    static func sessionKeyLength(_ bytes: Int, _ name: String) -> String {
        "the gateway's \(name) has \(bytes) bytes instead of \(BodyCipher.keySize)"
    }

    static var noCipher: String { "OpenSSL made no cipher" }

    // MARK: - Bodies

    static var bodyInClear: String {
        "the gateway sent an unencrypted body on an encrypted connection: is something else between here and OpenD?"
    }

    /// - Parameter error: nil: the body was decrypted, but does not match its SHA-1. With FTAES_ECB no padding shows a
    ///   wrong key.
    static func bodyUndecryptable(_ error: CipherError?, bytes: Int) -> String {
        let why =
            switch error {
            case nil: "it does not match its SHA-1, as with another key"
            case .length: "its length of \(bytes) bytes is not that of a cipher text"
            case .padding: "its padding is wrong, as with another key"
            case .system: "OpenSSL failed"
            }
        return "a body of the gateway cannot be decrypted: \(why)"
    }
}
