using System;
using System.Threading;
using Futu.OpenApi;
using Futu.OpenApi.Pb;

public class Program: FTSPI_Qot, FTSPI_Conn {
    FTAPI_Qot qot = new FTAPI_Qot();

    public Program() {
        qot.SetClientInfo("csharp", 1); //Set client information
        qot.SetConnCallback(this); //Set connection callback
        qot.SetQotCallback(this); //Set transaction callback
    }

    public void Start() {
        qot.InitConnect("127.0.0.1", (ushort)11111, false);
    }

    public void OnInitConnect(FTAPI_Conn client, long errCode, String desc)
    {
        Console.Write("Qot onInitConnect: ret={0} desc={1} connID={2}\n", errCode, desc, client.GetConnectID());
        if (errCode != 0)
            return;
        QotCommon.Security sec = QotCommon.Security.CreateBuilder()
                .SetMarket((int)QotCommon.QotMarket.QotMarket_HK_Security)
                .SetCode("00700")
                .Build();
        QotGetCapitalDistribution.C2S c2s = QotGetCapitalDistribution.C2S.CreateBuilder()
                .SetSecurity(sec)
                .Build();
        QotGetCapitalDistribution.Request req = QotGetCapitalDistribution.Request.CreateBuilder().SetC2S(c2s).Build();
        uint seqNo = qot.GetCapitalDistribution(req);
        Console.Write("Send QotGetCapitalDistribution: {0}\n", seqNo);
    }

    public void OnDisconnect(FTAPI_Conn client, long errCode) {
        Console.Write("Qot onDisConnect: {0}\n", errCode);
    }

    public void OnReply_GetCapitalDistribution(FTAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp)
    {
        Console.Write("Reply: QotGetCapitalDistribution: {0} {1}\n", nSerialNo, rsp.ToString());
        Console.Write("inFlow: {0}\n", rsp.S2C.CapitalInBig);
    }

    public static void Main(String[] args) {
        FTAPI.Init();
        Program qot = new Program();
        qot.Start();
        while (true)
            Thread.Sleep(1000 * 600);
    }
}
