import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

/// Faults over loopback sockets, for which time and the end of a connection matter.
@Suite(.timeLimit(.minutes(1))) struct FaultServerTests {
    private func withFaults(_ rules: String..., body: (SimulatorServer) throws -> Void) throws {
        let faults = try rules.map { try FaultRule($0) }
        try withServer({ $0.faults = faults }, body)
    }

    private static let expected = CapitalDistribution.derived(market: 1, code: "00005")

    /// All data until the connection ends, and how it ends: 0 for a normal end, else an errno.
    private func rest(_ client: TestClient) throws -> (bytes: [UInt8], error: Int32) {
        var bytes: [UInt8] = []
        while true {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(client.socket, &buffer, buffer.count, 0)
            let error = errno
            try #require(count >= 0 || error != EAGAIN, "nothing came within \(patience) s")
            if count <= 0 { return (bytes, count == 0 ? 0 : error) }
            bytes += buffer.prefix(count)
        }
    }

    // MARK: - Ends of a connection

    @Test(arguments: [("close-in-header", 1..<44, 0), ("close-in-body", 44..<300, 0), ("reset", 0..<1, ECONNRESET)])
    func connectionEndsAsItSays(_ fault: String, _ counts: Range<Int>, _ error: Int32) throws {
        try withFaults("\(fault)@HK.00005") { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            #expect(try client.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
            try client.send(Requests.figures(3, .hk, "00005"))
            let end = try rest(client)
            #expect(counts.contains(end.bytes.count))
            #expect(end.error == error)
            // Other clients have not noticed.
            try TestClient(port: server.port).greet()
        }
    }

    @Test func dropAfterLetsSoManyThrough() throws {
        try withFaults("drop-after=3") { server in
            for _ in 0..<2 {
                let client = try TestClient(port: server.port)
                try client.greet()
                try client.send((2..<12).flatMap { Requests.figures($0) })
                for serial in UInt32(2)..<5 { #expect(try client.answer()?.serialNo == serial) }
                #expect(try client.answer() == nil)
            }
        }
    }

    @Test func acceptedAndClosedOrSilent() throws {
        try withFaults("accept-close") { server in
            for _ in 0..<5 {
                let client = try TestClient(port: server.port)
                #expect(try rest(client).bytes.isEmpty)
            }
        }
        try withFaults("accept-silent") { server in
            let client = try TestClient(port: server.port)
            try client.send(Requests.initConnect(1))
            #expect(try !comes(client, within: 200))
        }
    }

    /// Whether data or the end comes within that many milliseconds.
    private func comes(_ client: TestClient, within limit: Int32) throws -> Bool {
        var polled = pollfd(fd: client.socket, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, limit) > 0
    }

    @Test func whoIsNotReadFromIsHeldUpAndMayLeave() throws {
        try withFaults("stop-reading=2") { server in
            do {
                let client = try TestClient(port: server.port)
                try client.greet()
                try client.send(Requests.figures(2) + Requests.figures(3))
                #expect(try client.answer()?.serialNo == 2)
                #expect(try !comes(client, within: 100))
                let much = (0..<200_000).flatMap { _ in Requests.figures(4) }
                let sent = try client.sendUntilFull(much)
                #expect(sent < much.count)
                #expect(try !comes(client, within: 100))
            }
            let other = try TestClient(port: server.port)
            try other.greet()
            #expect(try other.ask(Requests.figures(2)).serialNo == 2)
        }
    }

    @Test func restartClosesAllAndComesBackOnItsPort() throws {
        try withFaults("restart=8") { server in
            var seen: Set<UInt64> = []
            for _ in 0..<3 {
                let deadline = monotonicSeconds() + Double(patience)
                while !TestClient.isHeard(port: server.port), monotonicSeconds() < deadline { usleep(5_000) }
                let clients = try (0..<3).map { _ in try TestClient(port: server.port) }
                for client in clients { seen.insert(try client.greet().connID) }
                for serial in UInt32(2)..<6 { #expect(try clients[0].ask(Requests.figures(serial)).serialNo == serial) }
                try clients[1].send(Requests.figures(9))
                for client in clients { #expect(try client.answer() == nil) }
                // It is down now.
                #expect(!TestClient.isHeard(port: server.port))
            }
            #expect(seen.count == 9)
        }
    }

    // MARK: - Time

    @Test(arguments: ["bytewise", "ragged"])
    func piecesArriveApart(_ fault: String) throws {
        try withFaults(fault) { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            try client.send(Requests.figures(2, .hk, "00005") + Requests.figures(3, .hk, "00005"))
            var (bytes, pieces): ([UInt8], Int) = ([], 0)
            var reader = FrameReader(maxBodyLength: 1 << 20)
            var frames = 0
            while frames < 2 {
                let piece = try client.receive()
                try #require(!piece.isEmpty)
                bytes += piece
                pieces += 1
                piece.withUnsafeBytes { reader.append($0) }
                while try reader.next() != nil { frames += 1 }
            }
            let got = try answers(bytes)
            #expect(pieces > 4)
            #expect(got.map(\.serialNo) == [2, 3])
            for answer in got { #expect(try answer.figures() == Self.expected) }
        }
    }

    @Test func lateOnesAreOvertaken() throws {
        try withFaults("late=150@HK.00005", "delay=30@HK.00006") { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            let started = monotonicSeconds()
            try client.send(
                Requests.figures(2, .hk, "00005") + Requests.figures(3, .hk, "00006") + Requests.figures(4))
            #expect(try client.answer()?.serialNo == 4)
            #expect(try client.answer()?.serialNo == 3)
            let late = try client.answer()
            #expect(late?.serialNo == 2)
            #expect(try late?.figures() == Self.expected)
            #expect(monotonicSeconds() - started >= 0.15)
        }
    }

    @Test func heldOnesGoWithTheNextOrByThemselves() throws {
        try withFaults("glued@HK.00005", "reorder@HK.00006") { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            try client.send(Requests.figures(2, .hk, "00005"))
            #expect(try !comes(client, within: 20))
            try client.send(Requests.figures(3))
            #expect(try answers(try client.receive()).map(\.serialNo) == [2, 3])
            try client.send(Requests.figures(4, .hk, "00006") + Requests.figures(5))
            #expect(try client.answer()?.serialNo == 5)
            #expect(try client.answer()?.serialNo == 4)
            for code in ["00005", "00006"] {
                let started = monotonicSeconds()
                #expect(try client.ask(Requests.figures(6, .hk, code)).serialNo == 6)
                #expect(monotonicSeconds() - started >= 0.1)
            }
        }
    }

    @Test func longTextArrivesWhole() throws {
        try withFaults("long-text=900000") { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            for serial in UInt32(2)..<6 {
                let answer = try client.ask(Requests.figures(serial, .hk, "00005"))
                #expect(answer.body.count > 900_000)
                #expect(try answer.figures() == Self.expected)
            }
        }
    }

    @Test func goodNeighboursGetTheirFigures() throws {
        let faults = Fault.ofAnswers.filter { !$0.endsConnection }
        for fault in faults {
            try withFaults("\(fault.rawValue)@HK.00005") { server in
                let client = try TestClient(port: server.port)
                try client.greet()
                try client.send(
                    (2..<22).flatMap { Requests.figures($0, .hk, $0.isMultiple(of: 2) ? "00005" : "00006") })
                var good: Set<UInt32> = []
                while good.count < 10 {
                    let answer = try #require(try client.answer(), "\(fault)")
                    guard answer.protoID == ProtoID.getCapitalDistribution, !answer.serialNo.isMultiple(of: 2) else {
                        continue
                    }
                    #expect(try answer.figures() == .derived(market: 1, code: "00006"))
                    good.insert(answer.serialNo)
                }
            }
        }
    }

    @Test func chanceRepeatsWithItsSeed() throws {
        func serials() throws -> [UInt32] {
            let faults = [try FaultRule("never@1/3")]
            var seen: [UInt32] = []
            try withServer({ ($0.faults, $0.seed) = (faults, 99) }) { server in
                let client = try TestClient(port: server.port)
                try client.greet()
                try client.send((2..<40).flatMap { Requests.figures($0) } + Requests.keepAlive(50))
                while let answer = try client.answer(), answer.serialNo != 50 { seen.append(answer.serialNo) }
            }
            return seen
        }
        let first = try serials()
        #expect((15...33).contains(first.count))
        #expect(try serials() == first)
    }
}
