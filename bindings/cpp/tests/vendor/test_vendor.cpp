// The vendor's classes with the shipped library and the simulator. Assertions run on the main thread.
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <FTAPI.h>
#include <MMAPI.h>
#include <tool.h>

using namespace std::chrono_literals;

namespace {

Futu::u16_t port(const char *name = "CAPDIST_PORT") {
    const char *text = std::getenv(name);
    REQUIRE_MESSAGE(text != nullptr, name, " tells where a simulator listens");
    return static_cast<Futu::u16_t>(std::atoi(text));
}

template <class F> bool soon(F holds) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    return holds();
}

Qot_GetCapitalDistribution::Request request(const char *code) {
    Qot_GetCapitalDistribution::Request made;
    made.mutable_c2s()->mutable_security()->set_market(Qot_Common::QotMarket_HK_Security);
    made.mutable_c2s()->mutable_security()->set_code(code);
    return made;
}

class Recorder : public FTSPI_Qot, public FTSPI_Conn, public FTSPI_Trd {
public:
    std::atomic<FTAPI_Qot *> api{FTAPI::CreateQotApi()};
    std::atomic<int> connected{0}, lost{0}, answered{0};
    std::atomic<Futu::i64_t> err_code{0};
    std::atomic<bool> releases{false};
    std::atomic<int> asks{0}; // in OnInitConnect

    explicit Recorder() {
        api.load()->RegisterConnSpi(this);
        api.load()->RegisterQotSpi(this);
    }
    ~Recorder() override { FTAPI::ReleaseQotApi(api.load()); }

    bool open(Futu::u16_t at = port(), bool encrypt = false) { return api.load()->InitConnect("127.0.0.1", at, encrypt); }
    bool ready() {
        return open() && soon([&] { return connected == 1; });
    }

    void OnInitConnect(FTAPI_Conn *conn, Futu::i64_t code, const char *) override {
        err_code = code;
        for (int i = 0; i < asks; i++) {
            if (api.load()->GetCapitalDistribution(request("00700")) == 0) err_code = -1;
        }
        if (conn != api) err_code = -2;
        connected++;
    }
    void OnDisConnect(FTAPI_Conn *, Futu::i64_t code) override {
        err_code = code;
        lost++;
    }
    void OnReply_GetCapitalDistribution(Futu::u32_t serial_no,
                                        const Qot_GetCapitalDistribution::Response &response) override {
        std::lock_guard<std::mutex> guard(mutex_);
        serial_nos_.push_back(serial_no);
        responses_.push_back(response);
        answered++;
        if (releases) FTAPI::ReleaseQotApi(api.exchange(nullptr));
    }

    Qot_GetCapitalDistribution::Response last() {
        std::lock_guard<std::mutex> guard(mutex_);
        REQUIRE(!responses_.empty());
        return responses_.back();
    }
    Futu::u32_t last_serial_no() {
        std::lock_guard<std::mutex> guard(mutex_);
        return serial_nos_.back();
    }

private:
    std::mutex mutex_;
    std::vector<Futu::u32_t> serial_nos_;
    std::vector<Qot_GetCapitalDistribution::Response> responses_;
};

} // namespace

TEST_CASE("figures, asked for in OnInitConnect") {
    Recorder recorder;
    recorder.asks = 1;
    REQUIRE(recorder.open());
    REQUIRE(soon([&] { return recorder.answered == 1; }));
    CHECK(recorder.err_code == 0);
    CHECK(recorder.last().rettype() == 0);
    CHECK(recorder.last().s2c().capitalinbig() == 859479380);
    CHECK(recorder.last().s2c().updatetime() == "2022-06-08 10:44:21");
    CHECK(recorder.api.load()->GetConnectID() != 0);
}

TEST_CASE("a refusal by the gateway comes as it is") {
    Recorder recorder;
    REQUIRE(recorder.ready());
    const Futu::u32_t serial_no = recorder.api.load()->GetCapitalDistribution(request("99999"));
    CHECK(serial_no != 0);
    REQUIRE(soon([&] { return recorder.answered == 1; }));
    CHECK(recorder.last_serial_no() == serial_no);
    CHECK(recorder.last().rettype() == -1);
    CHECK(recorder.last().retmsg() == "未知股票 HK.99999");
}

