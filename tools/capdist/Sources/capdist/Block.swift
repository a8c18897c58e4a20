/// One security's figures as a table for people.
struct Block {
    private let name: String
    private let figures: Figures
    private let units: Units

    init(_ name: String, _ figures: Figures, _ units: Units) {
        self.name = name
        self.figures = figures
        self.units = units
    }

    func text(_ terminal: Terminal) -> String {
        let flows = Group.allCases.map { ($0, figures.flow($0)) }
        let decimals = Amount.decimals(figures.amounts)
        func amount(_ value: Double?, sign: Bool = false) -> String {
            Amount.text(value, units, decimals: decimals, sign: sign)
        }
        let cells = flows.map { group, flow in
            [
                group.name, amount(flow.moneyIn), amount(flow.moneyOut), amount(flow.net, sign: true),
                Amount.percent(flow.outShare),
            ]
        }
        let heading = ["", "in", "out", "net", "out share"]
        let widths = heading.indices.map { column in
            ([heading] + cells).map { Terminal.width($0[column]) }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            cells.indices.map { Terminal.pad(cells[$0], widths[$0], right: $0 > 0) }.joined(separator: "  ")
        }
        let whole = widths.reduce(0, +) + 2 * (widths.count - 1)
        let room = terminal.isTerminal ? min(41, terminal.size.columns - whole - 2) : 0
        let largest = flows.compactMap { $0.1.net?.magnitude }.max() ?? 0
        var result = Style.heading(Terminal.harmless(name), terminal)
        if let time = figures.updateTime { result += "  " + Style.faint(Terminal.harmless(time), terminal) }
        result += "\n" + Style.faint(line(heading), terminal) + "\n"
        for ((group, flow), cells) in zip(flows, cells) {
            var told = line(cells)
            if room >= 11 { told += "  " + Bar.net(flow.net, of: largest, columns: room, terminal) }
            while told.last == " " { told.removeLast() }
            if group == .main { result += Style.faint(String(repeating: "─", count: whole), terminal) + "\n" }
            result += told + "\n"
        }
        return result
    }
}
