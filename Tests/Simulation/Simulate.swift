import CCapDist
import Glibc

/// Runs schedules: `simulate --seeds N --from M`; or one again with its events: `simulate --seed X`.
@main
enum Simulate {
    static func main() {
        var (seeds, from, narrated): (UInt64, UInt64, UInt64?) = (1_000, 1, nil)
        // The process's first call initialises the library, on the real system.
        _ = capdist_init_connect(nil, nil)
        var words = CommandLine.arguments.dropFirst()
        while let word = words.popFirst() {
            let value = words.popFirst().flatMap { UInt64($0) }
            switch (word, value) {
            case ("--seeds", .some(let value)): seeds = value
            case ("--from", .some(let value)): from = value
            case ("--seed", .some(let value)): narrated = value
            default:
                print("usage: simulate [--seeds N] [--from M] | --seed X")
                exit(2)
            }
        }
        if let narrated { exit(run(narrated, narrate: { print($0) }) == nil ? 1 : 0) }
        exit(runAll(seeds, from))
    }

    /// - Returns: the exit status.
    private static func runAll(_ seeds: UInt64, _ from: UInt64) -> Int32 {
        var (broken, steps, requests): (UInt64, Int, Int) = (0, 0, 0)
        let every = max(seeds / 10, 1)
        for seed in from..<(from &+ seeds) {
            if let world = run(seed) {
                steps += world.steps
                requests += world.asked.count
            } else {
                broken += 1
            }
            let done = seed - from + 1
            if done % every == 0 || done == seeds {
                print("seeds \(from)...\(seed): \(requests) requests, \(steps) steps, \(broken) broken")
                fflush(nil)
            }
        }
        return broken == 0 ? 0 : 1
    }

    /// - Returns: the world at its end, or nil after printing which promise was broken.
    private static func run(_ seed: UInt64, narrate: ((String) -> Void)? = nil) -> World? {
        let world = World(seed: seed, narrate: narrate)
        do throws(Broken) {
            try world.run()
            let outcomes = world.outcomes.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key)" }
            narrate?(
                "\(world.asked.count) requests, \(world.steps) steps, no promise broken: \(outcomes.joined(separator: ", "))"
            )
            return world
        } catch {
            print(
                "seed \(seed): \(error.promise) (at \(world.now / World.millisecond) ms; again: simulate --seed \(seed))"
            )
            return nil
        }
    }
}
