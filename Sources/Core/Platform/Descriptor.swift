import Glibc

/// A descriptor as the kernel knew it when it was opened. An application that closes all descriptors, as daemons do, opens its
/// own under the same numbers: what is closed by its number must first be known to be ours.
struct Descriptor {
    let number: Int32
    private let device: UInt
    private let inode: UInt

    init(_ number: Int32) {
        self.number = number
        (device, inode) = Self.identity(number) ?? (0, 0)
    }

    /// Whether the number still stands for it.
    var isTheSame: Bool {
        guard let (device, inode) = Self.identity(number) else { return false }
        return device == self.device && inode == self.inode
    }

    private static func identity(_ number: Int32) -> (UInt, UInt)? {
        var status = stat()
        guard number >= 0, fstat(number, &status) == 0 else { return nil }
        return (UInt(status.st_dev), UInt(status.st_ino))
    }
}
