import Glibc

/// A descriptor, and the identity of the file that it was opened with. An application may close all descriptors, as
/// daemons do, and then open its own under the same numbers. So before a number is closed, it must be checked to be
/// still ours.
struct Descriptor {
    let number: Int32
    private let device: UInt
    private let inode: UInt

    init(_ number: Int32) {
        self.number = number
        (device, inode) = Self.identity(number) ?? (0, 0)
    }

    /// Whether the number still has the same file.
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
