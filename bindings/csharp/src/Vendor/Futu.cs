using Capdist.Vendor;
using Futu.OpenApi.Pb;

namespace Futu.OpenApi
{
    /// <summary>Where it begins and ends; nothing needs to be done.</summary>
    public class FTAPI
    {
        /// <summary>Does nothing.</summary>
        public static void Init()
        {
        }

        /// <summary>Does nothing: connections are closed one by one.</summary>
        public static void UnInit()
        {
        }
    }

    /// <summary>What happens to a connection; on the connection's thread. What it throws goes to
    /// <see cref="Capdist.Client.CallbackException"/>.</summary>
    public interface FTSPI_Conn
    {
        /// <summary>The connection stands (errCode 0), or could not be made: <see cref="Conn.InitFail"/>.</summary>
        void OnInitConnect(FTAPI_Conn client, long errCode, string desc);

        /// <summary>The connection was lost. It is made again, and OnInitConnect tells when it stands, unless
        /// SetAutoReconnect(false) asked for no such thing.</summary>
        void OnDisconnect(FTAPI_Conn client, long errCode);
    }

    /// <summary>Answers; on the connection's thread.</summary>
    public interface FTSPI_Qot
    {
        /// <summary>The answer to a request, exactly once. Where no answer came, retType says why (-100 timeout, -200
        /// disconnected, -500 damaged, -400 else) and retMsg says it in words.</summary>
        void OnReply_GetCapitalDistribution(FTAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp);
    }

    /// <summary>A connection, before it has a purpose.</summary>
    public class FTAPI_Conn : Conn
    {
        private volatile FTSPI_Conn connCallback;

        /// <summary>Who is told; null: nobody.</summary>
        public void SetConnCallback(FTSPI_Conn callback)
        {
            connCallback = callback;
        }

        internal override void TellInitConnect(long errCode, string desc)
        {
            connCallback?.OnInitConnect(this, errCode, desc);
        }

        internal override void TellDisconnect(long errCode)
        {
            connCallback?.OnDisconnect(this, errCode);
        }

        internal override void TellReply(uint serialNo, QotGetCapitalDistribution.Response response)
        {
        }
    }

    /// <summary>A connection for quotes.</summary>
    public class FTAPI_Qot : FTAPI_Conn
    {
        private volatile FTSPI_Qot qotCallback;

        /// <summary>Who gets the answers; null: nobody.</summary>
        public void SetQotCallback(FTSPI_Qot callback)
        {
            qotCallback = callback;
        }

        /// <summary>Asks for a stock's capital distribution; OnReply_GetCapitalDistribution gets the answer. Returns its
        /// serial number, or 0 if it was refused, and then nothing comes.</summary>
        public uint GetCapitalDistribution(QotGetCapitalDistribution.Request req)
        {
            return Ask(req);
        }

        internal override void TellReply(uint serialNo, QotGetCapitalDistribution.Response response)
        {
            qotCallback?.OnReply_GetCapitalDistribution(this, serialNo, response);
        }
    }
}
