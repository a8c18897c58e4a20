import Glibc

/// An address to connect to.
struct Address: Sendable {
    private var storage = sockaddr_storage()
    private var length: socklen_t = 0
    let family: Int32

    init?(_ info: addrinfo) {
        guard let address = info.ai_addr, Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size else {
            return nil
        }
        family = info.ai_family
        length = info.ai_addrlen
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
        }
    }

    /// The same with another port.
    func at(_ port: UInt16) -> Address {
        var address = self
        // The port has the same offset in both families.
        withUnsafeMutableBytes(of: &address.storage) { bytes in
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        return address
    }

    func isTheSame(as other: Address) -> Bool {
        length == other.length
            && withUnsafeBytes(of: storage) { own in
                withUnsafeBytes(of: other.storage) { own.prefix(Int(length)).elementsEqual($0.prefix(Int(length))) }
            }
    }

    /// What tells it from every other.
    var bytes: [UInt8] { withUnsafeBytes(of: storage) { Array($0.prefix(Int(length))) } }

    /// Whether it is a loopback address, or the unspecified address, which connects to loopback.
    var isLoopback: Bool {
        withSockaddr { address, _ in
            let raw = UnsafeRawPointer(address)
            switch family {
            case AF_INET:
                let first = raw.load(fromByteOffset: 4, as: UInt8.self)
                return first == 127 || raw.load(fromByteOffset: 4, as: UInt32.self) == 0
            case AF_INET6:
                let bytes = UnsafeRawBufferPointer(start: raw + 8, count: 16)
                let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
                return isMapped ? bytes[12] == 127 : bytes.prefix(15).allSatisfy { $0 == 0 } && bytes[15] <= 1
            default: return false
            }
        }
    }

    /// The system's calls take every kind of address as a `sockaddr`, of which only the beginning is common to all.
    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