TEST_CASE("a damaged answer is no success") {
    Recorder recorder;
    REQUIRE(recorder.ready());
    CHECK(recorder.api.load()->GetCapitalDistribution(request("00002")) != 0);
    REQUIRE(soon([&] { return recorder.answered == 1; }));
    CHECK(recorder.last().rettype() == -500);
    CHECK_FALSE(recorder.last().retmsg().empty());
    CHECK_FALSE(recorder.last().has_s2c());
}

TEST_CASE("a refused request has serial number 0 and no answer") {
    Recorder recorder;
    CHECK(recorder.api.load()->GetCapitalDistribution(request("00700")) == 0); // not connected
    CHECK(recorder.api.load()->GetConnectID() == 0);
    REQUIRE(recorder.ready());
    CHECK(recorder.api.load()->GetCapitalDistribution(Qot_GetCapitalDistribution::Request()) == 0);
    CHECK(recorder.api.load()->GetCapitalDistribution(request("")) == 0);
    CHECK(recorder.api.load()->GetCapitalDistribution(request(std::string(200, '1').c_str())) == 0);
    recorder.api.load()->Close();
    CHECK(recorder.api.load()->GetCapitalDistribution(request("00700")) == 0);
    CHECK(recorder.answered == 0);
}

TEST_CASE("encryption without a key is refused, not left out") {
    Recorder recorder;
    CHECK_FALSE(recorder.open(port(), true)); // no key is set
    recorder.api.load()->SetRSAPrivateKey("-----BEGIN RSA PRIVATE KEY-----");
    CHECK_FALSE(recorder.open(port(), true));
    CHECK(recorder.connected == 0);
}

