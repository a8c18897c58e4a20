/// @file
/// The vendor's C++ classes for the capital distribution. FTAPI.h (futu) and MMAPI.h (moomoo) have each brand's names.
/// Header-only; needs the C++ classes that protoc generates from the `.proto` files.
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

/// The vendor's names of integer types. Each brand has them in a namespace of its own.
namespace integers {
using i32_t = std::int32_t;
using i64_t = std::int64_t;
using u16_t = std::uint16_t;
using u32_t = std::uint32_t;
using u64_t = std::uint64_t;
} // namespace integers

class Conn;

/// Events of a connection. Inherit it, and pass it to RegisterConnSpi. Called on the connection's thread.
class SPI_Conn {
public:
    virtual ~SPI_Conn() = default;

    /// The connection is established (`nErrCode` 0), or could not be. While the library tries again, only the first failure is
    /// reported. The high 32 bits of `nErrCode` are the kind, the low 32 bits the code. Kinds: 1 create, 4 name not found, 6
    /// connect, 9 select, 10 send, 11 receive (the code is errno); 100 InitConnect (0 unknown, 1 timeout, 3 disconnected, 4 not
    /// sent, 5 refused by OpenD).
    virtual void OnInitConnect(Conn *pConn, std::int64_t nErrCode, const char *strDesc) {
        (void)pConn, (void)nErrCode, (void)strDesc;
    }

    /// The connection was lost; `nErrCode` as above. The library reconnects by itself, and then calls OnInitConnect, unless
    /// SetAutoReconnect(false) was called.
    virtual void OnDisConnect(Conn *pConn, std::int64_t nErrCode) { (void)pConn, (void)nErrCode; }
};

/// Answers. Inherit it, and pass it to RegisterQotSpi. Called on the connection's thread.
class SPI_Qot {
public:
    virtual ~SPI_Qot() = default;

    /// The answer to a request, called exactly once. If no answer came, `retType` tells why (-100 timeout, -200 disconnected,
    /// -500 damaged, -400 other causes), and `retMsg` says it in words.
    virtual void OnReply_GetCapitalDistribution(std::uint32_t nSerialNo,
                                                const Qot_GetCapitalDistribution::Response &stRsp) {
        (void)nSerialNo, (void)stRsp;
    }
};

/// Trading is not part of this library. The class is here for samples that inherit it.
class SPI_Trd {
public:
    virtual ~SPI_Trd() = default;
};

namespace detail {

/// State that callbacks and the API object share. It lives until the last callback.
struct Shared {
    std::mutex mutex;
    Conn *conn = nullptr;
    SPI_Conn *conn_spi = nullptr;
    SPI_Qot *qot_spi = nullptr;
    bool is_down_told = false;

    // Returns copies: no lock is held while the application's code runs.
    std::pair<Conn *, SPI_Conn *> for_conn() {
        std::lock_guard<std::mutex> guard(mutex);
        return {conn, conn_spi};
    }
    /// The same for a failed attempt; null if the failure was reported already.
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

/// The gateway's answer, or why there is none. It is a success only if the library reports one.
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

/// A connection to the gateway. Every function may be called from any thread and from inside callbacks.
class Conn {
public:
    Conn() { shared_->conn = this; }
    virtual ~Conn() { Close(); }
    Conn(const Conn &) = delete;
    Conn &operator=(const Conn &) = delete;

    /// Sets the application's name and version, which are shown to the gateway. Call it before InitConnect.
    void SetClientInfo(const char *szClientID, std::int32_t nClientVer) {
        std::lock_guard<std::mutex> guard(mutex_);
        client_id_ = szClientID ? szClientID : "";
        client_version_ = nClientVer;
    }

    /// Sets the RSA key as PEM text, for InitConnect with encryption. Call it before InitConnect.
    void SetRSAPrivateKey(const char *strRSAPrivateKey) {
        std::lock_guard<std::mutex> guard(mutex_);
        rsa_private_key_ = strRSAPrivateKey ? strRSAPrivateKey : "";
    }

    /// Not in the vendor's SDK: whether the library tries again by itself after a failed attempt or a lost connection; default
    /// true. Call it before InitConnect.
    void SetAutoReconnect(bool bReconnect) {
        std::lock_guard<std::mutex> guard(mutex_);
        reconnect_ = bReconnect;
    }

    /// Starts to connect; OnInitConnect tells the result. A connection that is open is closed first, so an application may also
    /// call this when the connection was lost. Returns false if refused, and no callback follows: the address is not valid, or
    /// encryption was requested without a usable key.
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
            if (spi) spi->OnInitConnect(conn, err_code, desc.data()); // it ends with a NUL, as it comes from C
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

    /// Closes the connection. Requests in flight are answered with retType -200 before this returns. Inside a callback it
    /// returns at once, and they are answered after that callback.
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

    /// Sets who receives the connection's events. A callback that is running goes on. `pSpi` must live until it is unregistered
    /// and its running callbacks have returned.
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

    /// Requests a stock's capital distribution. The answer goes to OnReply_GetCapitalDistribution. Returns the request's serial
    /// number; 0 if refused, also during an outage, and then no answer follows.
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

/// Creates and releases connections.
class API {
public:
    static void Init() {}
    static void UnInit() {}

    static Qot *CreateQotApi() { return new Qot; }

    /// Closes and frees a connection, on any thread. Outside callbacks, no callback runs after it has returned. Inside a
    /// callback, none runs after that one: requests in flight are not answered.
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
