// Plays the named cases with one variant of the modern interface: modern {blocking|callbacks|futures|coroutines}.
#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include <capdist.hpp>

#include "modern.hpp"
#include "player.hpp"

using namespace capdist;

namespace {

using ::told;

/// For variants that return figures alone: the line that a reply with them would give.
std::string told(int number, const capital_distribution &figures) {
    std::ostringstream line;
    line.precision(17);
    const auto optional = [&](const char *name, const std::optional<double> &value) {
        if (value) line << ",\"" << name << "\":" << *value;
    };
    line << "answer\t" << number << "\tCAPDIST_OK\t1\t0\t{\"retType\":0,\"s2c\":{\"capitalInBig\":" << figures.capital_in_big
         << ",\"capitalInMid\":" << figures.capital_in_mid << ",\"capitalInSmall\":" << figures.capital_in_small
         << ",\"capitalOutBig\":" << figures.capital_out_big << ",\"capitalOutMid\":" << figures.capital_out_mid
         << ",\"capitalOutSmall\":" << figures.capital_out_small;
    optional("capitalInSuper", figures.capital_in_super);
    optional("capitalOutSuper", figures.capital_out_super);
    optional("updateTimestamp", figures.update_timestamp);
    if (figures.update_time) line << ",\"updateTime\":\"" << *figures.update_time << "\"";
    line << "}}";
    return line.str();
}

class variant {
public:
    variant(std::string way, scoreboard &board) : way_(std::move(way)), board_(board) {}
    ~variant() {
        for (std::thread &thread : threads_) thread.join();
    }

    void open(const std::string &group, int port, std::istream &settings) {
        clients_.emplace_back(options_of(group, port, settings));
        refs_.push_back(clients_.back());
    }

    void close(std::size_t client) { clients_.at(client).close(); }
    void close_inside(std::size_t client) { closes_ = client; }

    void ask(int number, std::size_t client, const std::string &text, std::chrono::milliseconds max_age) {
        const request_options given = with_max_age(max_age);
        // A reference, as an application has that closes the connection elsewhere.
        const connection_ref conn = refs_.at(client);
        try {
            if (way_ == "blocking") return blocking(number, conn, text, given);
            if (way_ == "callbacks") return callbacks(number, client, conn, text, given);
            if (way_ == "futures") return futures(number, conn, text, given);
#if defined(__cpp_impl_coroutine)
            if (way_ == "coroutines") return void(coroutine(number, conn, text, given));
#endif
        } catch (const error &thrown) {
            return board_.end(refused(number, thrown.code()));
        }
        throw std::runtime_error("unknown way " + way_);
    }

private:
    void blocking(int number, const connection_ref &conn, const std::string &text, const request_options &given) {
        std::error_code code;
        const std::optional<reply> answer = conn.fetch_capital_distribution(text, code, given);
        board_.end(answer ? told(number, *answer) : refused(number, code));
    }

    void callbacks(int number, std::size_t client, const connection_ref &conn, const std::string &text,
                   const request_options &given) {
        conn.get_capital_distribution(text, [this, number, client](const reply_view &reply) {
            if (closes_.exchange(none) == client) {
                board_.await_all_asked();
                close(client);
            }
            board_.end(told(number, reply));
        }, given);
    }

    void futures(int number, const connection_ref &conn, const std::string &text, const request_options &given) {
        threads_.emplace_back([this, number, future = conn.async_capital_distribution(text, given)]() mutable {
            try {
                board_.end(told(number, future.get()));
            } catch (const request_error &thrown) {
                board_.end(told(number, thrown.reply()));
            }
        });
    }

#if defined(__cpp_impl_coroutine)
    struct task {
        struct promise_type {
            task get_return_object() { return {}; }
            std::suspend_never initial_suspend() noexcept { return {}; }
            std::suspend_never final_suspend() noexcept { return {}; }
            void return_void() {}
            void unhandled_exception() { std::terminate(); }
        };
    };

    task coroutine(int number, connection_ref conn, std::string text, request_options given) {
        std::string line;
        try {
            line = told(number, co_await conn.await_capital_distribution(text, given));
        } catch (const request_error &thrown) {
            line = told(number, thrown.reply());
        } catch (const error &thrown) {
            line = refused(number, thrown.code());
        }
        board_.end(line);
    }
#endif

    static constexpr std::size_t none = ~std::size_t(0);
    const std::string way_;
    scoreboard &board_;
    std::deque<connection> clients_;
    std::vector<connection_ref> refs_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> closes_{none};
};

} // namespace

int main(int count, char **arguments) {
    scoreboard board;
    variant way(count > 1 ? arguments[1] : "", board);
    return play(way, board);
}
