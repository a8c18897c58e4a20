import CCapDist
import Glibc

/// Looks up names and tries ports with the operating system's functions, without the library.
enum Reach {
    /// An address of a host, ready for connect().
    struct Address {
        let family: Int32
        let bytes: [UInt8]
        let text: String
    }

    static func resolve(_ settings: Settings) -> (Finding, [Address]) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(settings.host, String(settings.port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard status == 0 else {
            let told = String(cString: gai_strerror(status))
            let cause =
                settings.host.contains(":") || settings.host.contains("/")
                ? "the host is to be a name or an address alone; the port is another option"
                : "the name is misspelt, or this machine's DNS does not know it"
            return (
                .failed(
                    "name", .noGateway, "\(settings.host): \(told)", cause: cause,
                    advice: "use the address of the machine that OpenD runs on"),
                []
            )
        }
        var addresses: [Address] = []
        var next = found
        while let info = next?.pointee {
            if let address = info.ai_addr {
                let bytes = UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen))
                var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                getnameinfo(address, info.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
                let text = name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
                addresses.append(Address(family: info.ai_family, bytes: Array(bytes), text: text))
            }
            next = info.ai_next
        }
        let list = addresses.map(\.text).joined(separator: ", ")
        return (.ok("name", list == settings.host ? "\(list), an address" : "\(settings.host) is \(list)"), addresses)
    }

    static func port(_ settings: Settings, _ addresses: [Address]) -> Finding {
        var last: Int32 = 0
        for address in addresses {
            let (descriptor, code) = connect(address, milliseconds: 3000)
            if descriptor >= 0 {
                close(descriptor)
                return .ok("port", "\(address.text), port \(settings.port) is open")
            }
            last = code
        }
        let told = "port \(settings.port): \(String(cString: strerror(last)))"
        if last == ECONNREFUSED {
            let isWeb = settings.isWebSocket
            return .failed(
                "port", .noGateway, told,
                cause: isWeb
                    ? "OpenD opens its WebSocket port after it has logged in, and only if it is told to (it is off by default)"
                    : "OpenD is not running, or listens on another port or for its own machine only",
                advice: isWeb
                    ? "look whether OpenD is logged in; set websocket_port in its settings, and give that number with --port"
                    : "start OpenD and log in; compare its API port and IP with \(settings.address) (default 11111, 127.0.0.1)"
            )
        }
        return .failed(
            "port", .noGateway, told,
            cause: "a firewall between here and there, a machine that is off, or a wrong address",
            advice:
                "try from the machine that OpenD runs on; OpenD must listen on an address that others reach (docs/remote.md)"
        )
    }

    /// Connects. Returns the descriptor, or -1 and errno.
    static func connect(_ address: Address, milliseconds: Int32) -> (descriptor: Int32, code: Int32) {
        let descriptor = socket(
            address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return (-1, errno) }
        let status = address.bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map {
                Glibc.connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            } ?? -1
        }
        var code = status == 0 ? 0 : errno
        if code == EINPROGRESS {
            var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            code = ETIMEDOUT
            if poll(&waited, 1, milliseconds) > 0 {
                var length = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            }
        }
        guard code == 0 else {
            close(descriptor)
            return (-1, code)
        }
        return (descriptor, 0)
    }

    /// The kind of server, from its answer to a WebSocket handshake; nil if it is not known, as for OpenD.
    static func kind(_ addresses: [Address]) -> Kind? {
        for address in addresses {
            let (descriptor, _) = connect(address, milliseconds: 2000)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            let greeting =
                "GET / HTTP/1.1\r\nHost: \(address.text)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            Stream(descriptor: descriptor, name: "").writeIgnoringErrors(greeting)
            var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, 2000) > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            let told = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            if told.hasPrefix("HTTP/1.1 101") { return .webSocket }
            if count > 1, bytes[0] == 0x15, bytes[1] == 3 { return .tls }
            if told.hasPrefix("HTTP/1") { return told.contains(" 400") ? .tlsOrWeb : .web }
            return told.hasPrefix("SSH-") ? .ssh : nil
        }
        return nil
    }

    enum Kind {
        case webSocket, tls, tlsOrWeb, web, ssh
    }
}
