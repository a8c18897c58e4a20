using Capdist.Vendor;
using Moomoo.OpenApi.Pb;

namespace Moomoo.OpenApi.Pb
{
    // One set of messages serves both brands: these have the same classes in them.

    /// <inheritdoc/>
    public abstract class Common : Futu.OpenApi.Pb.Common
    {
    }

    /// <inheritdoc/>
    public abstract class QotCommon : Futu.OpenApi.Pb.QotCommon
    {
    }

    /// <inheritdoc/>
    public abstract class QotGetCapitalDistribution : Futu.OpenApi.Pb.QotGetCapitalDistribution
    {
    }
}

namespace Moomoo.OpenApi
{
    /// <summary>Where it begins and ends; nothing needs to be done.</summary>
    public class MMAPI
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
    public interface MMSPI_Conn
    {
        /// <summary>The connection stands (errCode 0), or could not be made: <see cref="Conn.InitFail"/>.</summary>
        void OnInitConnect(MMAPI_Conn client, long errCode, string desc);

        /// <summary>The connection was lost. It is made again, and OnInitConnect tells when it stands, unless
        /// SetAutoReconnect(false) asked for no such thing.</summary>
        void OnDisconnect(MMAPI_Conn client, long errCode);
    }

    /// <summary>Answers; on the connection's thread.</summary>
    public interface MMSPI_Qot
    {
        /// <summary>The answer to a request, exactly once. Where no answer came, retType says why (-100 timeout, -200
        /// disconnected, -500 damaged, -400 else) and retMsg says it in words.</summary>
        void OnReply_GetCapitalDistribution(MMAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp);
    }

    /// <summary>A connection, before it has a purpose.</summary>
    public class MMAPI_Conn : Conn
    {
        private volatile MMSPI_Conn connCallback;

        /// <summary>Who is told; null: nobody.</summary>
        public void SetConnCallback(MMSPI_Conn callback)
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
    public class MMAPI_Qot : MMAPI_Conn
    {
        private volatile MMSPI_Qot qotCallback;

        /// <summary>Who gets the answers; null: nobody.</summary>
        public void SetQotCallback(MMSPI_Qot callback)
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
