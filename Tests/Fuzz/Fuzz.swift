import Glibc

/// The fuzzing targets: `fuzz --target=NAME [libFuzzer's options] CORPUS` (README.md).
private enum Target: String, CaseIterable {
    case frames, messages, securities, decryption, websocket, machine, connection

    func run(_ input: UnsafeRawBufferPointer) {
        switch self {
        case .frames: fuzzFrames(input)
        case .messages: fuzzMessages(input)
        case .securities: fuzzSecurities(input)
        case .decryption: fuzzDecryption(input)
        case .websocket: fuzzWebSocket(input)
        case .machine: fuzzMachine(input)
        case .connection: fuzzConnection(input)
        }
    }
}

/// Unsafe to the compiler only: set before the first input, and libFuzzer calls from one thread.
nonisolated(unsafe) private var target: Target?

/// libFuzzer's first call. It ignores arguments that begin with two dashes, so the target is named by one.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafePointer<CInt>, _ arguments: UnsafePointer<UnsafePointer<UnsafePointer<CChar>?>>
) -> CInt {
    setUp((0..<Int(count.pointee)).compactMap { arguments.pointee[$0].map { String(cString: $0) } })
    return 0
}

/// Selects the target, and makes sure that every abnormal end is reported.
func setUp(_ arguments: [String]) {
    for argument in arguments where argument.hasPrefix("--target=") {
        target = Target(rawValue: String(argument.dropFirst(9)))
    }
    guard target != nil else {
        let names = Target.allCases.map(\.rawValue).joined(separator: ", ")
        say("fuzz: --target=NAME is missing; the targets are \(names)")
        exit(2)
    }
    // The Swift runtime's handlers would keep libFuzzer from installing its own, and from writing the input.
    for number in [SIGILL, SIGQUIT, SIGABRT, SIGBUS, SIGFPE] { signal(number, SIG_DFL) }
    // libFuzzer does not handle SIGTRAP, which a Swift trap raises on arm64.
    signal(SIGTRAP) { _ in abort() }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target?.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// Ends the process if a promise is broken. libFuzzer then reports the input.
@inline(__always)
func require(_ holds: Bool, _ promise: @autoclosure () -> String) {
    if holds { return }
    say("broken: \(promise())")
    abort()
}

func say(_ text: String) {
    let line = text + "\n"
    _ = line.withCString { write(STDERR_FILENO, $0, line.utf8.count) }
}

/// Reads an input byte by byte. After its end all bytes are 0.
struct Script {
    private(set) var rest: UnsafeRawBufferPointer

    init(_ input: UnsafeRawBufferPointer) { rest = input }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 {
        guard let first = rest.first else { return 0 }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        return first
    }

    /// True once in `n` values of the byte.
    mutating func oneIn(_ n: UInt8) -> Bool { byte() % n == n - 1 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(byte()) % choices.count] }

    mutating func number() -> UInt32 { (0..<4).reduce(0) { number, _ in number << 8 | UInt32(byte()) } }

    /// The next bytes: as many as a byte says, or as there are.
    mutating func bytes() -> UnsafeRawBufferPointer {
        let wanted = Int(byte())
        let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(wanted))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken.count))
        return taken
    }
}
