import Glibc

/// A table on the terminal's alternate screen, which is updated. The last table is printed at the end.
final class LiveView: RoundsDelegate {
    private let list: [Security]
    private let settings: Settings
    private let options: RoundOptions
    private let units: Units
    private let terminal: Terminal
    private let output = Stream.output
    private let progress: Progress
    /// The latest answer for each security, and the main net before it.
    private var latest: [(answer: Answer, before: Double?)?]
    private var news = ""
    private var isShown = false
    private var state: RoundState
    let isLive = true
    let watchesOutput = true

    init(
        _ list: [Security], _ settings: Settings, _ options: RoundOptions, _ units: Units, _ terminal: Terminal,
        _ rounds: Rounds
    ) {
        self.list = list
        self.settings = settings
        self.options = options
        self.units = units
        self.terminal = terminal
        progress = Progress(count: list.count, quota: rounds.quota, live: true)
        latest = list.map { _ in nil }
        state = RoundState(count: list.count)
    }

    func order(_ count: Int, round: Int) -> [Int] { Array(0..<count) }

    func resume() {
        guard !isShown else { return }
        isShown = true
        Stream.output.writeIgnoringErrors("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
    }

    func suspend() {
        guard isShown else { return }
        isShown = false
        let (columns, rows) = terminal.size
        Stream.output.writeIgnoringErrors(
            "\u{1B}[?25h\u{1B}[?1049l" + table(columns, rows - 1).map { $0 + "\n" }.joined())
    }

    func tell(_ text: String) { news = text }

    func answered(_ index: Int, _ answer: Answer, connectedAt: Double) {
        // Earlier figures stay if a later request has none.
        if answer.figures == nil, latest[index]?.answer.figures != nil {
            news = "\(list[index].name): \(answer.text)"
            return
        }
        latest[index] = (answer, latest[index]?.answer.figures?.flow(.main).net)
    }

    func show(_ state: RoundState) throws {
        self.state = state
        let (columns, rows) = terminal.size
        let lines =
            [heading(columns), ""] + table(columns, rows - 4) + [
                "", Style.faint(Terminal.cut(news, columns), terminal),
            ]
        // Erases the rest of each line and the lines below, instead of the screen: this does not flicker.
        try output.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J")
    }

    private func heading(_ columns: Int) -> String {
        let what = list.count == 1 ? list[0].name : "\(list.count) securities"
        let where_ = "\(Terminal.harmless(what)) at \(settings.address), round \(state.number)"
        if let next = state.nextAt {
            let text = "\(where_), the next in \(Progress.time(Int(max(0, next - now()))))"
            return Style.heading(Terminal.cut(text, columns), terminal)
        }
        let told = progress.text(
            done: state.done, leftMs: state.leftMs, columns: max(20, columns - Terminal.width(where_) - 2))
        return Style.heading(Terminal.cut(where_, columns), terminal) + "  " + told
    }

    /// Main money's net as a share of the turnover, which is comparable between large and small companies.
    private static func mainShare(_ figures: Figures) -> Double? {
        let total = figures.flow(.total)
        guard let main = figures.flow(.main).net, let moneyIn = total.moneyIn, let moneyOut = total.moneyOut,
            moneyIn + moneyOut > 0
        else { return nil }
        return main / (moneyIn + moneyOut)
    }

    /// The table, cut to the terminal's size.
    private func table(_ columns: Int, _ room: Int) -> [String] {
        let nameWidth = max(8, list.map { Terminal.width($0.name) }.max() ?? 0)
        var groups = Group.allCases
        let isNarrow = columns < nameWidth + 42
        func width() -> Int { nameWidth + (isNarrow ? 0 : 20) + groups.count * 11 }
        // A narrow terminal has fewer columns: the smallest orders are left out first.
        for group in [Group.small, .mid, .big, .extraLarge, .retail] where width() > columns {
            groups.removeAll { $0 == group }
        }
        let bar = min(31, columns - width() - 3)
        var lines = [heading(groups, nameWidth, bar, isNarrow)]
        let largest = latest.compactMap { $0?.answer.figures.flatMap(LiveView.mainShare)?.magnitude }.max() ?? 0
        let fits = max(1, room - 1)
        let shown = list.count <= fits ? list.count : max(1, fits - 1)
        for index in 0..<shown { lines.append(row(index, groups, nameWidth, bar, largest, columns, isNarrow)) }
        if shown < list.count {
            lines.append(
                Style.faint(Terminal.cut("and \(list.count - shown) more: make the terminal higher", columns), terminal)
            )
        }
        return lines
    }

    private func heading(_ groups: [Group], _ nameWidth: Int, _ bar: Int, _ isNarrow: Bool) -> String {
        var text = Terminal.pad("net", nameWidth) + (isNarrow ? "" : "  " + Terminal.pad("time", 8))
        for group in groups { text += "  " + Terminal.pad(group.name, 9, right: true) }
        if !isNarrow { text += "  " + Terminal.pad("out", 6, right: true) }
        if bar >= 17 { text += "   " + Terminal.pad("main of turnover", bar / 2 + 8, right: true) }
        return Style.faint(text, terminal)
    }

    private func row(
        _ index: Int, _ groups: [Group], _ nameWidth: Int, _ bar: Int, _ largest: Double, _ columns: Int,
        _ isNarrow: Bool
    ) -> String {
        let name = Terminal.pad(Terminal.harmless(list[index].name), nameWidth)
        guard let (answer, before) = latest[index] else { return name }
        guard let figures = answer.figures else {
            return name + "  " + Style.faint(Terminal.cut(answer.text, max(10, columns - nameWidth - 2)), terminal)
        }
        let time = figures.updateTime.map { Terminal.harmless(String($0.suffix(8))) } ?? ""
        var text = name + (isNarrow ? "" : "  " + Style.faint(Terminal.pad(time, 8), terminal))
        for group in groups {
            let net = figures.flow(group).net
            let told = Amount.text(net, units, decimals: 0, sign: true)
            let style: Style = (net ?? 0) > 0 ? .moneyIn : (net ?? 0) < 0 ? .moneyOut : .plain
            text += "  " + style(Terminal.pad(told, 9, right: true), terminal)
        }
        guard !isNarrow else { return text }
        text += "  " + Terminal.pad(Amount.percent(figures.flow(.total).outShare), 6, right: true)
        let main = figures.flow(.main).net
        let change: String
        if let before, let main, before != main { change = main > before ? "▲" : "▼" } else { change = " " }
        text += " " + change
        if bar >= 17 { text += " " + Bar.net(LiveView.mainShare(figures), of: largest, columns: bar, terminal) }
        return text
    }
}
