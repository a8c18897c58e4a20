/// A chart as an HTML page: it works offline, has tooltips, light and dark colours, and a table for screen readers.
struct Page {
    private let chart: Chart

    init(_ chart: Chart) { self.chart = chart }

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(Markup.escaped(chart.title))</title>
        <style>
        \(Page.style)</style>
        </head>
        <body>
        <main>
        <h1>\(Markup.escaped(chart.title))</h1>
        <figure>
        \(chart.svg)</figure>
        <p id="told" role="status" aria-live="polite"></p>
        \(table)</main>
        <script type="application/json" id="course">\(course)</script>
        <script>
        \(Page.script)</script>
        </body>
        </html>

        """
    }

    private var table: String {
        let time = chart.figures.updateTime.map { ", \($0)" } ?? ""
        var result = "<table>\n<caption>\(Markup.escaped("The figures of \(chart.name)\(time)"))</caption>\n"
        result +=
            "<thead><tr><th scope=\"col\">order size</th><th scope=\"col\">in</th><th scope=\"col\">out</th>"
            + "<th scope=\"col\">net</th><th scope=\"col\">share of out</th></tr></thead>\n<tbody>\n"
        for group in Group.allCases {
            let flow = chart.figures.flow(group)
            let cells = [
                chart.amount(flow.moneyIn), chart.amount(flow.moneyOut), chart.amount(flow.net, sign: true),
                Amount.percent(flow.outShare),
            ]
            result +=
                "<tr><th scope=\"row\">\(group.name)</th>" + cells.map { "<td>\(Markup.escaped($0))</td>" }.joined()
                + "</tr>\n"
        }
        return result + "</tbody>\n</table>\n"
    }

    /// The data of the tooltips: positions, times and nets.
    private var course: String {
        guard chart.hasCourse else { return "[]" }
        let points = chart.places.map { point in
            let nets = [Group.main, .retail, .total].map { group in
                JSON.quoted("\(group.name) \(chart.amount(point.figures.flow(group).net, sign: true))")
            }
            return
                "[\(Markup.at(point.x)),\(JSON.quoted(point.figures.updateTime ?? "")),\(nets.joined(separator: ","))]"
        }
        return "[\(points.joined(separator: ",\n"))]"
    }

    private static let style = """
        :root { color-scheme: light dark; }
        body { margin: 0; background: #ffffff; color: #1f2328; font: 15px/1.45 system-ui, "Segoe UI", Arial, "Noto Sans CJK SC", sans-serif; }
        main { max-width: 880px; margin: 0 auto; padding: 16px; }
        h1 { position: absolute; height: 1px; width: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        figure { margin: 0; } svg { width: 100%; height: auto; display: block; }
        .mark:hover, .mark:focus { opacity: .75; outline: none; stroke: currentColor; }
        .cursor { stroke: #818b98; }
        #told { min-height: 1.5em; margin: 4px 24px; font-variant-numeric: tabular-nums; }
        table { border-collapse: collapse; margin: 8px 24px 32px; font-variant-numeric: tabular-nums; }
        caption { text-align: left; font-weight: 600; padding-bottom: 6px; }
        th, td { padding: 3px 14px 3px 0; text-align: right; } th:first-child { text-align: left; font-weight: 500; }
        tbody tr:nth-child(5) > * { border-top: 1px solid #d8dee4; }
        @media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } tbody tr:nth-child(5) > * { border-color: #30363d; } }

        """

    private static let script = """
        "use strict";
        const told = document.getElementById("told");
        const svg = document.querySelector("svg");
        for (const mark of svg.querySelectorAll(".mark")) {
          mark.setAttribute("tabindex", "0");
          mark.setAttribute("role", "img");
          mark.setAttribute("aria-label", mark.dataset.told);
          mark.addEventListener("pointerenter", () => { told.textContent = mark.dataset.told; });
          mark.addEventListener("focus", () => { told.textContent = mark.dataset.told; });
        }
        // An image that contains interactive parts has the role group.
        svg.setAttribute("role", "group");
        const course = JSON.parse(document.getElementById("course").textContent);
        const cursor = svg.querySelector(".cursor");
        let at = -1;
        function show(index) {
          at = Math.min(Math.max(index, 0), course.length - 1);
          const [x, time, ...nets] = course[at];
          const plot = svg.querySelector("path.main, path.retail, path.total").getBBox();
          for (const [name, value] of [["x1", x], ["x2", x], ["y1", plot.y - 20], ["y2", plot.y + plot.height + 20]]) cursor.setAttribute(name, value);
          told.textContent = time + ": " + nets.join(", ");
        }
        if (course.length) {
          svg.addEventListener("pointermove", (event) => {
            const box = svg.getBoundingClientRect();
            const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
            const y = (event.clientY - box.top) * svg.viewBox.baseVal.height / box.height;
            const plot = svg.querySelector("path.main, path.retail, path.total").getBBox();
            if (y < plot.y - 30) return;
            let best = 0;
            course.forEach((point, index) => { if (Math.abs(point[0] - x) < Math.abs(course[best][0] - x)) best = index; });
            show(best);
          });
          document.addEventListener("keydown", (event) => {
            if (event.key === "ArrowRight") show(at + 1);
            if (event.key === "ArrowLeft") show(at < 0 ? course.length - 1 : at - 1);
          });
        }

        """
}
