/// @file
/// The vendor's C++ classes over libcapdist, as far as the capital distribution goes. Both brands are made from them:
/// FTAPI.h (futu) and MMAPI.h (moomoo). Header-only; needs the C++ classes that protoc makes of the `.proto` files.
#ifndef CAPDIST_FTAPI_VENDOR_HPP
#define CAPDIST_FTAPI_VENDOR_HPP

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "Qot_GetCapitalDistribution.pb.h"
#include "capdist.hpp"

namespace capdist::vendor {

/// The vendor's names of integers, which both brands have in namespaces of their own.
namespace integers {
using i32_t = std::int32_t;
using i64_t = std::int64_t;
using u16_t = std::uint16_t;
using u32_t = std::uint32_t;
using u64_t = std::uint64_t;
} // namespace integers

class Conn;

/// What happens to a connection; inherit it and pass it to RegisterConnSpi. On the connection's thread.
class SPI_Conn {
public:
    virtual ~SPI_Conn() = default;

    /// The connection is established (`nErrCode` 0), or an attempt failed. A failure is reported once until the connection is
    /// established; meanwhile the library tries again. The high 32 bits of `nErrCode` are the kind. 100: InitConnect failed,
    /// and the low 32 bits are 0 unknown, 1 timeout, 3 disconnect, 4 could not send, 5 refused by OpenD. Otherwise the socket
    /// failed (1 create, 4 name not found, 6 connect, 9 select, 10 send, 11 receive), and the low 32 bits are errno.
    virtual void OnInitConnect(Conn *pConn, std::int64_t nErrCode, const char *strDesc) {
        (void)pConn, (void)nErrCode, (void)strDesc;
    }

    /// The connection was lost; `nErrCode` as above. The library connects again, and OnInitConnect tells when the connection is
    /// established, unless SetAutoReconnect(false) was called.
    virtual void OnDisConnect(Conn *pConn, std::int64_t nErrCode) { (void)pConn, (void)nErrCode; }
};

/// Answers; inherit it and pass it to RegisterQotSpi. On the connection's thread.
class SPI_Qot {
public:
    virtual ~SPI_Qot() = default;

    /// The answer to a request, exactly once. Where no answer came, `retType` says why (-100 timeout, -200 disconnected,
    /// -500 damaged, -400 else) and `retMsg` says it in words.
    virtual void OnReply_GetCapitalDistribution(std::uint32_t nSerialNo,
                                                const Qot_GetCapitalDistribution::Response &stRsp) {
        (void)nSerialNo, (void)stRsp;
    }
};

/// Trading is not part of this library; here for samples that inherit it.
class SPI_Trd {
public:
    virtual ~SPI_Trd() = default;
};

namespace detail {

/// What callbacks share with the API object, and what outlives it until the last of them.
struct Shared {
    std::mutex mutex;
    Conn *conn = nullptr;
    SPI_Conn *conn_spi = nullptr;
    SPI_Qot *qot_spi = nullptr;
    bool is_down_told = false;

    // Copied out: no lock is held while the application's code runs.
    std::pair<Conn *, SPI_Conn *> for_conn() {
        std::lock_guard<std::mutex> guard(mutex);
        return {conn, conn_spi};
    }
    /// The same once an attempt failed, and nobody where that was told already.
    std::pair<Conn *, SPI_Conn *> for_failure() {
        std::lock_guard<std::mutex> guard(mutex);
        return {conn, std::exchange(is_down_told, true) ? nullptr : conn_spi};
    }
    void tell_failures(bool is_told) {
        std::lock_guard<std::mutex> guard(mutex);
        is_down_told = is_told;
    }
    SPI_Qot *for_qot() {
        std::lock_guard<std::mutex> guard(mutex);
        return qot_spi;
    }
};

/// The gateway's answer, or why there is none. Never a success that the library did not call one.
inline Qot_GetCapitalDistribution::Response response_of(const reply_view &reply) {
    Qot_GetCapitalDistribution::Response response;
    const std::string_view body = reply.body();
    const bool parsed = !body.empty() && response.ParseFromArray(body.data(), static_cast<int>(body.size()));
    if (parsed && (reply.ok() || response.rettype() != 0)) return response;
    response.Clear();
    std::int32_t ret_type = -400;
    switch (reply.status()) {
    case status::queue_timeout:
    case status::reply_timeout:
    case status::connect_timeout: ret_type = -100; break;
    case status::disconnected:
    case status::connect_failed:
    case status::connect_refused:
    case status::not_connected:
    case status::released: ret_type = -200; break;
    case status::malformed_reply: ret_type = -500; break;
    default: break;
    }
    response.set_rettype(ret_type);
    response.set_retmsg(std::string(reply.desc()));
    return response;
}

} // namespace detail

/// A connection, before it has a purpose. Every function may be called from any thread and in any callback.
class Conn {
public:
    Conn() { shared_->conn = this; }
    virtual ~Conn() { Close(); }
    Conn(const Conn &) = delete;
    Conn &operator=(const Conn &) = delete;

    /// Names the program to the gateway; call it before InitConnect.
    void SetClientInfo(const char *szClientID, std::int32_t nClientVer) {
        std::lock_guard<std::mutex> guard(mutex_);
        client_id_ = szClientID ? szClientID : "";
        client_version_ = nClientVer;
    }

