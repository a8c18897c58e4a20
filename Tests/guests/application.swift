/// An application in Swift, with a dynamic runtime of its own, and with Foundation, Dispatch and tasks busy meanwhile.
/// `host PORT`.
import CCapDist
import Dispatch
import Foundation

struct Figures: Codable, Equatable {
    var capitalInBig: Double
    var updateTime: String
}

struct Trouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A connection, used by the application's tasks.
final class Client: Sendable {
    // The library may be called from any thread.
    nonisolated(unsafe) private let conn: OpaquePointer

    init(port: Int32) throws {
        var options = capdist_options()
        capdist_options_init(&options, MemoryLayout<capdist_options>.size)
        options.port = port
        options.quota_requests = 0
        var made: OpaquePointer?
        guard capdist_init_connect(&options, &made) == CAPDIST_OK, let made else {
            throw Trouble(String(cString: capdist_last_error()))
        }
        conn = made
    }

    private final class Waiting {
        let continuation: CheckedContinuation<Figures, Error>
        init(_ continuation: CheckedContinuation<Figures, Error>) { self.continuation = continuation }
    }

    func figures(_ text: String) async throws -> Figures {
        var security = capdist_security()
        guard capdist_security_parse(text, &security) == CAPDIST_OK else {
            throw Trouble(String(cString: capdist_last_error()))
        }
        return try await withCheckedThrowingContinuation { continuation in
            let waiting = Unmanaged.passRetained(Waiting(continuation))
            let status = capdist_get_capital_distribution(
                conn, &security, nil,
                { _, _, reply, userData in
                    guard let reply, let userData else { return }
                    let continuation = Unmanaged<Waiting>.fromOpaque(userData).takeRetainedValue().continuation
                    guard let distribution = reply.pointee.distribution else {
                        continuation.resume(throwing: Trouble(String(cString: reply.pointee.desc)))
                        return
                    }
                    // The application's runtime works on the library's thread.
                    let figures = Figures(
                        capitalInBig: distribution.pointee.capital_in_big,
                        updateTime: String(cString: distribution.pointee.update_time))
                    continuation.resume(returning: figures)
                }, waiting.toOpaque(), nil)
            if status != CAPDIST_OK {
                waiting.release()
                continuation.resume(throwing: Trouble(String(cString: capdist_last_error())))
            }
        }
    }

    func close() -> Bool { capdist_release(conn) == CAPDIST_OK }
}

@main
enum Application {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int32(CommandLine.arguments[1]) else {
            throw Trouble("usage: application PORT")
        }
        let clients = try (0..<4).map { _ in try Client(port: port) }
        // Both runtimes are busy: metadata, JSON, queues, tasks.
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<16 {
                group.addTask {
                    for _ in 0..<100 {
                        let figures = try await clients[task % clients.count].figures("HK.00700")
                        let again = try JSONDecoder().decode(Figures.self, from: JSONEncoder().encode(figures))
                        guard again == figures, figures.capitalInBig == 859_479_380 else { throw Trouble("\(figures)") }
                        guard figures.updateTime == "2022-06-08 10:44:21" else { throw Trouble(figures.updateTime) }
                    }
                    return 100
                }
            }
            var total = 0
            for try await count in group { total += count }
            return total
        }
        // Released from Dispatch's threads.
        let released = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: clients.allSatisfy { $0.close() }) }
        }
        guard released else { throw Trouble("not released") }
        print("\(total) answers")
    }
}
