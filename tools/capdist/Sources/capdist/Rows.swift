/// Output formats for programs.
enum Format {
    case json, ndjson, csv
}

/// One row for programs: names and values. nil is written as null, or as nothing.
struct Row {
    enum Value {
        case text(String)
        case number(Double)
        case flag(Bool)
    }

    var fields: [(name: String, value: Value?)]

    init(fields: [(name: String, value: Value?)]) { self.fields = fields }

    /// A security's figures, with the derived ones.
    init(_ security: String, _ figures: Figures) {
        fields = [
            ("security", .text(security)), ("update_time", figures.updateTime.map { .text($0) }),
            ("update_timestamp", figures.updateTimestamp.map { .number($0) }),
        ]
        for (name, amount) in zip(Figures.names, figures.amounts) { add(name, amount) }
        for group in Group.allCases {
            let flow = figures.flow(group)
            if Group.sums.contains(group) {
                add("\(group.name)_in", flow.moneyIn)
                add("\(group.name)_out", flow.moneyOut)
            }
            add("\(group.name)_net", flow.net)
            add("\(group.name)_out_share", flow.outShare)
        }
    }

    /// The reason why there are no figures.
    init(_ security: String, _ answer: Answer) {
        fields = [
            ("security", .text(security)), ("status", .text(statusName(answer.status))), ("error", .text(answer.text)),
            ("ret_msg", answer.gatewaySays.isEmpty ? nil : .text(answer.gatewaySays)),
        ]
    }

    private mutating func add(_ name: String, _ amount: Double?) {
        fields.append((name, amount.map { .number($0) }))
    }

    var json: String {
        let members = fields.map { name, value in
            let told: String
            switch value {
            case nil: told = "null"
            case .text(let text): told = JSON.quoted(text)
            case .number(let number): told = Amount.exact(number)
            case .flag(let yes): told = yes ? "true" : "false"
            }
            return "\(JSON.quoted(name)): \(told)"
        }
        return "{" + members.joined(separator: ", ") + "}"
    }

    var csvHeading: String { fields.map(\.name).joined(separator: ",") + "\n" }

    var csv: String {
        let cells = fields.map { _, value in
            switch value {
            case nil: ""
            case .text(let text): Row.cell(text)
            case .number(let number): Amount.exact(number)
            case .flag(let yes): yes ? "1" : "0"
            }
        }
        return cells.joined(separator: ",") + "\n"
    }

    /// RFC 4180: quoted if it contains a comma, a quote or a line end.
    private static func cell(_ text: String) -> String {
        let needs = text.utf8.contains { $0 == 44 || $0 == 34 || $0 == 10 || $0 == 13 }
        return needs ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}

enum JSON {
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            // So that it can be part of a page's script.
            case "<": result += "\\u003c"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
