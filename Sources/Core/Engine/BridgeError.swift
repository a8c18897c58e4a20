/// Error numbers of the WebSocket bridge.
enum BridgeError {
    static let timeout: Int32 = 1
    static let openDTimeout: Int32 = 2
    static let lostOpenD: Int32 = 3
}
