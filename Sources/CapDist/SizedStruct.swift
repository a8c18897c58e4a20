import CCapDist
import Core
import Glibc

/// Structs that begin with `struct_size`. They are copied with the caller's size, whether the caller or the library is
/// newer.
enum SizedStruct {
    /// No version's struct is larger than this. A larger size means that the struct was never initialised.
    private static let largest = 4096

    /// Checks a size: it must be possible for this version, an older one, or a newer one.
    private static func check(_ size: Int, _ name: StaticString, smallest: Int) throws(CallError) {
        // All these structs are aligned to 8 and no member is larger, so a size that fits never cuts a member.
        guard size >= smallest, size <= largest, size % 8 == 0 else {
            throw .invalid("\(name): struct_size \(size) is not valid: initialise the struct with \(name)_init()")
        }
    }

    /// Writes `defaults` into a struct of the caller's size, and zeroes the fields that this version does not know.
    static func initialise<Struct>(
        _ target: UnsafeMutablePointer<Struct>?, _ size: Int, _ name: StaticString, smallest: Int, _ defaults: Struct
    ) throws(CallError) {
        copyOut(defaults, try cleared(target, size, name, smallest: smallest), size)
    }

    /// The struct, all zeroes. Not generic, so that its code is there once.
    private static func cleared(
        _ target: UnsafeMutableRawPointer?, _ size: Int, _ name: StaticString, smallest: Int
    ) throws(CallError) -> UnsafeMutableRawPointer {
        guard let target else { throw .invalid("\(name)_init: the struct is NULL") }
        guard size >= smallest, size <= largest, size % 8 == 0 else {
            throw .invalid("\(name)_init: size \(size) is not valid: pass sizeof(\(name))")
        }
        memset(target, 0, size)
        return target
    }

    /// The caller's struct, with `defaults` for the fields that an older caller does not have.
    static func read<Struct>(
        _ source: UnsafePointer<Struct>, _ name: StaticString, smallest: Int, _ defaults: Struct
    ) throws(CallError) -> Struct {
        let size = try checkedSize(UnsafeRawPointer(source), name, smallest: smallest, known: MemoryLayout<Struct>.size)
        var result = defaults
        withUnsafeMutableBytes(of: &result) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: min(size, bytes.count)))
        }
        return result
    }

    /// Writes `value` into the caller's struct, cut to its size. `struct_size` is not changed.
    static func write<Struct>(
        _ value: Struct, _ target: UnsafeMutablePointer<Struct>, _ name: StaticString, smallest: Int
    ) throws(CallError) {
        let size = try checkedSize(UnsafeRawPointer(target), name, smallest: smallest, known: MemoryLayout<Struct>.size)
        copyOut(value, target, size)
    }

    private static func checkedSize(
        _ source: UnsafeRawPointer, _ name: StaticString, smallest: Int, known: Int
    ) throws(CallError) -> Int {
        let size = Int(clamping: source.loadUnaligned(as: UInt.self))
        try check(size, name, smallest: smallest)
        if size > known {
            let tail = UnsafeRawBufferPointer(start: source + known, count: size - known)
            guard tail.allSatisfy({ $0 == 0 }) else {
                throw CallError(.unsupported, "\(name): a field is set that this version of the library does not know")
            }
        }
        return size
    }

    private static func copyOut<Struct>(_ value: Struct, _ target: UnsafeMutableRawPointer, _ size: Int) {
        withUnsafeBytes(of: value) { bytes in
            UnsafeMutableRawBufferPointer(start: target, count: size)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(size)))
        }
        target.storeBytes(of: UInt(size), as: UInt.self)
    }
}
