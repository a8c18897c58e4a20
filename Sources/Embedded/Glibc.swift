import Glibc

// The parts of Swift's own Glibc module that the library's sources use.

var errno: CInt {
    get { __errno_location().pointee }
    set { __errno_location().pointee = newValue }
}

func open(_ path: UnsafePointer<CChar>, _ flags: CInt) -> CInt { embedded_open(path, flags) }

var S_IFMT: mode_t { 0o170000 }
var S_IFREG: mode_t { 0o100000 }
