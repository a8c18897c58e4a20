// What the players of all variants share. Tests/cases/play.py describes what a player reads and prints.
#ifndef PLAYER_HPP
#define PLAYER_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

/// Prints how requests completed, and counts those that have not.
class scoreboard {
public:
    void begin() {
        std::lock_guard<std::mutex> guard(mutex_);
        pending_++;
    }

    void end(std::string line) {
        line.erase(std::remove(line.begin(), line.end(), '\n'), line.end()); // only between tokens: JSON escapes it in texts
        std::lock_guard<std::mutex> guard(mutex_);
        std::cout << line << std::endl;
        pending_--;
        changed_.notify_all();
    }

    /// Inside a callback: waits until all requests of the case have been made.
    void await_all_asked() {
        std::unique_lock<std::mutex> guard(mutex_);
        changed_.wait_for(guard, std::chrono::seconds(20), [&] { return all_asked_; });
    }

    void wait() {
        std::unique_lock<std::mutex> guard(mutex_);
        all_asked_ = true;
        changed_.notify_all();
        if (changed_.wait_for(guard, std::chrono::seconds(20), [&] { return pending_ <= 0; })) std::cout << "done" << std::endl;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int pending_ = 0;
    bool all_asked_ = false;
};

/// Reads commands until the end of the input. `variant` has open(group, port, name and value pairs), close(client),
/// close_inside(client) and ask(number, client, security, max_age).
template <class Variant> int play(Variant &variant, scoreboard &board) {
    int asked = 0;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string command, text;
        std::size_t client = 0;
        words >> command;
        if (command == "open") {
            int port = 0;
            words >> text >> port;
            variant.open(text, port, words);
        } else if (command == "close") {
            words >> client;
            variant.close(client);
        } else if (command == "close-inside") {
            words >> client;
            variant.close_inside(client);
        } else if (command == "ask") {
            int max_age_ms = 0;
            words >> client >> text;
            if (!(words >> max_age_ms)) max_age_ms = 0;
            board.begin();
            variant.ask(asked++, client, text, std::chrono::milliseconds(max_age_ms));
        } else if (command == "wait") {
            board.wait();
        } else {
            return 2;
        }
    }
    return 0;
}

#endif
