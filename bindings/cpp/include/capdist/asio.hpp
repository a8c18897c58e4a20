/// @file
/// A connection that an asio event loop drives: standalone asio's or, if CAPDIST_ASIO_BOOST is defined, Boost's.
/// capdist.hpp does not include it. Put asio on the include path (Debian: libasio-dev, libboost-dev).
#ifndef CAPDIST_ASIO_HPP
#define CAPDIST_ASIO_HPP

#include <memory>
#include <string>

#include <capdist.hpp>

#if defined(CAPDIST_ASIO_BOOST)
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#else
#include <asio/any_io_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#endif

CAPDIST_NAMESPACE_BEGIN

#if defined(CAPDIST_ASIO_BOOST)
namespace asio_ns = boost::asio;
using asio_error_code = boost::system::error_code;
#else
namespace asio_ns = ::asio;
using asio_error_code = std::error_code;
#endif

/// A connection that an asio executor drives. It has no thread, and callbacks run inside the executor's handlers.
///
/// Make, use and close it on that executor: the one thread that runs an io_context, or a strand if several do. While it is open
/// the io_context has work, so run() does not return before close(). Closing completes all requests (status::released) before
/// it returns; inside a callback, after that callback.
class asio_connection {
public:
    /// No connection.
    asio_connection() noexcept = default;

#if CAPDIST_EXCEPTIONS
    /// Starts to connect, and returns at once. Throws error if the options are refused. asio's resolver, which has a thread,
    /// looks a name up before each attempt, unless options::on_resolve is set.
    asio_connection(asio_ns::any_io_executor executor, options options) {
        std::error_code ec;
        const slot names = prepare(options);
        start(std::move(executor), connection(std::move(options)), names, ec);
        if (ec) throw std::system_error(ec, "asio");
    }
#endif
    /// The same without exceptions: if refused, it is no connection.
    asio_connection(asio_ns::any_io_executor executor, options options, std::error_code &ec) noexcept {
        const auto made = detail::with_memory(
            [&] {
                const slot names = prepare(options);
                connection conn(std::move(options), ec);
                if (!ec) start(std::move(executor), std::move(conn), names, ec);
                return true;
            },
            ec);
        if (!made) close();
    }

    asio_connection(asio_connection &&) noexcept = default;
    asio_connection &operator=(asio_connection &&other) noexcept {
        if (this != &other) {
            close();
            driver_ = std::move(other.driver_);
        }
        return *this;
    }
    ~asio_connection() { close(); }

    /// Closes the connection. Calling it again is harmless.
    void close() noexcept {
        if (const std::shared_ptr<driver> closing = std::move(driver_)) closing->close();
    }

    explicit operator bool() const noexcept { return driver_ != nullptr; }

    /// The connection, for requests. wait_ready and fetch_capital_distribution drive it themselves while they wait, and block
    /// the event loop.
    connection_ref get() const noexcept { return driver_ ? connection_ref(driver_->conn) : connection_ref(); }
    const connection_ref *operator->() const noexcept { return driver_ ? &driver_->conn : &none(); }

private:
    /// Lives as long as one of its handlers is pending.
    struct driver : std::enable_shared_from_this<driver> {
        connection conn;
        asio_ns::posix::stream_descriptor descriptor;
        asio_ns::steady_timer pause;
        asio_ns::ip::tcp::resolver resolver;

        driver(const asio_ns::any_io_executor &executor, connection &&opened)
            : conn(std::move(opened)), descriptor(executor), pause(executor), resolver(executor) {}
        // asio would close the descriptor, which belongs to the library.
        ~driver() { give_back(); }

        void watch() {
            descriptor.async_wait(asio_ns::posix::stream_descriptor::wait_read,
                                  [self = this->shared_from_this()](const asio_error_code &failed) {
                                      if (!failed) self->drive();
                                  });
        }

        void drive() {
            if (!conn) return; // closed while this handler was pending
            std::error_code ec;
            conn.process(ec);
            if (!conn) return; // closed inside a callback
            if (!ec) return watch();
            if (ec != status::busy) return; // released elsewhere, or the parent's: nothing to wait for
            // Another thread drives the connection: the descriptor may stay readable until that is done.
            pause.expires_after(std::chrono::milliseconds(1));
            pause.async_wait([self = this->shared_from_this()](const asio_error_code &failed) {
                if (!failed && self->conn) self->watch();
            });
        }

        void look_up(connection_ref asked, const std::string &host) {
            resolver.async_resolve(host, "", [self = this->shared_from_this(), asked](const asio_error_code &failed, const auto &found) {
                // IPv4 before IPv6, since OpenD listens there.
                std::string four, six;
                for (const auto &entry : found) {
                    const auto address = entry.endpoint().address();
                    (address.is_v4() ? four : six) += address.to_string() + " ";
                }
                std::error_code ignored;
                asked.resolved(four + six, ignored, failed ? failed.message() : "");
            });
        }

        void give_back() noexcept {
            if (descriptor.is_open()) (void)descriptor.release();
        }

        void close() noexcept {
            give_back();
            pause.cancel();
            resolver.cancel();
            conn.close();
        }
    };

    static const connection_ref &none() noexcept {
        static const connection_ref nobody;
        return nobody;
    }

    /// The resolver's callback finds the driver here. The driver is made after it.
    using slot = std::shared_ptr<std::weak_ptr<driver>>;

    static slot prepare(options &given) {
        given.mode = mode::application_driven;
        auto names = std::make_shared<std::weak_ptr<driver>>();
        if (!given.on_resolve) {
            given.on_resolve = [names](connection_ref conn, std::string_view host) {
                if (const auto found = names->lock()) found->look_up(conn, std::string(host));
            };
        }
        return names;
    }

    void start(asio_ns::any_io_executor executor, connection &&conn, const slot &names, std::error_code &ec) {
        driver_ = std::make_shared<driver>(executor, std::move(conn));
        *names = driver_;
        const int number = driver_->conn.descriptor(ec);
        if (!ec) {
            asio_error_code failed;
            driver_->descriptor.assign(number, failed);
            ec = failed;
        }
        if (ec) close();
        else driver_->watch();
    }

    std::shared_ptr<driver> driver_;
};

CAPDIST_NAMESPACE_END

#endif
