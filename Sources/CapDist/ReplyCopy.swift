import CCapDist
import Glibc

/// A deep copy of a reply in one block of memory: the reply, its figures, its texts, its body. From `malloc`, because
/// the application frees it.
func copyReply(_ reply: UnsafePointer<capdist_reply>) -> UnsafeMutablePointer<capdist_reply>? {
    let source = reply.pointee
    func size(_ text: UnsafePointer<CChar>?) -> Int { text.map { strlen($0) + 1 } ?? 0 }
    let texts = [source.ret_msg, source.desc, source.distribution?.pointee.update_time]
    let figures = MemoryLayout<capdist_reply>.stride
    let start = figures + MemoryLayout<capdist_capital_distribution>.stride
    let total = texts.reduce(start) { $0 + size($1) } + source.body_length
    guard let memory = malloc(total) else { return nil }

    var next = memory + start
    func place(_ bytes: UnsafeRawPointer?, _ count: Int) -> UnsafeMutableRawPointer? {
        guard let bytes else { return nil }
        defer { next += count }
        if count > 0 { memcpy(next, bytes, count) }
        return next
    }
    func placeText(_ text: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? {
        UnsafePointer(place(text, size(text))?.assumingMemoryBound(to: CChar.self))
    }
    let copy = memory.bindMemory(to: capdist_reply.self, capacity: 1)
    copy.initialize(to: source)
    copy.pointee.ret_msg = placeText(source.ret_msg)
    copy.pointee.desc = placeText(source.desc)
    if let distribution = source.distribution {
        let target = (memory + figures).bindMemory(to: capdist_capital_distribution.self, capacity: 1)
        target.initialize(to: distribution.pointee)
        target.pointee.update_time = placeText(distribution.pointee.update_time)
        copy.pointee.distribution = UnsafePointer(target)
    }
    copy.pointee.body = UnsafePointer(place(source.body, source.body_length)?.assumingMemoryBound(to: UInt8.self))
    return copy
}
