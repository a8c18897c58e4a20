import Codec
import Testing
@testable import Core

/// The likely causes, the most likely first.
@Suite struct TextsTests {
    private func endpoint(_ change: (inout Endpoint) -> Void = { _ in }) -> Endpoint {
        var endpoint = Endpoint()
        change(&endpoint)
        return endpoint
    }

    /// Checks that the words come in this order.
    private func expect(_ text: String, _ words: [String]) {
        var rest = Substring(text)
        for word in words {
            guard let found = rest.firstRange(of: word) else {
                Issue.record("\(word) is not where it should be in: \(text)")
                return
            }
            rest = rest[found.upperBound...]
        }
        // This leaves room for the rest of capdist_last_error().
        #expect(text.utf8.count <= 470, "\(text.utf8.count)")
    }

    @Test func anInitConnectWithoutAnswerBeginsWithTheLogin() {
        expect(
            Texts.firstMessageTimedOut(endpoint(), 10_000),
            [
                "InitConnect was not answered within 10000 ms. Is OpenD logged in, or waiting for a code", "API port",
                "rsa_private_key",
            ])
        expect(
            Texts.firstMessageTimedOut(endpoint { $0.isEncrypted = true }, 1),
            ["logged in", "API port", "the same RSA key"])
    }

    @Test func aLostHandshakeBeginsWithThePort() {
        expect(
            Texts.firstMessageLost(endpoint(), Texts.closed),
            [
                "closed the connection. Is port 11111 OpenD's API port, not its WebSocket port or one with TLS?",
                "logged in?",
                "too many clients", "? If the gateway encrypts, it needs rsa_private_key here too.",
            ])
    }

    @Test func whatAnsweredBeforeIsNotDoubted() {
        for change: (inout Endpoint) -> Void in [
            { $0.isEncrypted = false }, { $0.isEncrypted = true }, { $0.transport = .webSocket },
            { $0.transport = .webSocketTLS },
        ] {
            let endpoint = endpoint {
                change(&$0)
                $0.hasStood = true
            }
            for text in [
                Texts.firstMessageLost(endpoint, Texts.closed), Texts.firstMessageTimedOut(endpoint, 1),
                Texts.openingLost(endpoint, Texts.closed),
                Texts.openingTimedOut(endpoint, 1),
            ] {
                expect(text, ["It answered before: look at OpenD's window."])
                for word in ["RSA", "rsa_private_key", "API port", "WebSocket port", "websocket_key"] {
                    #expect(!text.contains(word), "\(text)")
                }
            }
        }
    }

    @Test func aSilentBridgeMayMeanTheKeyTheMD5OrRSA() {
        let plain = Texts.firstMessageTimedOut(endpoint { $0.transport = .webSocket }, 1)
        expect(
            plain,
            [
                "websocket_key", "does not answer a wrong", "its MD5", "RSA key may stay silent",
                "logged in: its WebSocket port opens only then",
            ])
        #expect(!plain.contains("32 hex digits"))
        let md5 = endpoint {
            $0.transport = .webSocketTLS
            $0.keyLooksLikeMD5 = true
        }
        expect(Texts.firstMessageTimedOut(md5, 1), ["32 hex digits, like an MD5", "Pass the key itself"])
        expect(
            Texts.portRefused(endpoint { $0.transport = .webSocket }),
            ["is OpenD running there?", "opens only after OpenD's login"])
    }

    @Test func whatIsNoFrameIsNamed() {
        expect(Texts.notOpenD(endpoint(), first: 0x15, isReady: false), ["but TLS"])
        expect(Texts.notOpenD(endpoint(), first: UInt8(ascii: "H"), isReady: false), ["but HTTP", "WebSocket port"])
        expect(Texts.notOpenD(endpoint(), first: 0, isReady: false), ["is port 11111 OpenD's?"])
        expect(Texts.notOpenD(endpoint(), first: 0, isReady: true), ["between here and OpenD"])
    }

    @Test func httpStatuses() {
        let endpoint = endpoint { $0.transport = .webSocket }
        expect(Texts.upgradeRefused(endpoint, .status(200, location: nil)), ["HTTP status 200", "a web server"])
        expect(Texts.upgradeRefused(endpoint, .status(502, location: nil)), ["HTTP status 502"])
    }

    @Test func sentencesEndOnce() {
        #expect(Texts.sentence("a") == "a.")
        for text in ["a.", "a?", "a!", ""] { #expect(Texts.sentence(text) == text) }
    }
}