TEST_CASE("encrypted, and by a gateway that is not") {
    const char *file = std::getenv("CAPDIST_RSA_KEY");
    REQUIRE(file != nullptr);
    std::ifstream stream(file);
    const std::string key((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    {
        Recorder recorder;
        recorder.api.load()->SetRSAPrivateKey(key.c_str());
        recorder.asks = 1;
        REQUIRE(recorder.open(port("CAPDIST_PORT_ENCRYPTED"), true));
        REQUIRE(soon([&] { return recorder.answered == 1; }));
        CHECK(recorder.last().s2c().capitalinbig() == 859479380);
    }
    Recorder recorder;
    recorder.api.load()->SetRSAPrivateKey(key.c_str());
    REQUIRE(recorder.open(port(), true));
    REQUIRE(soon([&] { return recorder.connected == 1; }));
    CHECK(CAPDIST_ERR_KIND(recorder.err_code) == CAPDIST_ERR_KIND_INIT_CONNECT);
    CHECK(CAPDIST_ERR_CODE(recorder.err_code) == CAPDIST_INIT_CONNECT_UNKNOWN);
}

TEST_CASE("no connection is told once, with the socket's error, and tried again") {
    Recorder recorder;
    REQUIRE(recorder.open(1)); // nothing listens there
    REQUIRE(soon([&] { return recorder.connected == 1; }));
    CHECK(CAPDIST_ERR_KIND(recorder.err_code) == CAPDIST_ERR_KIND_CONNECT);
    CHECK(CAPDIST_ERR_CODE(recorder.err_code) == ECONNREFUSED);
    std::this_thread::sleep_for(1500ms); // time for more attempts
    CHECK(recorder.connected == 1);
    // A request is refused at once, and not after two minutes.
    CHECK(recorder.api.load()->GetCapitalDistribution(request("00700")) == 0);
    // An application may also reconnect by itself.
    REQUIRE(recorder.open());
    CHECK(soon([&] { return recorder.connected == 2; }));
    CHECK(recorder.err_code == 0);
}

TEST_CASE("why InitConnect failed") {
    const struct {
        const char *port;
        int code;
    } cases[] = {{"CAPDIST_PORT_REFUSES", CAPDIST_INIT_CONNECT_REFUSED},
                 {"CAPDIST_PORT_CLOSES", CAPDIST_INIT_CONNECT_DISCONNECTED},
                 {"CAPDIST_PORT_ANSWERS_NONSENSE", CAPDIST_INIT_CONNECT_UNKNOWN}};
    for (const auto &wanted : cases) {
        CAPTURE(wanted.port);
        Recorder recorder;
        REQUIRE(recorder.open(port(wanted.port)));
        REQUIRE(soon([&] { return recorder.connected == 1; }));
        CHECK(CAPDIST_ERR_KIND(recorder.err_code) == CAPDIST_ERR_KIND_INIT_CONNECT);
        CHECK(CAPDIST_ERR_CODE(recorder.err_code) == wanted.code);
        CHECK(recorder.lost == 0);
    }
}

TEST_CASE("InitConnect is given up after ten seconds") {
    Recorder recorder;
    REQUIRE(recorder.open(port("CAPDIST_PORT_SILENT")));
    std::this_thread::sleep_for(9s);
    CHECK(recorder.connected == 0);
    REQUIRE(soon([&] { return recorder.connected == 1; }));
    CHECK(recorder.err_code == (Futu::i64_t(CAPDIST_ERR_KIND_INIT_CONNECT) << 32 | CAPDIST_INIT_CONNECT_TIMEOUT));
}

TEST_CASE("a name that is none") {
    Recorder recorder;
    REQUIRE(recorder.api.load()->InitConnect("no-such-host.invalid", 11111, false));
    REQUIRE(soon([&] { return recorder.connected == 1; }));
    CHECK(CAPDIST_ERR_KIND(recorder.err_code) == CAPDIST_ERR_KIND_NAME_NOT_FOUND);
}

TEST_CASE("a lost connection is made again, unless that is turned off") {
    for (const bool reconnects : {false, true}) {
        CAPTURE(reconnects);
        Recorder recorder;
        recorder.asks = 1; // then the gateway closes the connection
        if (!reconnects) recorder.api.load()->SetAutoReconnect(false);
        REQUIRE(recorder.open(port("CAPDIST_PORT_DROPS")));
        REQUIRE(soon([&] { return recorder.lost >= 1; }));
        CHECK(recorder.answered >= 1);
        if (reconnects) {
            CHECK(soon([&] { return recorder.connected >= 2; }));
        } else {
            CHECK(CAPDIST_ERR_KIND(recorder.err_code) == CAPDIST_ERR_KIND_RECEIVE);
            std::this_thread::sleep_for(1500ms); // longer than the first pause between attempts
            CHECK(recorder.connected == 1);
            CHECK(recorder.lost == 1);
        }
    }
}

TEST_CASE("release inside a callback: nothing comes after that one") {
    Recorder recorder;
    recorder.releases = true;
    recorder.asks = 10;
    REQUIRE(recorder.open());
    REQUIRE(soon([&] { return recorder.answered == 1; }));
    std::this_thread::sleep_for(50ms);
    CHECK(recorder.answered == 1);
    CHECK(recorder.err_code == 0);
    CHECK(recorder.api.load() == nullptr);
}

TEST_CASE("both brands are one, and null is harmless") {
    MMAPI::Init();
    MMAPI_Qot *api = MMAPI::CreateQotApi();
    api->SetClientInfo(nullptr, 100);
    api->SetAutoReconnect(true);
    CHECK_FALSE(api->InitConnect("127.0.0.1", 0, false));
    MMAPI::ReleaseQotApi(api);
    MMAPI::ReleaseQotApi(nullptr);
    MMAPI::UnInit();
    std::string text;
    CHECK(ProtoBufToBodyData(request("00700"), text));
    CHECK(UTF8ToLocal(text).find("\"00700\"") != text.npos);
}

// The last test: it uses up the quota, which all connections of the process share.
TEST_CASE("release answers what is in flight, and nothing comes after it") {
    Recorder recorder;
    REQUIRE(recorder.ready());
    int accepted = 0;
    // More than the quota allows: the rest waits.
    for (int i = 0; i < 100; i++) accepted += recorder.api.load()->GetCapitalDistribution(request("00700")) != 0;
    CHECK(accepted == 100);
    FTAPI::ReleaseQotApi(recorder.api.exchange(nullptr));
    CHECK(recorder.answered == 100);
    CHECK(recorder.last().rettype() == -200);
    CHECK(recorder.last().retmsg() != "");
}
