// The sample in the vendor's documentation. These lines up to the class are other ones.
#include <FTAPI.h>
#include <tool.h>

#include <iostream>

using namespace google;
using namespace std;

class Program : public FTSPI_Qot, public FTSPI_Trd, public FTSPI_Conn
{
public:
    Program() {
        m_pQotApi = FTAPI::CreateQotApi();
        m_pQotApi->RegisterQotSpi(this);
        m_pQotApi->RegisterConnSpi(this);
    }
    ~Program() {
        if (m_pQotApi != nullptr)
        {
            m_pQotApi->UnregisterQotSpi();
            m_pQotApi->UnregisterConnSpi();
            FTAPI::ReleaseQotApi(m_pQotApi);
            m_pQotApi = nullptr;
        }
    }
    void Start() {
        m_pQotApi->InitConnect("127.0.0.1", 11111, false);
    }
    virtual void OnInitConnect(FTAPI_Conn* pConn, Futu::i64_t nErrCode, const char* strDesc) {
        cout << "connect" << endl;
        // construct request message
        Qot_GetCapitalDistribution::Request req;
        Qot_GetCapitalDistribution::C2S *c2s = req.mutable_c2s();
        Qot_Common::Security *sec = c2s->mutable_security();
        sec->set_code("00700");
        sec->set_market(Qot_Common::QotMarket::QotMarket_HK_Security);
        m_GetCapitalDistributionSerialNo = m_pQotApi->GetCapitalDistribution(req);
        cout << "Request GetCapitalDistribution SerialNo: " << m_GetCapitalDistributionSerialNo << endl;
    }
    virtual void OnReply_GetCapitalDistribution(Futu::u32_t nSerialNo, const Qot_GetCapitalDistribution::Response &stRsp){
        if(nSerialNo == m_GetCapitalDistributionSerialNo)
        {
            cout << "OnReply_GetCapitalDistribution SerialNo: " << nSerialNo << endl;
            // print response
            // ProtoBufToBodyData and UTF8ToLocal refer to tool.h in Samples
            string resp_str;
            ProtoBufToBodyData(stRsp, resp_str);
            cout << UTF8ToLocal(resp_str) << endl;
        }
    }
protected:
    FTAPI_Qot *m_pQotApi;
    Futu::u32_t m_GetCapitalDistributionSerialNo;
};
int32_t main(int32_t argc, char** argv)
{
    FTAPI::Init();
    {
        Program program;
        program.Start();
        getchar();
    }
    protobuf::ShutdownProtobufLibrary();
    FTAPI::UnInit();
    return 0;
}
