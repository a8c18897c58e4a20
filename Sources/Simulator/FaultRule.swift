import Codec

/// One fault and what it affects, written `NAME[=ARG][@WHICH]`: `late=500@HK.00005`, `never@1004`, `any@1/5`.
package struct FaultRule: Equatable, Sendable {
    package enum What: Equatable, Sendable {
        /// The argument is nil if the fault has none.
        case fault(Fault, Int64?)
        /// Any of `Fault.ofAnswers`, at random.
        case any
    }

    /// What a fault affects.
    package enum Which: Equatable, Sendable {
        /// Every frame of the fault's own protocol, or every connection.
        case all
        /// Answers to requests for this stock.
        case stock(market: Int32, code: String)
        /// Frames of this protocol.
        case proto(UInt32)
        /// One in this many of those that `all` means, at random.
        case oneIn(Int)
    }

    package let what: What
    package let which: Which

    package struct Wrong: Error, Equatable {
        /// A sentence.
        package let text: String
    }

    package init(_ what: What, _ which: Which = .all) {
        self.what = what
        self.which = which
    }

    package init(_ text: String) throws(Wrong) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let words = (parts.first ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(words.first ?? "")
        let argument = words.count > 1 ? String(words[1]) : nil
        let which = parts.count > 1 ? String(parts[1]) : nil
        if name == "any" {
            guard argument == nil else { throw Wrong(text: "any takes no argument") }
            what = .any
        } else {
            guard let fault = Fault(rawValue: name) else { throw Wrong(text: "there is no fault \(name)") }
            what = .fault(fault, try Self.argument(argument, fault))
        }
        self.which = try which.map { text throws(Wrong) in try Self.which(text) } ?? .all
        if case .fault(let fault, _) = what { try Self.check(self.which, fault) }
    }

    private static func argument(_ text: String?, _ fault: Fault) throws(Wrong) -> Int64? {
        guard let argument = fault.argument else {
            guard text == nil else { throw Wrong(text: "\(fault.rawValue) takes no argument") }
            return nil
        }
        guard let text else { return argument.initial }
        guard let number = Int64(text), argument.range.contains(number) else {
            let range = "from \(argument.range.lowerBound) to \(argument.range.upperBound)"
            throw Wrong(text: "\(fault.rawValue) takes a number \(range), not \(text)")
        }
        return number
    }

    private static func which(_ text: String) throws(Wrong) -> Which {
        if text.hasPrefix("1/"), let count = Int(text.dropFirst(2)), (1...1_000_000_000).contains(count) {
            return .oneIn(count)
        }
        if let protoID = UInt32(text) { return .proto(protoID) }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !parts[1].isEmpty,
            let market = Market.allCases.first(where: { parts[0] == "\($0.prefix)" })
        {
            return .stock(market: market.rawValue, code: String(parts[1]))
        }
        throw Wrong(text: "WHICH is a stock such as HK.00005, a protocol number or 1/N, not \(text)")
    }

    private static func check(_ which: Which, _ fault: Fault) throws(Wrong) {
        switch (fault.scope, which) {
        case (_, .all), (.frame, _), (.connection, .oneIn): return
        case (.connection, _):
            throw Wrong(text: "\(fault.rawValue) affects a client's connection: each one, or 1/N of them")
        case (.gateway, _): throw Wrong(text: "\(fault.rawValue) affects the whole gateway")
        }
    }
}
