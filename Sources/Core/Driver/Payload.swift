import Glibc

/// What a request carries through the state machine: the body to be sent, and what the exports keep to tell its end.
package struct Payload {
    /// From `malloc`, since a request is copied on its way and is to be small: the exports' part, and behind it the
    /// body.
    package let memory: UnsafeMutableRawPointer
    package let body: UnsafeRawBufferPointer

    /// - Parameters:
    ///   - memory: from `malloc`; the payload's from now on.
    ///   - body: in it, or empty.
    package init(_ memory: UnsafeMutableRawPointer, body: UnsafeRawBufferPointer) {
        self.memory = memory
        self.body = body
    }

    /// Frees what the payload owns, once its request is complete or was refused.
    package func dispose() { free(memory) }
}
