import CCapDist

/// A group of order sizes, with capdist.h's number.
enum Group: Int32, CaseIterable {
    case extraLarge = 1
    case big = 2
    case mid = 3
    case small = 4
    case main = 5
    case retail = 6
    case total = 7

    static let sizes: [Group] = [.extraLarge, .big, .mid, .small]
    static let sums: [Group] = [.main, .retail, .total]

    var name: String {
        switch self {
        case .extraLarge: "super"
        case .big: "big"
        case .mid: "mid"
        case .small: "small"
        case .main: "main"
        case .retail: "retail"
        case .total: "total"
        }
    }
}

/// Figures derived for one group; nil for a missing number.
struct Flow {
    let moneyIn: Double?
    let moneyOut: Double?
    let net: Double?
    let outShare: Double?
}

/// The figures of one security at one time.
struct Figures {
    /// In: super, big, mid, small; then out: super, big, mid, small. nil if missing.
    var amounts: [Double?]
    /// The market's local time; nil if missing.
    var updateTime: String?
    /// Unix seconds; nil if missing.
    var updateTimestamp: Double?

    /// The names of `amounts`, as in capdist.h.
    static let names = ["in", "out"].flatMap { way in Group.sizes.map { "capital_\(way)_\($0.name)" } }

    /// Figures that are all missing.
    static let none = Figures(amounts: names.map { _ in nil }, updateTime: nil, updateTimestamp: nil)

    init(amounts: [Double?], updateTime: String?, updateTimestamp: Double?) {
        self.amounts = amounts
        self.updateTime = updateTime
        self.updateTimestamp = updateTimestamp
    }

    init(_ told: UnsafePointer<capdist_capital_distribution>) {
        let figures = told.pointee
        func finite(_ number: Double) -> Double? { number.isFinite ? number : nil }
        amounts = [
            finite(figures.capital_in_super), finite(figures.capital_in_big), finite(figures.capital_in_mid),
            finite(figures.capital_in_small), finite(figures.capital_out_super), finite(figures.capital_out_big),
            finite(figures.capital_out_mid), finite(figures.capital_out_small),
        ]
        let time = String(cString: figures.update_time)
        updateTime = time.isEmpty ? nil : time
        updateTimestamp = finite(figures.update_timestamp)
    }

    /// The derived figures, which the library computes.
    func flow(_ group: Group) -> Flow {
        func number(_ place: Int) -> Double { amounts[place] ?? .nan }
        var figures = capdist_capital_distribution()
        figures.capital_in_super = number(0)
        figures.capital_in_big = number(1)
        figures.capital_in_mid = number(2)
        figures.capital_in_small = number(3)
        figures.capital_out_super = number(4)
        figures.capital_out_big = number(5)
        figures.capital_out_mid = number(6)
        figures.capital_out_small = number(7)
        var flow = capdist_flow()
        guard capdist_flow_of(&figures, group.rawValue, &flow) == CAPDIST_OK else {
            return Flow(moneyIn: nil, moneyOut: nil, net: nil, outShare: nil)
        }
        func known(_ number: Double) -> Double? { number.isNaN ? nil : number }
        return Flow(
            moneyIn: known(flow.capital_in), moneyOut: known(flow.capital_out), net: known(flow.net),
            outShare: known(flow.out_share))
    }
}
