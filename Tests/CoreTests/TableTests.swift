import Codec
import Testing
@testable import Core

/// The parts that make the cost of a request independent of the number of requests.
@Suite struct TableTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func aSerialMapIsADictionary(_ seed: UInt64) {
        var random = SplitMix64(state: seed)
        var map = SerialMap()
        var model: [UInt32: Int32] = [:]
        for step: Int32 in 0..<5_000 {
            // Consecutive numbers, as on the wire, and random ones.
            let serialNo = Bool.random(using: &random) ? UInt32(step) + 1 : .random(in: 1...600, using: &random)
            if Int.random(in: 0..<3, using: &random) > 0 {
                let hasRoom = map.reserve(map.count < 16 ? 16 : 1 << (Int.bitWidth - map.count.leadingZeroBitCount))
                #expect(hasRoom)
                map.insert(serialNo, step)
                model[serialNo] = step
            } else {
                let gone = Bool.random(using: &random) ? serialNo : UInt32(max(step - 40, 1))
                map.remove(gone)
                model[gone] = nil
            }
            let count = map.count
            #expect(count == model.count)
        }
        let isTheSame = (0...5_001 as ClosedRange<UInt32>).allSatisfy { map[$0] == model[$0] }
        #expect(isTheSame)
        let (first, last) = (map[0], map[.max])
        #expect(first == nil && last == nil)
    }

    /// Compared with a list that is searched: nothing is due too early or a millisecond late, and `next` is never too
    /// late.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func aWheelIsAListOfDeadlines(_ seed: UInt64) {
        var random = SplitMix64(state: seed)
        var wheel = TimerWheel()
        let hasRoom = wheel.reserve(200)
        #expect(hasRoom)
        var model: [Int32: Instant] = [:]
        // Also where every digit of the wheel wraps around.
        var now =
            seed % 4 == 0
            ? at((1 << 36 - 50) * millisecond) : Instant.random(in: 0...Instant(nanoseconds: 1 << 50), using: &random)
        for _ in 0..<2_000 {
            let index = Int32.random(in: 0..<200, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                guard model[index] == nil else { continue }
                let lengths: [TimeAmount] = [second / 50, second, 100 * second, 5_000 * second, 40_000_000 * second]
                let length = lengths[Int.random(in: 0..<lengths.count, using: &random)]
                let deadline = now + .random(in: millisecond...length, using: &random)
                wheel.insert(index, deadline, now)
                model[index] = deadline
            case 2:
                wheel.remove(index)
                model[index] = nil
            default:
                let earliest = model.values.min() ?? .max
                let next = wheel.next
                #expect(next < earliest || next - earliest < millisecond)
                let asked = next == .max ? now : next
                now = Bool.random(using: &random) ? max(now, asked) : now + .random(in: 0...second, using: &random)
                for due in wheel.takeDue(now) {
                    #expect(model.removeValue(forKey: due).map { $0 <= now } == true)
                }
                #expect(model.values.allSatisfy { $0 > now - millisecond })
            }
            let count = wheel.count
            #expect(count == model.count)
        }
        _ = wheel.takeDue(now + 50_000_000 * second)
        let (count, next) = (wheel.count, wheel.next)
        #expect(count == 0 && next == .max)
    }

    /// Searching took seconds. The limit is generous for any machine and a debug build.
    @Test func manyRequestsAreCancelledInNoTime() {
        let count = 20_000
        let bench = Bench.ready(limit: count) { $0.maxQueue = count }
        let serialNos = (0..<count).map { bench.ask("", reply: Int64($0 + 1) * millisecond) }
        _ = bench.sent()
        let clock = ContinuousClock()
        let time = clock.measure {
            for serialNo in serialNos[..<(count / 2)].reversed() { #expect(bench.cancel(serialNo)) }
            // The answer to the last one shows that all before it were read.
            #expect(bench.receive(UInt32(count) + 1) == "")
            bench.pass(Int64(count) * millisecond)
            _ = bench.receive(5)
            bench.lose()
        }
        #expect(time < .seconds(4))
        #expect(bench.actions().count { $0.contains("cancelled") } == count / 2)
        #expect(bench.used(at: bench.now) == count)
        #expect(
            bench.used(at: bench.now + 30 * second) == count - 1, "the stream's end is news of all but the answered")
        #expect(bench.used(at: bench.now + 30 * second + 1) == 0)
    }
}
