// Prints what the Swift sample reads from each update time of the table of all languages: the name and the result.
import Glibc

func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
}

@main
struct Times {
    static func main() {
        while let line = readLine() {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard words.count == 3, !line.hasPrefix("#") else { continue }
            let told = WallClock.read(String(words[1])).map {
                "\(digits($0.year, 4))-\(digits($0.month, 2))-\(digits($0.day, 2)) "
                    + "\(digits($0.hour, 2)):\(digits($0.minute, 2)):\(digits($0.second, 2)).\(digits($0.nanosecond, 9))"
            }
            print(words[0], told ?? "-", separator: "\t")
        }
    }
}
