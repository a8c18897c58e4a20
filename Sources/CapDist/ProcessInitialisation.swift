import CCapDist
import CSystem
import Codec
import Core

/// Does, once per process and before anything else of the first call, all initialisation that a fork must not
/// interrupt.
@inline(__always)
func initialiseProcess() throws(CallError) {
    let state = csystem_begin_process_init()
    guard state != CSYSTEM_DONE else { return }
    if state == CSYSTEM_NEVER {
        throw CallError(
            .systemError,
            "this process was forked while another thread held the library up, as by the handler of a crash: only its parent"
                + " can use it")
    }
    initialiseProcessOnce()
}

private func initialiseProcessOnce() {
    guard let thread = csystem_this_thread() else { return }
    // If the thread were cancelled in between, the initialisation would never be completed.
    let outer = (thread.pointee.cancel_state, thread.pointee.cancel_type)
    csystem_begin_call(thread)
    defer {
        csystem_end_call(thread)
        (thread.pointee.cancel_state, thread.pointee.cancel_type) = outer
    }
    HandleTable.shared.watchForks()
    csystem_watch_turns { Connection.threadEnds() }
    csystem_watch_unload { giveBackAll() }
    csystem_watch_main { Pollers.wakeAll() }
    #if hasFeature(Embedded)
        // Embedded Swift has no runtime that builds data about types at first use. Globals are built then all the same.
        Pollers.makeGlobals()
        makeHashSeed()
        csystem_end_process_init(1)
    #else
        let isDone = RuntimeWarmUp.run(warmUpExports)
        warmUpCalls()
        csystem_end_process_init(isDone ? 1 : 0)
    #endif
}

#if hasFeature(Embedded)
    /// The first hash of the process makes the seed of all.
    private func makeHashSeed() {
        withExtendedLifetime(Hasher().finalize()) {}
    }
#endif

/// The library is unloaded: no connection lives, and no thread. What was made once goes: Swift never gives back the
/// references that globals have.
private func giveBackAll() {
    Helpers.giveBackAll()
    Unmanaged.passUnretained(HandleTable.shared).release()
    QuotaRegistry.giveBackAll()
    Pollers.giveBackAll()
    Crypto.giveBackAll()
}

/// How the exports make requests, and deliver replies.
var warmUpExports: RuntimeWarmUp.Exports {
    RuntimeWarmUp.Exports(
        onAnswer: deliverAnswer, onCompletion: deliverCompletion, name: Payload.name,
        makePayload: { protoID, count in
            guard protoID == ProtoID.getCapitalDistribution else {
                let body = UnsafeRawBufferPointer(start: nil, count: 0)
                return Payload(
                    body: body, { $3?.assumingMemoryBound(to: Int.self).pointee += 1 }, userData: count)
            }
            return Payload(
                capdist_security(), firm: 0, { $3?.assumingMemoryBound(to: Int.self).pointee += 1 }, userData: count)
        })
}

/// Runs the calls that need no gateway, and refused calls (see `RuntimeWarmUp`).
private func warmUpCalls() {
    // The application must not see the errors of these calls.
    guard let thread = csystem_this_thread() else { return }
    let before = thread.pointee
    defer { thread.pointee = before }
    var security = capdist_security()
    _ = securityParse("HK.00700", &security)
    for text in ["HK.\u{e9}", "XX.1", "#99.1", "00700"] { _ = securityParse(text, &security) }
    _ = securityFormat(&security, nil, 0)
    _ = capdist_fetch_capital_distribution(nil, &security, nil, nil)
    var distribution = capdist_capital_distribution()
    distribution.capital_in_big = 1e20
    distribution.present = ~0
    withUnsafePointer(to: &distribution) { distribution in
        var reply = capdist_reply()
        reply.distribution = distribution
        reply.ret_msg = cString("\u{1}")
        reply.present = ~0
        _ = replyToJSON(&reply, nil, 0)
        replyFree(replyCopy(&reply))
    }
    var options = capdist_options()
    _ = optionsInit(&options, MemoryLayout<capdist_options>.size)
    _ = try? CheckedOptions(&options)
    "".withCString {
        options.rsa_private_key = $0
        _ = try? CheckedOptions(&options)
    }
    options.rsa_private_key = nil
    options.transport = Int32(CAPDIST_TRANSPORT_WEBSOCKET)
    options.websocket_key = cString("key")
    _ = try? CheckedOptions(&options)
    let refusal = CallError.invalid("")
    _ = try? HandleTable.shared.insert { _ throws(CallError) in throw refusal }
}
