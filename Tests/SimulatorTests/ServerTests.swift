import Codec
import Foundation
import Glibc
import Testing

@testable import Simulator

/// The gateway with loopback sockets.
@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    @Test func servesWhatTheGatewayAnswers() throws {
        try withServer { server in
            #expect(server.port > 0)
            #expect(server.address == "127.0.0.1:\(server.port)")
            let client = try TestClient(port: server.port)
            try client.greet()
            let answer = try client.ask(Requests.figures(2))
            #expect(answer.serialNo == 2)
            #expect(answer.body == (try vector("Qot_GetCapitalDistribution.Response (C++ sample of the seed)")))
            let time = try decode(try client.ask(Requests.keepAlive(3)).body, KeepAlive.responseTime)
            #expect(abs(Date().timeIntervalSince1970 - Double(time)) < 5)
        }
    }

    @Test func servesIPv6() throws {
        try withServer(host: "::1") { server in
            #expect(server.address == "[::1]:\(server.port)")
            let client = try TestClient(port: server.port, ipv6: true)
            try client.greet()
            #expect(try client.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
        }
    }

    @Test func requestsArriveInAnyPieces() throws {
        try withServer { server in
            let client = try TestClient(port: server.port)
            for byte in Requests.initConnect(1) + Requests.figures(2) { try client.send([byte]) }
            #expect(try client.answer()?.serialNo == 1)
            #expect(try client.answer()?.serialNo == 2)
        }
    }

    @Test func manyRequestsInFlightAreAnsweredInTheirOrder() throws {
        try withServer { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            let started = monotonicSeconds()
            for batch in UInt32(0)..<200 {
                let serials = (batch * 64)..<(batch * 64 + 64)
                try client.send(serials.flatMap { Requests.figures($0, .us, "S\($0 % 1000)") })
                for serial in serials {
                    let answer = try #require(try client.answer())
                    #expect(answer.serialNo == serial)
                    if serial.isMultiple(of: 64) {
                        let expected = CapitalDistribution.derived(market: 11, code: "S\(serial % 1000)")
                        #expect(try answer.figures() == expected)
                    }
                }
            }
            // 12,800 of them; a debug build takes about a second.
            #expect(monotonicSeconds() - started < 30)
        }
    }

    @Test func manyClientsAreServedAtOnce() throws {
        try withServer { server in
            let clients = try (0..<40).map { _ in try TestClient(port: server.port) }
            for client in clients {
                try client.send(Requests.initConnect(1) + (2...50).flatMap { Requests.figures($0) })
            }
            for client in clients {
                for serial in UInt32(1)...50 { #expect(try client.answer()?.serialNo == serial) }
            }
        }
    }

    @Test func whoDoesNotReadIsNotReadFromAndLosesNothing() throws {
        try withServer { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            let total: UInt32 = 400_000
            let requests = (0..<total).flatMap { Requests.figures($0 + 2) }
            let sent = try client.sendUntilFull(requests)
            #expect(sent < requests.count, "the server took all that it could not answer")
            // Another client is served meanwhile.
            let other = try TestClient(port: server.port)
            try other.greet()
            #expect(try other.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
            // All complete requests are answered, in order.
            let size = requests.count / Int(total)
            for serial in 0..<UInt32(sent / size) { try #require(try client.answer()?.serialNo == serial + 2) }
        }
    }

    @Test func clientsThatVanishHarmNobody() throws {
        try withServer { server in
            let staying = try TestClient(port: server.port)
            try staying.greet()
            for round in 0..<50 {
                let client = try TestClient(port: server.port)
                try client.send(Requests.initConnect(1) + (2..<200).flatMap { Requests.figures($0) })
                if round.isMultiple(of: 2) { client.endWithReset() }
            }
            #expect(try staying.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
        }
    }

    @Test func noSignalIsRaisedByAClientThatVanishes() throws {
        var configuration = GatewayConfiguration()
        configuration.pushInterval = 1
        let server = try SimulatorServer(configuration)
        // It has gone before it is served: its answer is met by a reset, and then there is a push to send.
        do { try TestClient(port: server.port).send(Requests.initConnect(1, recvNotify: true)) }
        final class Pending: @unchecked Sendable {
            var hasSignal = true
        }
        let pending = Pending()
        let thread = Simulator.Thread {
            // A blocked signal stays pending, whatever this process does with it.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            server.run()
            sigpending(&signals)
            pending.hasSignal = sigismember(&signals, SIGPIPE) == 1
        }
        guard let thread else { throw SimulatorServer.Failure(text: "no thread") }
        // When this one is answered, that one has been served.
        let other = Result { try TestClient(port: server.port).greet() }
        server.stop()
        thread.join()
        _ = try other.get()
        #expect(!pending.hasSignal)
    }

    @Test func garbageEndsThatConnectionAfterItsAnswers() throws {
        try withServer { server in
            let staying = try TestClient(port: server.port)
            try staying.greet()
            let client = try TestClient(port: server.port)
            try client.send(Requests.initConnect(1) + Requests.figures(2) + Array("GET / HTTP/1.1\r\n\r\n".utf8))
            #expect(try client.answer()?.serialNo == 1)
            #expect(try client.answer()?.serialNo == 2)
            #expect(try client.answer() == nil)
            #expect(try staying.ask(Requests.figures(2)).figures() == FigureSet.cpp.figures)
        }
    }

    @Test func the129thIsTurnedAwayAndNobodyElse() throws {
        try withServer { server in
            var clients: [TestClient] = []
            for _ in 0..<128 {
                clients.append(try TestClient(port: server.port))
                try clients.last?.greet()
            }
            for _ in 0..<20 {
                #expect(try TestClient(port: server.port).receive().isEmpty)
            }
            for client in clients { #expect(try client.ask(Requests.keepAlive(2)).serialNo == 2) }
            clients.removeLast(64)
            // The server may not have noticed yet that they are gone.
            let deadline = monotonicSeconds() + Double(patience)
            var isServed = false
            while !isServed, monotonicSeconds() < deadline {
                let client = try TestClient(port: server.port)
                try? client.send(Requests.initConnect(1))
                isServed = try client.answer() != nil
            }
            #expect(isServed)
        }
    }

    @Test func latencyDelaysEachAnswerAndKeepsTheirOrder() throws {
        try withServer({ $0.latency = 200_000_000 }) { server in
            let client = try TestClient(port: server.port)
            try client.greet()
            let first = monotonicSeconds()
            try client.send(Requests.figures(2))
            usleep(100_000)
            let second = monotonicSeconds()
            try client.send(Requests.figures(3))
            #expect(try client.answer()?.serialNo == 2)
            #expect(monotonicSeconds() - first >= 0.2)
            #expect(try client.answer()?.serialNo == 3)
            #expect(monotonicSeconds() - second >= 0.2)
            #expect(monotonicSeconds() - second < Double(patience))
        }
    }

    @Test func whatIsDelayedForAGoneClientGoesNowhere() throws {
        try withServer({ $0.latency = 100_000_000 }) { server in
            do {
                let leaving = try TestClient(port: server.port)
                try leaving.send(Requests.initConnect(1) + Requests.figures(2))
            }
            let client = try TestClient(port: server.port)
            try client.greet()
            #expect(try client.ask(Requests.figures(7)).serialNo == 7)
        }
    }

    @Test func pushesComeBetweenAnswers() throws {
        try withServer({ $0.pushInterval = 20_000_000 }) { server in
            let with = try TestClient(port: server.port)
            let without = try TestClient(port: server.port)
            try without.greet(recvNotify: false)
            try with.greet(recvNotify: true)
            for _ in 0..<3 { #expect(try with.answer()?.protoID == ProtoID.notify) }
            try with.send(Requests.figures(2))
            var answer = try with.answer()
            while answer?.protoID == ProtoID.notify { answer = try with.answer() }
            #expect(answer?.serialNo == 2)
            #expect(try without.ask(Requests.figures(3)).serialNo == 3)
        }
    }

    @Test func quotaHoldsOverAllConnections() throws {
        try withServer({ $0.quota = (5, 4 * second) }) { server in
            let clients = try (0..<3).map { _ in try TestClient(port: server.port) }
            for client in clients { try client.greet() }
            var admitted = 0
            for serial in UInt32(2)..<6 {
                for client in clients {
                    admitted += try client.ask(Requests.figures(serial)).head().retType == 0 ? 1 : 0
                }
            }
            #expect(admitted == 5)
            usleep(4_050_000)
            #expect(try clients[0].ask(Requests.figures(9)).head().retType == 0)
        }
    }

    @Test func stopClosesEveryConnectionAndFreesThePort() throws {
        var port: UInt16 = 0
        weak var gone: SimulatorServer?
        do {
            let server = try SimulatorServer(GatewayConfiguration())
            (port, gone) = (server.port, server)
            try server.start()
            let client = try TestClient(port: port)
            try client.greet()
            server.stop()
            server.join()
            #expect(try client.answer() == nil)
            // A second call is harmless.
            server.stop()
            server.join()
        }
        // The last reference is gone, and it closes everything.
        #expect(gone == nil)
        let next = try SimulatorServer(GatewayConfiguration(), port: port)
        #expect(next.port == port)
    }

    @Test func aPortThatIsTakenIsToldInWords() throws {
        let server = try SimulatorServer(GatewayConfiguration())
        let failure = #expect(throws: SimulatorServer.Failure.self) {
            _ = try SimulatorServer(GatewayConfiguration(), port: server.port)
        }
        #expect(failure?.text == "cannot listen on 127.0.0.1 port \(server.port): Address already in use")
        let name = #expect(throws: SimulatorServer.Failure.self) {
            _ = try SimulatorServer(GatewayConfiguration(), host: "example.invalid")
        }
        #expect(name?.text == "example.invalid is not a numeric address")
    }
}
