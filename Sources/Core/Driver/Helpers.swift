import Codec

/// The work that short-lived threads do.
package enum Helpers {
    typealias Names = SharedWork<Result<[Address], LookUpFailure>>
    typealias Certificates = SharedWork<Result<TLSContext, TLSContext.TrustError>>

    /// Lookups, by host name. With a name server that does not answer, a lookup takes half a minute or more.
    static let names = Names(most: 16)
    static let certificates = Certificates(most: 1)

    /// When the library is unloaded: Swift never gives back the reference that a global has.
    package static func giveBackAll() {
        Unmanaged.passUnretained(names).release()
        Unmanaged.passUnretained(certificates).release()
        Unmanaged.passUnretained(TLSContexts.shared).release()
    }

    package static func prepareFork() {
        names.prepareFork()
        certificates.prepareFork()
        TLSContexts.shared.prepareFork()
    }

    package static func afterForkInParent() {
        TLSContexts.shared.afterForkInParent()
        certificates.afterForkInParent()
        names.afterForkInParent()
    }

    package static func afterForkInChild() {
        names.afterForkInChild()
        certificates.afterForkInChild()
        TLSContexts.shared.afterForkInChild()
    }
}