    /// The RSA key as PEM text, for InitConnect with encryption; call it before that.
    void SetRSAPrivateKey(const char *strRSAPrivateKey) {
        std::lock_guard<std::mutex> guard(mutex_);
        rsa_private_key_ = strRSAPrivateKey ? strRSAPrivateKey : "";
    }

    /// Ours: whether a connection that was lost, or could not be made, is made again by itself, which is so unless it is turned
    /// off. Call it before InitConnect.
    void SetAutoReconnect(bool bReconnect) {
        std::lock_guard<std::mutex> guard(mutex_);
        reconnect_ = bReconnect;
    }

    /// Starts to connect; OnInitConnect tells how it went. One that is open is closed first, so that a program may as well call
    /// this itself when the connection is lost. Returns false, and nothing
    /// comes, for what is refused: a bad address, encryption without a key or with one that can't be used.
    bool InitConnect(const char *szIPAddr, std::uint16_t nPort, bool bEnableEncrypt) {
        Close();
        std::lock_guard<std::mutex> guard(mutex_);
        if (bEnableEncrypt && rsa_private_key_.empty()) return false;
        options given(szIPAddr ? szIPAddr : "", nPort);
        given.client_id = client_id_;
        given.client_version = client_version_;
        given.reconnect = reconnect_;
        given.outage_mode = outage_mode::fail;
        if (bEnableEncrypt) given.rsa_private_key = rsa_private_key_;
        shared_->tell_failures(false);
        given.on_init_connect = [shared = shared_](connection_ref, std::int64_t err_code, std::string_view desc) {
            shared->tell_failures(err_code != 0);
            const auto [conn, spi] = shared->for_conn();
            if (spi) spi->OnInitConnect(conn, err_code, desc.data()); // C's text: it ends with a NUL
        };
        given.on_attempt_failed = [shared = shared_](connection_ref, std::int64_t err_code, std::string_view desc) {
            const auto [conn, spi] = shared->for_failure();
            if (spi) spi->OnInitConnect(conn, err_code, desc.data());
        };
        given.on_disconnect = [shared = shared_](connection_ref, std::int64_t err_code, std::string_view) {
            shared->tell_failures(true);
            const auto [conn, spi] = shared->for_conn();
            if (spi) spi->OnDisConnect(conn, err_code);
        };
        std::error_code refused;
        connection_ = connection(std::move(given), refused);
        return !refused;
    }

    /// Closes the connection. What is in flight is answered with retType -200 before this returns; in a callback, after
    /// that callback.
    void Close() {
        connection closing;
        {
            std::lock_guard<std::mutex> guard(mutex_);
            closing = std::move(connection_);
        }
    }

    /// The gateway's number for this connection; 0 before the first handshake.
    std::uint64_t GetConnectID() {
        try {
            return current().info().conn_id;
        } catch (const error &) {
            return 0;
        }
    }

    /// Callbacks that began before go on; those after it go to `pSpi`, which must live until it is unregistered and they
    /// have ended.
    void RegisterConnSpi(SPI_Conn *pSpi) {
        std::lock_guard<std::mutex> guard(shared_->mutex);
        shared_->conn_spi = pSpi;
    }
    void UnregisterConnSpi() { RegisterConnSpi(nullptr); }

protected:
    connection_ref current() {
        std::lock_guard<std::mutex> guard(mutex_);
        return connection_;
    }

    std::shared_ptr<detail::Shared> shared_ = std::make_shared<detail::Shared>();

private:
    std::mutex mutex_;
    connection connection_;
    std::string client_id_;
    std::int32_t client_version_ = 101;
    std::string rsa_private_key_;
    bool reconnect_ = true;
};

/// A connection for quotes.
class Qot : public Conn {
public:
    void RegisterQotSpi(SPI_Qot *pSpi) {
        std::lock_guard<std::mutex> guard(shared_->mutex);
        shared_->qot_spi = pSpi;
    }
    void UnregisterQotSpi() { RegisterQotSpi(nullptr); }

    /// Asks for a stock's capital distribution; OnReply_GetCapitalDistribution gets the answer. Returns its serial number,
    /// or 0 if it was refused, and then nothing comes; so it is while the gateway cannot be reached.
    std::uint32_t GetCapitalDistribution(const Qot_GetCapitalDistribution::Request &stReq) {
        if (!stReq.IsInitialized()) return 0;
        const auto &asked = stReq.c2s().security();
        try {
            request_options given;
            if (stReq.c2s().has_header()) given.security_firm = stReq.c2s().header().securityfirm();
            return current().get_capital_distribution(
                security(static_cast<market>(asked.market()), asked.code()),
                [shared = shared_](const reply_view &reply) {
                    if (SPI_Qot *spi = shared->for_qot()) {
                        spi->OnReply_GetCapitalDistribution(reply.serial_no(), detail::response_of(reply));
                    }
                },
                given);
        } catch (const error &) {
            return 0;
        }
    }
};

/// Where it begins and ends.
class API {
public:
    static void Init() {}
    static void UnInit() {}

    static Qot *CreateQotApi() { return new Qot; }

    /// Closes and frees, from anywhere. Outside callbacks, none runs once it has returned. In a callback, none but the one
    /// that runs: what was in flight is not answered.
    static void ReleaseQotApi(Qot *pApi) {
        if (!pApi) return;
        pApi->Close();
        pApi->UnregisterConnSpi();
        pApi->UnregisterQotSpi();
        delete pApi;
    }
};

} // namespace capdist::vendor

#endif
