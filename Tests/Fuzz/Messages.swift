import Codec
import Core
import Glibc

#if REPLAY
    /// Only AddressSanitizer counts heap memory.
    private func allocatedBytes() -> Int { 0 }
#else
    /// Bytes of the heap in use, as AddressSanitizer counts them.
    @_silgen_name("__sanitizer_get_current_allocated_bytes")
    private func allocatedBytes() -> Int
#endif

private typealias Body = UnsafeRawBufferPointer

/// Decoding any bytes does not trap, and takes no more memory than a body of that length may. What was decoded is the
/// same after encoding and decoding again. A second reading, which an unknown group makes necessary for protobuf-c,
/// gives the same as the first.
///
/// Input: a byte that selects the decoder, and the body.
func fuzzMessages(_ input: UnsafeRawBufferPointer) {
    var script = Script(input)
    let decoder = script.byte() % 11
    let body = script.rest
    let arena = MessageArena()
    switch decoder {
    case 0: roundTrip(body, arena, AnyResponse.init) { $0.encoded() }
    case 1: roundTrip(body, arena, InitConnectRequest.init) { $0.encoded() }
    case 2: roundTrip(body, arena, InitConnectResponse.init) { $0.encoded() }
    case 3: roundTrip(body, arena, KeepAlive.requestTime) { KeepAlive.encodedRequest(time: $0) }
    case 4: roundTrip(body, arena, KeepAlive.responseTime) { KeepAlive.encodedResponse(time: $0) }
    case 5: roundTrip(body, arena, GlobalState.requestUserID) { GlobalState.encodedRequest(userID: $0) }
    case 6: roundTrip(body, arena, GlobalState.response) { GlobalState.encodedResponse($0) }
    case 7: roundTrip(body, arena, CapitalDistributionRequest.init) { $0.encoded() }
    case 8: roundTrip(body, arena, CapitalDistributionResponse.init) { $0.encoded() }
    // It has no encoder for every type. It must only not trap.
    case 9: _ = try? Notify.type(body, arena)
    default: readRefusal(body)
    }
}

private func roundTrip<Value: Equatable>(
    _ body: Body, _ arena: borrowing MessageArena,
    _ decode: (Body, borrowing MessageArena) throws(MessageError) -> Value,
    _ encode: (Value) -> [UInt8]
) {
    let before = allocatedBytes()
    let decoded: Value
    do {
        decoded = try decode(body, arena)
    } catch {
        return requireCheap(body, before)
    }
    requireCheap(body, before)
    let encoded = encode(decoded)
    require(decodeWithGroup(body, arena, decode).map(encode) == encoded, "both readings are the same: \(decoded)")
    let again: Value
    do {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: encoded.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: encoded)
        again = try decode(Body(copy), arena)
    } catch {
        return require(false, "what was decoded can be decoded again, and not \(error)")
    }
    // A value with a NaN is not equal to itself.
    require(again == decoded || decoded != decoded, "encoding loses nothing: \(decoded), \(again)")
    require(encode(again) == encoded, "the same value has the same bytes")
}

private func decodeWithGroup<Value>(
    _ body: Body, _ arena: borrowing MessageArena,
    _ decode: (Body, borrowing MessageArena) throws(MessageError) -> Value
) -> Value? {
    let group: [UInt8] = [0xfb, 0xff, 0xff, 0xff, 0x0f, 0xfc, 0xff, 0xff, 0xff, 0x0f]
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count + group.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: Array(body) + group)
    return try? decode(Body(copy), arena)
}

/// The arena's budget is twice the body plus 64 KiB. The heap may double the size of small pieces. Texts are copied
/// once more, and each repaired byte becomes three.
private func requireCheap(_ body: Body, _ before: Int) {
    let cost = allocatedBytes() - before
    require(cost <= 2 * (2 * body.count + 64 * 1024) + 4 * body.count + 8 * 1024, "\(body.count) bytes cost \(cost)")
}

/// The gateway's message as a refusal because of the rate limit: the number in it fits, whatever it is.
private func readRefusal(_ body: Body) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: body.count + 1) { text in
        for (index, byte) in body.enumerated() { text[index] = CChar(bitPattern: byte) }
        text[body.count] = 0
        guard let base = text.baseAddress else { return }
        if let seconds = FrequencyRefusal(base)?.seconds {
            require((1...600).contains(seconds), "a window of \(seconds) s")
        }
    }
}
