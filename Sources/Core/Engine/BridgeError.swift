/// Errors of the bridge's.
enum BridgeError {
    static let timeout: Int32 = 1
    static let openDTimeout: Int32 = 2
    static let lostOpenD: Int32 = 3
}
