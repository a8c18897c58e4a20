import CSystem
import Glibc

/// System calls on a non-blocking TCP socket. They return errno as a value.
enum Socket {
    enum Progress {
        case done
        case pending
        case failed(Int32)
    }

    private static var receiveFlags: Int32 { Int32(MSG_DONTWAIT) }
    private static var sendFlags: Int32 { Int32(MSG_NOSIGNAL | MSG_DONTWAIT) }

    /// Makes a socket of that family: non-blocking, close-on-exec, and without delay for small frames (TCP_NODELAY).
    static func make(_ family: Int32) -> Result<Int32, SystemError> {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(family, type, Int32(IPPROTO_TCP))
        guard socket >= 0 else { return .failure(SystemError(code: errno)) }
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return .success(socket)
    }

    static func connect(_ socket: Int32, to address: Address) -> Progress {
        let result = address.withSockaddr { Glibc.connect(socket, $0, $1) }
        if result == 0 { return isConnectedToItself(socket) ? .failed(ECONNREFUSED) : .done }
        return errno == EINPROGRESS || errno == EINTR ? .pending : .failed(errno)
    }

    /// The result of a pending connect. Call it when the socket is writable.
    static func finishConnect(_ socket: Int32) -> Progress {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return .failed(errno) }
        if error != 0 { return .failed(error) }
        return isConnectedToItself(socket) ? .failed(ECONNREFUSED) : .done
    }

    /// If nobody listens on a local port, a connect to it may get that same port as its own, and so connect to itself.
    private static func isConnectedToItself(_ socket: Int32) -> Bool {
        typealias Get = (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
        func address(_ get: Get) -> [UInt8] {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let result = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { get(socket, $0, &length) }
            }
            return result == 0 ? withUnsafeBytes(of: &storage) { Array($0.prefix(Int(length))) } : []
        }
        let own = address { getsockname($0, $1, $2) }
        return !own.isEmpty && own == address { getpeername($0, $1, $2) }
    }

    /// Sends as many bytes as the socket takes. It never raises SIGPIPE, and never waits, even if the application
    /// closed the socket and has one of its own under that number.
    /// - Returns: bytes sent; 0 if the socket takes none now.
    static func send(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Result<Int, SystemError> {
        while true {
            let count = csystem_send(socket, bytes.baseAddress, bytes.count, sendFlags)
            if count >= 0 { return .success(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .success(0) : .failure(SystemError(code: errno))
        }
    }

    /// Receives the bytes that have arrived. It never waits either.
    /// - Returns: bytes received; 0 at the end of the stream; nil if none have arrived.
    static func receive(_ socket: Int32, _ space: UnsafeMutableRawBufferPointer) -> Result<Int?, SystemError> {
        while true {
            let count = recv(socket, space.baseAddress, space.count, receiveFlags)
            if count >= 0 { return .success(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .success(nil) : .failure(SystemError(code: errno))
        }
    }
}
