// Keeps a watch list up to date within its quota: when a slot is free, it requests the security that has waited longest.
// watch HOST PORT SECONDS REQUESTS WINDOW_MS SECURITY...
#include <capdist.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <vector>

namespace {

using clock = std::chrono::steady_clock;

class engine {
public:
    engine(capdist::options options, const std::vector<capdist::security> &list) : conn_(own(std::move(options))) {
        for (const capdist::security &security : list) {
            if (entries_.try_emplace(security).second) turns_.push_back(security);
        }
    }

    /// Runs until the given time. Throws capdist::error if the connection fails permanently.
    void run(clock::time_point end) {
        while (clock::now() < end) {
            const capdist::quota quota = conn_.quota();
            std::unique_lock<std::mutex> guard(mutex_);
            // Other requests of the quota group count, too. A security is not requested twice at the same time.
            if (!turns_.empty() && quota.waiting == 0 && quota.next_slot == std::chrono::milliseconds(0)) {
                const capdist::security next = turns_.front();
                turns_.pop_front();
                guard.unlock();
                ask(next);
                continue;
            }
            // A slot becomes free at a known time, or when an answer comes.
            const auto pause = quota.next_slot.value_or(std::chrono::milliseconds(50));
            changed_.wait_until(guard, std::min(end, clock::now() + std::max(pause, std::chrono::milliseconds(1))));
        }
    }

    /// Closes the connection, which completes the requests in flight.
    void close() { conn_.close(); }

    void print() const {
        std::cout << std::fixed;
        std::cout.precision(0);
        for (const auto &[security, entry] : entries_) {
            std::cout << security << "\t" << entry.updates << " updates\t";
            if (entry.figures) std::cout << "big in " << entry.figures->capital_in_big;
            std::cout << (entry.trouble.empty() ? "" : "\t") << entry.trouble << "\n";
        }
    }

private:
    struct watched {
        std::optional<capdist::capital_distribution> figures; ///< the latest ones
        int updates = 0;
        std::string trouble; ///< why the last request brought no figures
    };

    capdist::connection own(capdist::options options) {
        options.on_disconnect = [](capdist::connection_ref, std::int64_t, std::string_view desc) {
            std::cerr << "connection lost, it is made again: " << desc << "\n";
        };
        return capdist::connection(std::move(options));
    }

    void ask(const capdist::security &security) {
        conn_.get_capital_distribution(security, [this, security](const capdist::reply_view &reply) {
            const std::lock_guard<std::mutex> guard(mutex_);
            watched &told = entries_.at(security);
            if (reply) {
                told.figures = reply.value();
                told.updates++;
            }
            told.trouble = reply.desc();
            // After a refusal because of the rate limit it is the next again, when the quota's next slot is free.
            if (reply.retry() == capdist::retry::after) turns_.push_front(security);
            else turns_.push_back(security);
            changed_.notify_one();
        });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<capdist::security, watched> entries_;
    std::deque<capdist::security> turns_; ///< the next ones, without those that are requested now
    capdist::connection conn_;            // the last member: its callbacks use the others
};

} // namespace

int main(int count, char **arguments) {
    if (count < 7) {
        std::cerr << "usage: watch HOST PORT SECONDS REQUESTS WINDOW_MS SECURITY...\n";
        return 2;
    }
    try {
        capdist::options options(arguments[1], std::atoi(arguments[2]));
        options.quota_requests = std::atoi(arguments[4]);
        options.quota_window = std::chrono::milliseconds(std::atoi(arguments[5]));
        engine watch(std::move(options), std::vector<capdist::security>(arguments + 6, arguments + count));
        watch.run(clock::now() + std::chrono::seconds(std::atoi(arguments[3])));
        watch.close();
        watch.print();
    } catch (const capdist::error &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
