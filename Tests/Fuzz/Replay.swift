#if REPLAY
    import Glibc

    /// Runs existing inputs without libFuzzer: `fuzz --target=NAME FOLDER`.
    @main
    enum Replay {
        static func main() {
            setUp(CommandLine.arguments)
            var inputs = 0
            for folder in CommandLine.arguments.dropFirst() where !folder.hasPrefix("--") {
                guard let entries = opendir(folder) else { continue }
                defer { closedir(entries) }
                while let entry = readdir(entries) {
                    let name = withUnsafePointer(to: &entry.pointee.d_name) {
                        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                    }
                    guard !name.hasPrefix("."), let input = read(folder + "/" + name) else { continue }
                    // Prints the name of the input that ends the process.
                    say("input: \(name)")
                    _ = input.withUnsafeBufferPointer { testOneInput($0.baseAddress, $0.count) }
                    inputs += 1
                }
            }
            say("\(inputs) inputs")
        }

        /// The whole file; nil if it cannot be read.
        private static func read(_ path: String) -> [UInt8]? {
            guard let file = fopen(path, "re") else { return nil }
            defer { fclose(file) }
            var content: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 65_536)
            while case let count = fread(&part, 1, part.count, file), count > 0 { content += part[..<count] }
            return content
        }
    }
#endif
