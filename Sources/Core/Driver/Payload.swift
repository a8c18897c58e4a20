import Glibc

/// The driver's part of a request: the body to send, and the exports' data for its completion.
package struct Payload {
    /// From `malloc`: the exports' data, then the body. Separate memory, because requests are copied and must be small.
    package let memory: UnsafeMutableRawPointer
    package let body: UnsafeRawBufferPointer

    /// - Parameters:
    ///   - memory: from `malloc`; the payload owns it from now on.
    ///   - body: a part of `memory`, or empty.
    package init(_ memory: UnsafeMutableRawPointer, body: UnsafeRawBufferPointer) {
        self.memory = memory
        self.body = body
    }

    /// Frees the memory, when the request has completed or was refused.
    package func dispose() { free(memory) }
}
