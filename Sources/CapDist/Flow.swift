import CCapDist

/// The figures derived for a group of order sizes.
@_cdecl("capdist_flow_of")
public func flowOf(
    _ distribution: UnsafePointer<capdist_capital_distribution>?, _ group: Int32,
    _ flow: UnsafeMutablePointer<capdist_flow>?
) -> capdist_status {
    reporting { () throws(CallError) in
        guard let distribution else { throw .invalid("capdist_flow_of: distribution is NULL") }
        guard let flow else { throw .invalid("capdist_flow_of: flow is NULL") }
        guard let result = capdist_flow(distribution.pointee, group) else {
            throw .invalid("capdist_flow_of: group \(group) is not one of CAPDIST_FLOW_SUPER to CAPDIST_FLOW_TOTAL")
        }
        flow.pointee = result
        return .ok
    }
}

extension capdist_flow {
    /// nil if there is no such group.
    fileprivate init?(_ figures: capdist_capital_distribution, _ group: Int32) {
        switch Int(group) {
        case CAPDIST_FLOW_SUPER: self.init(figures.capital_in_super, figures.capital_out_super)
        case CAPDIST_FLOW_BIG: self.init(figures.capital_in_big, figures.capital_out_big)
        case CAPDIST_FLOW_MID: self.init(figures.capital_in_mid, figures.capital_out_mid)
        case CAPDIST_FLOW_SMALL: self.init(figures.capital_in_small, figures.capital_out_small)
        case CAPDIST_FLOW_MAIN:
            self.init(
                figures.capital_in_super + figures.capital_in_big, figures.capital_out_super + figures.capital_out_big)
        case CAPDIST_FLOW_RETAIL:
            self.init(
                figures.capital_in_mid + figures.capital_in_small, figures.capital_out_mid + figures.capital_out_small)
        case CAPDIST_FLOW_TOTAL:
            self.init(
                figures.capital_in_super + figures.capital_in_big + figures.capital_in_mid + figures.capital_in_small,
                figures.capital_out_super + figures.capital_out_big + figures.capital_out_mid
                    + figures.capital_out_small)
        default: return nil
        }
    }

    /// A missing figure is NaN, and so is every sum with it.
    private init(_ moneyIn: Double, _ moneyOut: Double) {
        func known(_ amount: Double) -> Double { amount.isFinite ? amount : .nan }
        let turnover = moneyIn + moneyOut
        self.init(
            capital_in: known(moneyIn), capital_out: known(moneyOut), net: known(moneyIn - moneyOut),
            out_share: turnover > 0 ? known(moneyOut / turnover) : .nan)
    }
}
