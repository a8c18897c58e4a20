// Plays the named cases with the vendor's classes.
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include <FTAPI.h>
#include <google/protobuf/util/json_util.h>

#include "player.hpp"

namespace {

class client : public FTSPI_Qot, public FTSPI_Conn {
public:
    client(int port, scoreboard &board) : board_(board), api_(FTAPI::CreateQotApi()) {
        api_->RegisterConnSpi(this);
        api_->RegisterQotSpi(this);
        if (!api_->InitConnect("127.0.0.1", static_cast<Futu::u16_t>(port), false)) throw 1;
        // The request is made when the connection is established, as in the samples.
        std::unique_lock<std::mutex> guard(mutex_);
        if (!changed_.wait_for(guard, std::chrono::seconds(10), [&] { return connected_; })) throw 2;
    }
    ~client() override { FTAPI::ReleaseQotApi(api_); }

    void close() { api_->Close(); }

    void ask(int number, const std::string &text) {
        Qot_GetCapitalDistribution::Request request;
        auto *security = request.mutable_c2s()->mutable_security();
        security->set_market(text.substr(0, 2) == "SZ" ? Qot_Common::QotMarket_CNSZ_Security
                                                       : Qot_Common::QotMarket_HK_Security);
        security->set_code(text.substr(3));
        // The answer may come before its serial number is known.
        std::lock_guard<std::mutex> guard(mutex_);
        const Futu::u32_t serial_no = api_->GetCapitalDistribution(request);
        if (serial_no == 0) return board_.end("refused\t" + std::to_string(number) + "\t-");
        numbers_[serial_no] = number;
    }

    void OnInitConnect(FTAPI_Conn *, Futu::i64_t, const char *) override {
        std::lock_guard<std::mutex> guard(mutex_);
        connected_ = true;
        changed_.notify_all();
    }

    void OnReply_GetCapitalDistribution(Futu::u32_t serial_no,
                                        const Qot_GetCapitalDistribution::Response &response) override {
        std::lock_guard<std::mutex> guard(mutex_);
        std::string text;
        if (!google::protobuf::util::MessageToJsonString(response, &text).ok()) text = "{}";
        board_.end("answer\t" + std::to_string(numbers_.at(serial_no)) + "\t-\t-\t-\t" + text);
    }

private:
    scoreboard &board_;
    FTAPI_Qot *api_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool connected_ = false;
    std::map<Futu::u32_t, int> numbers_;
};

struct variant {
    scoreboard &board;
    std::vector<std::unique_ptr<client>> clients;

    void open(const std::string &, int port, std::istream &) { clients.push_back(std::make_unique<client>(port, board)); }
    void close(std::size_t number) { clients.at(number)->close(); }
    void close_inside(std::size_t) { throw 3; }
    void ask(int number, std::size_t of, const std::string &text, std::chrono::milliseconds) { clients.at(of)->ask(number, text); }
};

} // namespace

int main() {
    scoreboard board;
    variant way{board, {}};
    const int status = play(way, board);
    way.clients.clear();
    google::protobuf::ShutdownProtobufLibrary();
    return status;
}
