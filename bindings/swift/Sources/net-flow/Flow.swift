import CCapDist

/// Figures derived for one group of order sizes. A missing number is nil.
struct Flow {
    let name: String
    let moneyIn, moneyOut: Double?
    /// Bought minus sold; above 0 if more was bought.
    let net: Double?
    /// Sold, as a share of bought plus sold, from 0 to 1.
    let outShare: Double?

    /// All groups. `main` is super and big, `retail` mid and small.
    static let all = [
        ("super", CAPDIST_FLOW_SUPER), ("big", CAPDIST_FLOW_BIG), ("mid", CAPDIST_FLOW_MID),
        ("small", CAPDIST_FLOW_SMALL),
        ("main", CAPDIST_FLOW_MAIN), ("retail", CAPDIST_FLOW_RETAIL), ("total", CAPDIST_FLOW_TOTAL),
    ]

    init(_ name: String, _ group: Int, of figures: UnsafePointer<capdist_capital_distribution>) {
        self.name = name
        var flow = capdist_flow(capital_in: .nan, capital_out: .nan, net: .nan, out_share: .nan)
        capdist_flow_of(figures, Int32(group), &flow)
        func known(_ number: Double) -> Double? { number.isNaN ? nil : number }
        moneyIn = known(flow.capital_in)
        moneyOut = known(flow.capital_out)
        net = known(flow.net)
        outShare = known(flow.out_share)
    }
}
