import Glibc

/// Names that the application looks up (`on_resolve`), and its answers.
extension Connection {
    /// Calls `on_resolve`, unless an earlier call has no answer yet.
    func askForAddresses() {
        guard let onResolve = options.callbacks.onResolve, state.with({ $0.addressQuestion.ask() }) else { return }
        insideCallback { options.host.withCString { onResolve(handle, $0, options.callbacks.userData) } }
    }

    /// The application's answer. Any thread may call this. `addresses` are separated by spaces.
    package func resolved(_ addresses: String, why: String?) -> AnswerStatus {
        var found: [Address] = []
        var text: [UInt8] = []
        var rest = addresses.utf8.makeIterator()
        var next = rest.next()
        while let byte = next {
            next = rest.next()
            if byte != UInt8(ascii: " ") { text.append(byte) }
            guard next == nil || byte == UInt8(ascii: " "), !text.isEmpty else { continue }
            let address = String(decoding: text, as: UTF8.self)
            guard let numeric = Resolver.inPlace(address, options.port) else { return .noAddress(address) }
            found += numeric
            text.removeAll(keepingCapacity: true)
        }
        let answer: Result<[Address], LookUpFailure> =
            found.isEmpty ? .failure(LookUpFailure(why ?? "the application found no address")) : .success(found)
        return state.with { state in
            guard state.addressQuestion.take(answer) else { return .notAsked }
            // A thread that drives in a blocking call waits on the poller, too.
            poller.wake()
            return .ok
        }
    }

    package enum AnswerStatus {
        case ok, notAsked
        case noAddress(String)
    }
}
