/// The part of a chart that shows the net over time. Days stand side by side, since the figures start at zero each day.
struct Course {
    private let chart: Chart
    private let top: Double
    private let left: Double
    private let right: Double
    private let height: Double
    private static let groups: [Group] = [.main, .retail, .total]

    /// A point: its horizontal position, its day, and its figures.
    struct Point {
        let x: Double
        let day: Substring
        let figures: Figures
    }
    let points: [Point]

    init(_ chart: Chart, top: Double, left: Double, right: Double, height: Double) {
        self.chart = chart
        self.top = top
        self.left = left
        self.right = right
        self.height = height
        points = Course.places(chart.course, from: left, to: right)
    }

    /// Seconds since midnight, from "2026-11-30 10:44:21"; nil for another form.
    private static func seconds(_ time: String) -> Int? {
        let parts = time.dropFirst(11).prefix(8).split(separator: ":").compactMap { Int($0) }
        guard parts.count >= 2, time.utf8.count >= 16 else { return nil }
        return parts[0] * 3600 + parts[1] * 60 + (parts.count > 2 ? parts[2] : 0)
    }

    private static func places(_ course: [Figures], from left: Double, to right: Double) -> [Point] {
        let told = course.compactMap { figures -> (day: Substring, time: Int, figures: Figures)? in
            guard let text = figures.updateTime, let time = seconds(text) else { return nil }
            return (text.prefix(10), time, figures)
        }
        var days: [Substring] = []
        for entry in told where days.last != entry.day { days.append(entry.day) }
        let first = told.map(\.time).min() ?? 0
        let span = Double(max(1, (told.map(\.time).max() ?? 1) - first))
        let width = (right - left) / Double(max(1, days.count))
        // Leaves a gap between two days.
        let inner = days.count > 1 ? width * 0.94 : width
        var day = -1
        var last: Substring = ""
        return told.map { entry in
            if entry.day != last {
                day += 1
                last = entry.day
            }
            return Point(
                x: left + Double(day) * width + Double(entry.time - first) / span * inner, day: entry.day,
                figures: entry.figures)
        }
    }

    var svg: String {
        let nets = Course.groups.flatMap { group in points.compactMap { $0.figures.flow(group).net } }
        let scale = Scale(nets, marks: 5)
        func y(_ value: Double) -> Double { top + height - scale.share(value) * height }
        var result = Markup.text(24, top - 30, "title", "Net over time")
        for mark in scale.marks {
            result += Markup.line(left, y(mark), right, y(mark), mark == 0 ? "axis" : "grid")
            result += Markup.text(left - 12, y(mark) + 4, "faint", chart.short(mark), anchor: "end")
        }
        result += times
        var ends: [(group: Group, y: Double)] = []
        for group in Course.groups {
            result += path(group, y)
            if let net = points.last(where: { $0.figures.flow(group).net != nil })?.figures.flow(group).net {
                ends.append((group, y(net)))
            }
        }
        // The labels at the lines' ends, moved apart.
        ends.sort { $0.y < $1.y }
        for place in ends.indices.dropFirst() { ends[place].y = max(ends[place].y, ends[place - 1].y + 16) }
        for end in ends {
            let name = end.group == .main ? "main money" : end.group.name
            result += Markup.text(right + 10, end.y + 4, end.group.name, name)
        }
        return result + Markup.line(0, 0, 0, 0, "cursor")
    }

    private func path(_ group: Group, _ y: (Double) -> Double) -> String {
        var told = ""
        var day: Substring?
        for point in points {
            guard let net = point.figures.flow(group).net else {
                day = nil
                continue
            }
            told += "\(day == point.day ? "L" : "M")\(Markup.at(point.x)) \(Markup.at(y(net)))"
            day = point.day
        }
        return told.isEmpty ? "" : "<path class=\"\(group.name)\" d=\"\(told)\"/>\n"
    }

    /// The labels of the time axis: the days, or the hours if there is only one day.
    private var times: String {
        var result = ""
        let days = Set(points.map(\.day)).count
        if days > 1 {
            var last: Substring = ""
            var lastX = -Double.infinity
            for point in points where point.day != last {
                last = point.day
                result += Markup.line(point.x, top, point.x, top + height, "grid")
                guard point.x - lastX > 74 else { continue }
                lastX = point.x
                result += Markup.text(point.x, top + height + 20, "faint", String(point.day))
            }
            return result
        }
        var lastX = -Double.infinity
        for (place, point) in points.enumerated() where point.x - lastX > 90 {
            lastX = point.x
            let time = point.figures.updateTime.map { String($0.dropFirst(11).prefix(5)) } ?? ""
            let anchor = place == 0 ? "start" : right - point.x < 20 ? "end" : "middle"
            result += Markup.text(point.x, top + height + 20, "faint", time, anchor: anchor)
        }
        return result
    }
}
