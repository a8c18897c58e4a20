import Simulator

extension Arguments {
    static let help = """
        opend-simulator stands in for OpenD, the gateway of Futu and moomoo: offline and without an account.
        Programs that ask a gateway for capital distributions can be written and tested against it.

        usage: opend-simulator [OPTION ...]

          --port N              port to listen on, 0 lets the system choose (default 11111)
          --host ADDRESS        numeric address to listen on (default 127.0.0.1)
          --figures SET         figures of HK.00700, as the vendor's sample in that language shows them:
                                cpp, csharp, java, js or python (default cpp)
          --quota N/SECONDS     requests a window, all clients together (default 30/30)
          --no-quota            never refuse for frequency
          --keep-alive SECONDS  keep-alive interval told to clients (default 10)
          --latency MS          milliseconds between a request and its answer (default 0)
          --push SECONDS        push a Notify every SECONDS to clients that asked for pushes (default: never)
          --lang LANGUAGE       language of its texts: chs or en, as OpenD's setting lang (default chs)
          --old-words           refuse for frequency in OpenD's older words, which have no figures
          --login-after SECONDS answer InitConnect, and open the WebSocket port, SECONDS after the start;
                                never: not at all (default 0)
          --refuse-login-for SECONDS
                                refuse InitConnect for SECONDS, as a gateway that waits for a code does; then accept it
          --old                 leave out what old gateways do not send: super figures, update time, timestamp, aesCBCiv
          --fault FAULT         get something wrong, as told below; may be given several times
          --rsa-key FILE        encrypt, with the RSA private key (PEM) that clients share
          --websocket-port N    also listen for WebSocket on that port, 0 lets the system choose (default: do not)
          --websocket-key KEY   the WebSocket's key; a client with another key gets no answer (default: any key)
          --tls-cert FILE       answer WebSocket over TLS with this certificate and its chain (PEM); needs --tls-key
          --tls-key FILE        the certificate's private key (PEM)
          --seed N              repeat connection ids, keys and the chance in faults (default: different each time)
          --trace FILE          write what it sees as JSON lines to the end of FILE; - is the standard output
          --record FILE         write every frame as a JSON line, its body in clear; overwrites FILE
          --replay FILE         answer only what such a file has answers for
          --end-with-input      end when the standard input ends, so that no test leaves it behind
          --help                print this
          --version             print the version

        The first line on the standard output is `listening HOST:PORT`, the second `websocket HOST:PORT` if it listens for
        WebSocket. It ends on SIGTERM or SIGINT, with status 0;
        wrong options end it with status 2, a port it can not have with status 1.

        Protocols, over plain TCP with protobuf bodies: InitConnect (1001), which must come first, GetGlobalState
        (1002), Notify (1003, a push), KeepAlive (1004) and Qot_GetCapitalDistribution (3212). Any other is refused.
        A client not heard from for 30 s is dropped, and so is the 129th.
        Over WebSocket it is OpenD's WebSocket bridge: InitWebSocket (command 1) first, then the same protocols in its sections;
        a client may be silent there. Pushes are numbered by a counter of their own, 1, 2, 3 for each client.

        Figures of HK.00700 are the vendor's documentation's. Those of any other stock, warrant or fund follow from its
        market and code and never change: US.AAPL has capitalInBig 19462320.5. Refused, with retType -1 and a
        retMsg, are
          unknown stocks     HK.99999, SH.999999, and any code of a form that its market does not have
          indices            HK.800000, US..DJI, SH.000001, SZ.399001
          futures            HK.HSImain, US.ES2412
          currency pairs, crypto currencies    FX.USDCNH, CC.BTC
          too many requests  \(Words(.chs).tooFrequent(limit: 30, seconds: 30))
                             \(Words(.en).tooFrequent(limit: 30, seconds: 30))

        The trace has an object a line with time_ms (Unix time), client (a number from 1) and event: connected; request
        (proto_id, serial_no, what it asked, and why it was refused if it was); waiting (before the login); push; dropped
        (and why); closed.

        A recording has an object a line with time_ms, client, direction (c2s, s2c), transport, proto_id, serial_no, is_push,
        the other fields of the header, encryption, body (hex, in clear), and decoded where the message is known. It holds
        session keys. A replay answers a request with what was answered to the same protocol and body, in order; a greeting
        with any; a request that it has no answer for is refused, and told on the standard error. With --push the recorded
        pushes go out in turn. A replay keeps no quota unless --quota is given.

        A FAULT is NAME[=ARG][@WHICH]. If several fit a frame, the first one counts. WHICH is a stock such as HK.00005
        (answers for it), a protocol number such as 1001, or 1/N (one in N, at random). Without WHICH it is each answer to
        3212, or each connection. any@1/N is any of the faults of answers, at random, on one in N answers.

        faults of answers:
        \(table(Fault.ofAnswers))
        faults of InitConnect (1001) and KeepAlive (1004):
        \(table(Fault.allCases.filter { $0.scope == .frame && !Fault.ofAnswers.contains($0) }))
        faults of a connection:
        \(table(Fault.allCases.filter { $0.scope == .connection }))
        faults of the whole gateway:
        \(table(Fault.allCases.filter { $0.scope == .gateway }))

        for example:
          opend-simulator --port 0 --quota 3/5 --trace -
          opend-simulator --port 0 --no-quota --fault late=500@HK.00005 --fault any@1/20 --seed 7
          opend-simulator --port 0 --lang en --login-after 5 --record session.jsonl

        """

    /// One line for each fault, with its number and the default.
    private static func table(_ faults: [Fault]) -> String {
        faults.map { fault in
            let argument = fault.argument
            let name = fault.rawValue + (argument.map { "[=\($0.unit)]" } ?? "")
            let gap = String(repeating: " ", count: max(24 - name.count, 1))
            return "  \(name)\(gap)\(fault.text)" + (argument.map { " (default \($0.initial))" } ?? "")
        }.joined(separator: "\n")
    }
}
