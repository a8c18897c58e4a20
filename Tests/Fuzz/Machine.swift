import Codec
import Core

/// One or more state machines that share a quota, in virtual time, with any steps that a driver could make: requests,
/// cancels, answers, lost streams, jumps in time. The promises are checked after each step.
///
/// Input: the configuration, then for each step a byte and its arguments.
func fuzzMachine(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let quota = FuzzedQuota(
        limit: script.pick([0, 1, 2, 5]), window: .milliseconds(Int64(script.pick([1, 100, 30_000]))))
    let machines = (0..<script.pick([1, 1, 2, 3])).map { FuzzedMachine(UInt64($0 + 1), quota, &script) }
    var now = Instant.zero + .seconds(1)
    for machine in machines { machine.start(now) }
    while !script.isAtEnd {
        let step = script.byte()
        let machine = machines[Int(step >> 5) % machines.count]
        switch step & 31 {
        case 0...5: machine.ask(&script, now)
        case 6: for _ in 0..<(script.byte() & 63) { machine.ask(&script, now) }
        case 7: machine.cancel(script.byte(), now)
        case 8: machine.withdraw(script.byte(), now)
        case 9: if script.oneIn(4) { machine.release(now) }
        case 10, 11: machine.connect(now)
        case 12: machine.failAttempt(isFinal: script.oneIn(4), now)
        case 13, 14: machine.shakeHands(keepAliveInterval: Int32(bitPattern: script.number()), now)
        case 15, 16, 17: machine.answer(script.byte(), now)
        case 18: machine.receive(protoID: script.pick(protocols), serialNo: script.number() >> 24, now)
        case 19: machine.receive(protoID: script.number(), serialNo: script.number(), now)
        case 20:
            let seconds = script.oneIn(2) ? nil : Int64(Int32(bitPattern: script.number()))
            machine.answer(script.byte(), now, refusal: FrequencyRefusal(seconds: seconds))
        case 21: machine.loseStream(now)
        case 22: now += .milliseconds(Int64(script.byte()))
        case 23: now += TimeAmount(nanoseconds: Int64(script.number()))
        case 24: now += .seconds(Int64(script.byte()))
        case 25: now = max(now, machines.map(\.wakeAt).min().flatMap { $0 == .max ? nil : $0 } ?? now)
        case 26: machine.tick(script.oneIn(2) && machines.count == 1 ? now - .milliseconds(50) : now)
        case 27: machine.isHeldUp.toggle()
        default: break
        }
        for machine in machines { machine.drive(now) }
    }
    for machine in machines { machine.end(now) }
    quota.requireEmpty(now)
}

let millisecond: TimeAmount = .milliseconds(1)
private let protocols = [
    ProtoID.initConnect, ProtoID.getGlobalState, ProtoID.notify, ProtoID.keepAlive, ProtoID.getCapitalDistribution,
]
