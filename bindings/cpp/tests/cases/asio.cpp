// Plays the named cases on an asio loop: one thread opens, drives and closes connections, another one makes requests.
#include <deque>
#include <future>
#include <optional>
#include <thread>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <capdist/asio.hpp>

#include "modern.hpp"
#include "player.hpp"

namespace {

class variant {
public:
    explicit variant(scoreboard &board) : board_(board) {}
    ~variant() {
        on_loop([&] { clients_.clear(); });
        work_.reset();
        thread_.join();
    }

    void open(const std::string &group, int port, std::istream &settings) {
        on_loop([&] {
            clients_.emplace_back(loop_.get_executor(), options_of(group, port, settings));
            refs_.push_back(clients_.back().get());
        });
    }

    void close(std::size_t client) {
        on_loop([&] { clients_.at(client).close(); });
    }

    void close_inside(std::size_t client) {
        on_loop([&] { closes_ = client; });
    }

    void ask(int number, std::size_t client, const std::string &text, std::chrono::milliseconds max_age) {
        std::error_code ec;
        const auto answered = [this, number, client](const capdist::reply_view &reply) {
            if (closes_ == client) {
                closes_.reset();
                board_.await_all_asked();
                clients_.at(client).close();
            }
            board_.end(told(number, reply));
        };
        if (refs_.at(client).get_capital_distribution(text, answered, ec, with_max_age(max_age)) == 0)
            board_.end(refused(number, ec));
    }

private:
    /// Runs a function on the loop's thread, and waits for it.
    template <class F> void on_loop(F &&body) {
        std::promise<void> done;
        asio::post(loop_, [&] {
            body();
            done.set_value();
        });
        done.get_future().wait();
    }

    scoreboard &board_;
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
    std::deque<capdist::asio_connection> clients_;
    std::deque<capdist::connection_ref> refs_; // they outlive their connections
    std::optional<std::size_t> closes_;
    std::thread thread_{[this] { loop_.run(); }};
};

} // namespace

int main() {
    scoreboard board;
    variant way(board);
    return play(way, board);
}
