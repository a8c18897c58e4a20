/// The application's C callbacks of a connection, and those of the exports. The library never looks at what `userData`
/// points to, so any thread may have it.
package struct ApplicationCallbacks: @unchecked Sendable {
    package typealias Handle = OpaquePointer?
    package typealias UserData = UnsafeMutableRawPointer?
    package typealias Text = UnsafePointer<CChar>?
    package typealias OnFailure = @convention(c) (Handle, Int64, Text, UserData) -> Void

    package var onInitConnect: OnFailure?
    package var onDisconnect: OnFailure?
    package var onAttemptFailed: OnFailure?
    package var onPush: (@convention(c) (Handle, UInt32, UnsafePointer<UInt8>?, Int, UserData) -> Void)?
    package var onLog: (@convention(c) (Handle, Int32, Text, UserData) -> Void)?
    package var onClosed: (@convention(c) (UserData) -> Void)?
    package var onResolve: (@convention(c) (Handle, Text, UserData) -> Void)?
    package var onThreadStart: (@convention(c) (Handle, UserData) -> Void)?
    package var userData: UserData = nil

    /// `onAnswer` delivers the answer to a request, `onCompletion` any other end, perhaps with an answer, too. Both run
    /// the application's callback with `insideCallback`, and dispose of the payload. They are two, because a completion
    /// is large to copy.
    package var onAnswer: @Sendable (Connection, Request<Payload>, Answer) -> Void = { _, request, _ in
        request.payload.dispose()
    }
    package var onCompletion: @Sendable (Connection, Connection.Machine.Completion, Answer?) -> Void = {
        _, completion, _ in completion.request.payload.dispose()
    }
    /// The name of a request in the log.
    package var name: @Sendable (Request<Payload>) -> String = { _ in "" }

    package init() {}
}
