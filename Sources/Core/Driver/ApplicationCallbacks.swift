/// The application's callbacks of a connection, as C has them, and the exports' own.
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

    /// Tells the answer to a request, or how it ended otherwise, perhaps with an answer, too. Both run the application's callback by
    /// `insideCallback` and dispose of the payload. An answer is told by itself, since a completion is large to copy.
    package var onAnswer: @Sendable (Connection, Request<Payload>, Answer) -> Void = { _, request, _ in
        request.payload.dispose()
    }
    package var onCompletion: @Sendable (Connection, Connection.Machine.Completion, Answer?) -> Void = {
        _, completion, _ in completion.request.payload.dispose()
    }
    /// What the log calls a request.
    package var name: @Sendable (Request<Payload>) -> String = { _ in "" }

    package init() {}
}
