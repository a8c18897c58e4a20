import CCapDist
import Glibc

/// Names that the application looks up (`on_resolve`), and what came of it or of the library's own look-up.
extension Connection {
    /// Asks, unless an earlier question is still open.
    func askForAddresses(_ onResolve: capdist_resolve_fn) {
        let isAsked = stateLock.withLock {
            defer { state.pointee.asksForAddresses = true }
            return state.pointee.asksForAddresses
        }
        if isAsked { return }
        insideCallback { options.host.withCString { onResolve(handle, $0, options.callbacks.userData) } }
    }

    /// The application's answer, from any thread; `addresses` are separated by spaces.
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
        let isAsked = stateLock.withLock {
            guard state.pointee.asksForAddresses else { return false }
            state.pointee.asksForAddresses = false
            state.pointee.resolved =
                found.isEmpty ? .failure(LookUpFailure(why ?? "the application found no address")) : .success(found)
            // Whoever drives in a blocking call waits for the poller, too.
            poller.wake()
            return true
        }
        return isAsked ? .ok : .notAsked
    }

    package enum AnswerStatus {
        case ok, notAsked
        case noAddress(String)
    }

    func takeLookUp() -> Result<[Address], LookUpFailure>? {
        if let ticket = input.pointee.lookUp, let result = Helpers.names.take(ticket) {
            input.pointee.lookUp = nil
            return result
        }
        return stateLock.withLock {
            defer { state.pointee.resolved = nil }
            return state.pointee.resolved
        }
    }
}
