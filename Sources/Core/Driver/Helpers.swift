import Codec

/// What of it there is.
package enum Helpers {
    typealias Names = SharedWork<Result<[Address], LookUpFailure>>
    typealias Certificates = SharedWork<Result<TLSContext, TLSContext.TrustError>>

    /// Look-ups by the host's name. A name server that does not answer holds one up for half a minute and more.
    static let names = Names(most: 16)
    static let certificates = Certificates(most: 1)

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
