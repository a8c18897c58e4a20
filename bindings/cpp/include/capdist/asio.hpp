/// @file
/// A connection on an asio loop, standalone asio's or, with CAPDIST_ASIO_BOOST defined, Boost's. Not part of capdist.hpp: whoever
/// wants it includes it, with asio on the include path (Debian: libasio-dev, libboost-dev).
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

/// A connection that an asio executor drives: no thread is made, and callbacks run inside the executor's handlers.
///
/// It is made, used and closed on that executor: the one thread that runs an io_context, or a strand where several do. While it is open
/// the io_context has work, so run() goes on until close(). Closing gives the descriptor back to the library before the release, and
/// completes all requests (status::released) before it returns; inside a callback, after that callback.
class asio_connection {
public:
    /// No connection.
    asio_connection() noexcept = default;

#if CAPDIST_EXCEPTIONS
    /// Starts to connect; does not wait. Throws error for options that are refused. A name is looked up by asio's resolver before
    /// each attempt, unless options::on_resolve is given; asio has a thread for that.
    asio_connection(asio_ns::any_io_executor executor, options options) {
        std::error_code ec;
        const slot names = prepare(options);
        start(std::move(executor), connection(std::move(options)), names, ec);
        if (ec) throw std::system_error(ec, "asio");
    }
#endif
    /// The same without throwing: what is refused leaves no connection.
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

    /// Closes now; harmless to repeat.
    void close() noexcept {
        if (const std::shared_ptr<driver> closing = std::move(driver_)) closing->close();
    }

    explicit operator bool() const noexcept { return driver_ != nullptr; }

    /// What requests are made on. Those that wait (wait_ready, fetch_capital_distribution) drive the connection themselves, and hold up
    /// the loop meanwhile.
    connection_ref get() const noexcept { return driver_ ? connection_ref(driver_->conn) : connection_ref(); }
    const connection_ref *operator->() const noexcept { return driver_ ? &driver_->conn : &none(); }

private:
    /// Lives as long as a handler of it is on its way.
    struct driver : std::enable_shared_from_this<driver> {
        connection conn;
        asio_ns::posix::stream_descriptor descriptor;
        asio_ns::steady_timer pause;
        asio_ns::ip::tcp::resolver resolver;

        driver(const asio_ns::any_io_executor &executor, connection &&opened)
            : conn(std::move(opened)), descriptor(executor), pause(executor), resolver(executor) {}
        // asio would close it, and it is the library's.
        ~driver() { give_back(); }

        void watch() {
            descriptor.async_wait(asio_ns::posix::stream_descriptor::wait_read,
                                  [self = this->shared_from_this()](const asio_error_code &failed) {
                                      if (!failed) self->drive();
                                  });
        }

        void drive() {
            if (!conn) return; // closed while this handler was on its way
            std::error_code ec;
            conn.process(ec);
            if (!conn) return; // in a callback
            if (!ec) return watch();
            if (ec != status::busy) return; // released elsewhere, or a child's: there is nothing to wait for
            // Another thread drives: the descriptor may stay readable until it is done.
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

    /// Where the callback that asks for names finds the driver, which is made after it.
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
