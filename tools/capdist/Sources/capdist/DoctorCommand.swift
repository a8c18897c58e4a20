import ArgumentParser
import CCapDist

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What works on the way to the figures, and what does not.",
        discussion: """
            Goes the way from here to the figures step by step, and says for the first that fails its likely cause and what \
            to do. Uses one request of the quota.
            """)
    @Argument(help: ArgumentHelp("What to ask for in the last step.", valueName: "security"))
    var security = "HK.00700"
    @Flag(help: "One JSON document.") var json = false
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() throws {
        try ending {
            guard let asked = Security(security) else {
                throw Failure.usage("\(security): \(String(cString: capdist_last_error()))")
            }
            let terminal = Terminal(.output)
            var findings: [Finding] = []
            try Examination(try connection.settings(), asked).run { finding in
                findings.append(finding)
                // Printed one by one, since a step may take seconds.
                if !json { try Stream.output.write(finding.text(terminal)) }
            }
            if json {
                try Stream.output.write("[\n  " + findings.map(\.row.json).joined(separator: ",\n  ") + "\n]\n")
            }
            return findings.first { $0.state == .failed }?.ending ?? .done
        }
    }
}

/// The result of one step.
struct Finding {
    enum State: String {
        case ok
        case warning
        case failed
        case skipped = "not tried"
    }

    let step: String
    let state: State
    let told: String
    var cause = ""
    var advice = ""
    var ending: Ending = .done

    static func ok(_ step: String, _ told: String) -> Finding { Finding(step: step, state: .ok, told: told) }

    static func warning(_ step: String, _ told: String, cause: String, advice: String) -> Finding {
        Finding(step: step, state: .warning, told: told, cause: cause, advice: advice)
    }

    static func failed(_ step: String, _ ending: Ending, _ told: String, cause: String, advice: String) -> Finding {
        Finding(step: step, state: .failed, told: told, cause: cause, advice: advice, ending: ending)
    }

    func text(_ terminal: Terminal) -> String {
        let style: Style
        switch state {
        case .ok: style = .moneyIn
        case .warning, .failed: style = .moneyOut
        case .skipped: style = .faint
        }
        let margin = 22
        let columns = terminal.isTerminal ? max(50, min(terminal.size.columns, 110)) : 110
        func lines(_ text: String) -> String {
            Finding.wrapped(text, columns - margin).joined(separator: "\n" + String(repeating: " ", count: margin))
        }
        var result =
            style(Terminal.pad(state.rawValue, 10), terminal)
            + (told.isEmpty ? step : Terminal.pad(step, 12) + lines(told)) + "\n"
        if !cause.isEmpty {
            result += Terminal.pad("", 10) + Style.faint(Terminal.pad("cause", 12), terminal) + lines(cause) + "\n"
        }
        if !advice.isEmpty {
            result +=
                Terminal.pad("", 10) + Style.faint(Terminal.pad("what to do", 12), terminal) + lines(advice) + "\n"
        }
        return result
    }

    private static func wrapped(_ text: String, _ columns: Int) -> [String] {
        var lines: [String] = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if !line.isEmpty, Terminal.width(line) + 1 + Terminal.width(String(word)) > columns {
                lines.append(String(word))
            } else {
                lines[lines.count - 1] = line.isEmpty ? String(word) : line + " " + word
            }
        }
        return lines
    }

    var row: Row {
        func told(_ text: String) -> Row.Value? { text.isEmpty ? nil : .text(text) }
        return Row(fields: [
            ("step", .text(step)), ("state", .text(state.rawValue)), ("told", told(self.told)), ("cause", told(cause)),
            ("advice", told(advice)),
        ])
    }
}
