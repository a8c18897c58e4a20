/// A chart of one security: the money in and out by order size, and the net over time if there is a record.
struct Chart {
    let name: String
    let figures: Figures
    /// In the order of time; empty if there is no record.
    let course: [Figures]
    let units: Units

    static let width = 880.0
    private static let left = 84.0
    private static let right = 150.0
    private static let top = 96.0
    private static let rowHeight = 46.0
    private static let plotHeight = 240.0

    /// The order sizes, a gap, and the sums.
    private static var rows: [(group: Group, y: Double)] {
        Group.allCases.enumerated().map { place, group in
            (group, top + Double(place) * rowHeight + (Group.sums.contains(group) ? 14 : 0))
        }
    }
    private static var barsEnd: Double { top + Double(Group.allCases.count) * rowHeight + 14 }
    private static var plotTop: Double { barsEnd + 96 }

    var hasCourse: Bool { course.count > 1 }
    var height: Double { hasCourse ? Chart.plotTop + Chart.plotHeight + 44 : Chart.barsEnd + 34 }

    var title: String { "\(name): money in and out by order size" }

    /// The text for people who do not see the chart.
    var summary: String {
        let told = Group.allCases.compactMap { group -> String? in
            let flow = figures.flow(group)
            guard let moneyIn = flow.moneyIn, let moneyOut = flow.moneyOut else { return nil }
            return "\(group.name): in \(amount(moneyIn)), out \(amount(moneyOut)), net \(amount(flow.net, sign: true))"
        }
        let time = figures.updateTime.map { " at \($0)" } ?? ""
        return "\(title)\(time). \(told.joined(separator: "; "))."
    }

    func amount(_ value: Double?, sign: Bool = false) -> String {
        Amount.text(value, units, decimals: Amount.decimals(figures.amounts), sign: sign)
    }

    /// The chart with colours for light and dark, as a file or inside a page.
    var svg: String {
        let size =
            "width=\"\(Int(Chart.width))\" height=\"\(Int(height))\" viewBox=\"0 0 \(Int(Chart.width)) \(Int(height))\""
        var result =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) role=\"img\" aria-labelledby=\"chart-title chart-desc\">\n"
        result += "<title id=\"chart-title\">\(Markup.escaped(title))</title>\n"
        result += "<desc id=\"chart-desc\">\(Markup.escaped(summary))</desc>\n"
        result += "<style>\n\(Chart.style)</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n"
        result += Markup.text(24, 36, "title", name) + Markup.text(24, 58, "faint", subtitle)
        result += legend + bars
        if hasCourse { result += overTime.svg }
        return result + "</svg>\n"
    }

    private var overTime: Course {
        Course(self, top: Chart.plotTop, left: Chart.left, right: Chart.width - Chart.right, height: Chart.plotHeight)
    }

    /// The points of the lines, with their positions.
    var places: [Course.Point] { overTime.points }

    private var subtitle: String {
        let what = "money in and out by order size"
        return figures.updateTime.map { "\(what), until \($0)" } ?? what
    }

    private var legend: String {
        let x = Chart.width - 240
        return "<rect class=\"in\" x=\"\(Markup.at(x))\" y=\"26\" width=\"12\" height=\"12\" rx=\"2\"/>\n"
            + Markup.text(x + 18, 36, "label", "in")
            + "<rect class=\"out\" x=\"\(Markup.at(x + 52))\" y=\"26\" width=\"12\" height=\"12\" rx=\"2\"/>\n"
            + Markup.text(x + 70, 36, "label", "out") + Markup.text(Chart.width - 24, 36, "faint", "net", anchor: "end")
    }

    private var bars: String {
        let flows = Chart.rows.map { (row: $0, flow: figures.flow($0.group)) }
        let scale = Scale(flows.flatMap { [$0.flow.moneyIn, $0.flow.moneyOut].compactMap { $0 } }, marks: 5)
        let end = Chart.width - Chart.right
        func x(_ value: Double) -> Double { Chart.left + scale.share(value) * (end - Chart.left) }
        var result = ""
        for mark in scale.marks {
            result += Markup.line(x(mark), Chart.top - 8, x(mark), Chart.barsEnd - 4, mark == 0 ? "axis" : "grid")
            result += Markup.text(x(mark), Chart.barsEnd + 14, "faint", short(mark), anchor: "middle")
        }
        for (row, flow) in flows {
            result += Markup.text(Chart.left - 12, row.y + 22, "label", row.group.name, anchor: "end")
            for (kind, value, y) in [("in", flow.moneyIn, row.y), ("out", flow.moneyOut, row.y + 17)] {
                guard let value else { continue }
                let from = min(x(0), x(value))
                let told = "\(row.group.name) \(kind): \(amount(value))"
                result +=
                    "<rect class=\"\(kind) mark\" x=\"\(Markup.at(from))\" y=\"\(Markup.at(y))\""
                    + " width=\"\(Markup.at(max(1, (x(value) - x(0)).magnitude)))\" height=\"15\" rx=\"2\""
                    + " data-told=\"\(Markup.escaped(told))\"><title>\(Markup.escaped(told))</title></rect>\n"
            }
            if flow.moneyIn == nil || flow.moneyOut == nil {
                result += Markup.text(Chart.left + 10, row.y + 22, "faint", "not told by the gateway")
            }
            let kind = (flow.net ?? 0) >= 0 ? "in-text" : "out-text"
            result += Markup.text(Chart.width - 24, row.y + 22, kind, amount(flow.net, sign: true), anchor: "end")
        }
        return result
    }

    /// A label of an axis, with few digits.
    func short(_ value: Double) -> String {
        let units: Units = units == .none ? .en : units
        var told = Amount.text(value, units, decimals: 0)
        for end in ["0", "0", "."] {
            if let digit = told.lastIndex(where: { $0.isNumber || $0 == "." }), told.contains("."),
                String(told[digit]) == end
            {
                told.remove(at: digit)
            }
        }
        return told
    }

    /// Colours that colour-blind people can tell apart, with enough contrast on light and dark. Renderers without media
    /// queries use the light ones.
    static let style = """
        .ground { fill: #ffffff; }
        text { font: 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans CJK SC", sans-serif; fill: #1f2328; }
        .title { font-size: 20px; font-weight: 600; }
        .faint { fill: #59636e; font-size: 12px; }
        .in { fill: #1f6feb; } .out { fill: #d4691e; }
        .in-text { fill: #0a52c4; font-weight: 600; } .out-text { fill: #a34a0a; font-weight: 600; }
        .grid { stroke: #d8dee4; } .axis { stroke: #818b98; }
        .main { stroke: #6639ba; fill: #6639ba; } .retail { stroke: #0f766e; fill: #0f766e; } .total { stroke: #6e7781; fill: #6e7781; }
        path.main, path.retail, path.total { fill: none; stroke-width: 2; stroke-linejoin: round; }
        path.total { stroke-dasharray: 5 4; }
        text.main, text.retail, text.total { stroke: none; }
        @media (prefers-color-scheme: dark) {
        .ground { fill: #0d1117; } text { fill: #e6edf3; } .faint { fill: #9198a1; }
        .in { fill: #4493f8; } .out { fill: #f0883e; } .in-text { fill: #79b8ff; } .out-text { fill: #ffa657; }
        .grid { stroke: #30363d; } .axis { stroke: #6e7681; }
        .main { stroke: #c297ff; fill: #c297ff; } .retail { stroke: #4ac7b4; fill: #4ac7b4; } .total { stroke: #9198a1; fill: #9198a1; }
        }

        """
}
