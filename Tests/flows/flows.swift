import CCapDist

/// Plays Tests/cases/flows.json in Swift, with the sample's code. Tests/flows/play.py describes the input and output.
@main
struct Flows {
    static func main() {
        while let line = readLine() {
            let told = line.split(separator: " ").map { Double($0) ?? .nan }
            var figures = capdist_capital_distribution()
            figures.capital_in_super = told[0]
            figures.capital_in_big = told[1]
            figures.capital_in_mid = told[2]
            figures.capital_in_small = told[3]
            figures.capital_out_super = told[4]
            figures.capital_out_big = told[5]
            figures.capital_out_mid = told[6]
            figures.capital_out_small = told[7]
            let numbers = Flow.all.flatMap { name, group -> [Double?] in
                let flow = Flow(name, group, of: &figures)
                return [flow.moneyIn, flow.moneyOut, flow.net, flow.outShare]
            }
            print(numbers.map { $0.map { "\($0)" } ?? "nan" }.joined(separator: " "))
        }
    }
}
