import ArgumentParser
import CCapDist
import Glibc

struct ChartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chart", abstract: "A picture of the figures: SVG, PNG, or a page of one file.",
        discussion: """
            What came in and went out by order size, and with --from, the net over time. PNG is drawn by rsvg-convert, from \
            Debian's package librsvg2-bin.
            """)
    @Argument(help: ArgumentHelp("Such as HK.00700.", valueName: "security"))
    var security: String
    @Option(name: .customLong("from"), help: ArgumentHelp("A record, instead of the gateway.", valueName: "file"))
    var path: String?
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("The picture; its name ends with .svg, .png or .html.", valueName: "file"))
    var output: String
    @Option(help: ArgumentHelp("From this update time on (with --from).", valueName: "time"))
    var since: Moment?
    @Option(help: ArgumentHelp("Before this update time (with --from).", valueName: "time"))
    var until: Moment?
    @Option(help: ArgumentHelp("none, en (K, M, B), zh (万, 亿), or one of K, M, B, 万, 亿.", valueName: "units"))
    var units: Units = .en
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard [".svg", ".png", ".html"].contains(where: { output.hasSuffix($0) && output.utf8.count > $0.utf8.count })
        else {
            throw ValidationError("the name of the picture must end with .svg, .png or .html")
        }
        if path == nil, since != nil || until != nil {
            throw ValidationError("--since and --until are for a record: add --from")
        }
    }

    func run() throws {
        try ending {
            guard let asked = Security(security) else {
                throw Failure.usage("\(security): \(String(cString: capdist_last_error()))")
            }
            let course = try path.map { try recorded(asked, $0) } ?? [try fetched(asked)]
            guard let latest = course.last else {
                throw Failure(.refused, "\(path ?? "") has no figures of \(asked.name)")
            }
            let chart = Chart(name: asked.name, figures: latest, course: course, units: units)
            if output.hasSuffix(".html") {
                try OutputFile.write(Page(chart).html, to: output)
            } else if output.hasSuffix(".svg") {
                try OutputFile.write(chart.svg, to: output)
            } else {
                try Picture.draw(chart.svg, to: output)
            }
            return .done
        }
    }

    private func recorded(_ asked: Security, _ path: String) throws -> [Figures] {
        var course: [Figures] = []
        try RecordedRow.each(try FlowStore.reading(path), security: asked.name, since: since, until: until) { row in
            course.append(row.figures)
            // A chart has fewer pixels than a long record has points: leave out every second one, repeatedly.
            if course.count > 4000 {
                course = course.enumerated().filter { $0.offset.isMultiple(of: 2) || $0.offset == course.count - 1 }
                    .map(\.element)
            }
        }
        return course
    }

    private func fetched(_ asked: Security) throws -> Figures {
        let gateway = try Gateway(try connection.settings(), reconnect: false)
        let loop = Loop(takingSignals: false)
        gateway.ask(asked, index: 0)
        while true {
            switch loop.wait(gateway.mailbox, until: nil) {
            case .signal, .stopped, .readerGone, .time, .resized: break
            case .mail:
                for case .answer(let answer) in gateway.mailbox.take() {
                    guard let figures = answer.figures else {
                        throw Failure(answer.ending, "\(asked.name): \(answer.text)")
                    }
                    return figures
                }
            }
        }
    }
}

/// Makes a PNG with librsvg's command.
enum Picture {
    static func draw(_ svg: String, to path: String) throws {
        // Both files exist already or have no name, so nothing is left behind.
        let source = memfd_create("chart.svg", MFD_CLOEXEC)
        guard source >= 0 else { throw Failure.file("no memory for a picture: \(String(cString: strerror(errno)))") }
        defer { close(source) }
        try Stream(descriptor: source, name: "the picture").write(svg)
        lseek(source, 0, SEEK_SET)
        try OutputFile.write(to: path) { result in
            var files = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&files)
            defer { posix_spawn_file_actions_destroy(&files) }
            posix_spawn_file_actions_adddup2(&files, source, 0)
            posix_spawn_file_actions_adddup2(&files, result.descriptor, 1)
            // Twice as many pixels, for high-resolution screens.
            let command = ["rsvg-convert", "--zoom=2"]
            var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
            defer { words.forEach { free($0) } }
            words.append(nil)
            var child: pid_t = 0
            let code = posix_spawnp(&child, "rsvg-convert", &files, nil, &words, environ)
            guard code == 0 else {
                throw Failure.file(
                    "PNG needs rsvg-convert (Debian: apt install librsvg2-bin), which does not run: \(String(cString: strerror(code)))"
                )
            }
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            guard status == 0 else { throw Failure.file("\(path) could not be drawn by rsvg-convert") }
        }
    }
}
