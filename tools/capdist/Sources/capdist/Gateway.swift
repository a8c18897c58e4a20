import CCapDist
import Glibc
import Synchronization

/// The library's error text, without the advice that is for programmers.
private func sentence(_ text: UnsafePointer<CChar>?) -> String {
    let told = text.map { String(cString: $0) } ?? ""
    return told.firstRange(of: " This is final, since").map { String(told[..<$0.lowerBound]) } ?? told
}

/// How one request completed.
struct Answer {
    /// The index of its security in the list.
    let index: Int
    let status: capdist_status
    let retryAfterMs: Int32
    /// The gateway's message.
    let gatewaySays: String
    /// What happened, as a sentence.
    let text: String
    let figures: Figures?

    init(index: Int, _ reply: UnsafePointer<capdist_reply>) {
        self.index = index
        status = reply.pointee.status
        retryAfterMs = reply.pointee.retry_after_ms
        gatewaySays = Terminal.harmless(String(cString: reply.pointee.ret_msg))
        text = Terminal.harmless(sentence(reply.pointee.desc))
        figures = reply.pointee.distribution.map { Figures($0) }
    }

    init(index: Int, refused status: capdist_status) {
        self.index = index
        self.status = status
        retryAfterMs = 0
        gatewaySays = ""
        text = Terminal.harmless(sentence(capdist_last_error()))
        figures = nil
    }

    var ending: Ending {
        switch Int(status) {
        case CAPDIST_OK: .done
        case CAPDIST_QUEUE_TIMEOUT, CAPDIST_REPLY_TIMEOUT: .timedOut
        case CAPDIST_DISCONNECTED, CAPDIST_RELEASED, CAPDIST_CONNECT_FAILED...CAPDIST_TLS_FAILED, CAPDIST_NOT_CONNECTED:
            .noGateway
        default: .refused
        }
    }

    /// Whether it might have succeeded with the gateway there and the quota free.
    var mayPass: Bool {
        ending == .noGateway || Int(status) == CAPDIST_QUEUE_TIMEOUT || Int(status) == CAPDIST_RATE_LIMITED
    }
}

/// An event of a connection.
enum Mail {
    case answer(Answer)
    case connected
    case lost(String)
    case failed(String)
    case warning(String)
    case raw(capdist_status, [UInt8], String)
}

/// A queue of events, which the connection's thread fills.
final class Mailbox: Sendable {
    private let mail = Mutex<[Mail]>([])
    /// Readable while there are events.
    let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

    deinit { close(descriptor) }

    func put(_ item: Mail) {
        mail.withLock { $0.append(item) }
        eventfd_write(descriptor, 1)
    }

    func take() -> [Mail] {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
        return mail.withLock { items in
            defer { items.removeAll(keepingCapacity: true) }
            return items
        }
    }

    static func of(_ userData: UnsafeMutableRawPointer?) -> Mailbox? {
        userData.map { Unmanaged<Mailbox>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// A request that has not completed.
private final class Question {
    let index: Int
    let mailbox: Mailbox
    init(_ index: Int, _ mailbox: Mailbox) {
        self.index = index
        self.mailbox = mailbox
    }
}

/// A connection to the gateway. Its events go to `mailbox`.
final class Gateway {
    let mailbox: Mailbox
    let settings: Settings
    private let connection: OpaquePointer

    /// Starts to connect. With `reconnect` it tries again until it succeeds; without, the first failure is the event
    /// `failed`.
    init(_ settings: Settings, reconnect: Bool, mailbox: Mailbox = Mailbox()) throws(Failure) {
        self.settings = settings
        self.mailbox = mailbox
        let held = Unmanaged.passRetained(mailbox)
        do {
            connection = try settings.connect(reconnect: reconnect) { options in
                options.user_data = held.toOpaque()
                options.on_init_connect = { _, code, text, userData in
                    Mailbox.of(userData)?.put(code == 0 ? .connected : .failed(sentence(text)))
                }
                options.on_disconnect = { _, _, text, userData in
                    Mailbox.of(userData)?.put(.lost(sentence(text)))
                }
                options.on_log = { _, level, text, userData in
                    guard level <= Int32(CAPDIST_LOG_WARNING), let text else { return }
                    Mailbox.of(userData)?.put(.warning(sentence(text)))
                }
                options.on_closed = { userData in
                    if let userData { Unmanaged<Mailbox>.fromOpaque(userData).release() }
                }
            }
        } catch {
            held.release()
            throw error
        }
    }

    deinit { capdist_release(connection) }

    /// Makes a request. Its answer comes as an event, also if the call is refused.
    func ask(_ security: Security, index: Int) {
        var options = capdist_request_options()
        capdist_request_options_init(&options, MemoryLayout<capdist_request_options>.size)
        // A list waits for the quota, and while the gateway is down: the longest timeout that the library accepts.
        options.queue_timeout_ms = 3_600_000
        options.security_firm = settings.securityFirm
        let question = Unmanaged.passRetained(Question(index, mailbox))
        var value = security.value
        let status = capdist_get_capital_distribution(
            connection, &value, &options,
            { _, _, reply, userData in
                guard let userData, let reply else { return }
                let question = Unmanaged<Question>.fromOpaque(userData).takeRetainedValue()
                question.mailbox.put(.answer(Answer(index: question.index, reply)))
            }, question.toOpaque(), nil)
        if status != CAPDIST_OK {
            question.release()
            mailbox.put(.answer(Answer(index: index, refused: status)))
        }
    }

    /// Makes a request of any other protocol. Its answer comes as an event.
    func ask(proto: UInt32, _ body: [UInt8]) throws(Failure) {
        let held = Unmanaged.passRetained(mailbox)
        let status = capdist_send_proto(
            connection, proto, body, body.count, nil,
            { _, _, reply, userData in
                guard let userData, let reply else { return }
                let mailbox = Unmanaged<Mailbox>.fromOpaque(userData).takeRetainedValue()
                let bytes = UnsafeBufferPointer(start: reply.pointee.body, count: reply.pointee.body_length)
                mailbox.put(.raw(reply.pointee.status, Array(bytes), sentence(reply.pointee.desc)))
            }, held.toOpaque(), nil)
        guard status == CAPDIST_OK else {
            held.release()
            throw Failure(.noGateway, sentence(capdist_last_error()))
        }
    }

    /// Waits until the connection is established.
    func waitReady(_ milliseconds: Int32) -> (status: capdist_status, text: String) {
        let status = capdist_wait_ready(connection, milliseconds)
        return (status, status == CAPDIST_OK ? "" : sentence(capdist_last_error()))
    }

    var quota: capdist_quota {
        var quota = capdist_quota()
        capdist_quota_init(&quota, MemoryLayout<capdist_quota>.size)
        capdist_get_quota(connection, &quota)
        return quota
    }

    var info: capdist_connection_info {
        var info = capdist_connection_info()
        capdist_connection_info_init(&info, MemoryLayout<capdist_connection_info>.size)
        capdist_get_connection_info(connection, &info)
        return info
    }
}
