using Capdist.Vendor;
using Futu.OpenApi.Pb;

namespace Futu.OpenApi
{
    /// <inheritdoc/>
    public class FTAPI : Api
    {
    }

    /// <inheritdoc/>
    public interface FTSPI_Conn : IConnCallback<FTAPI_Conn>
    {
    }

    /// <inheritdoc/>
    public interface FTSPI_Qot : IQotCallback<FTAPI_Conn>
    {
    }

    /// <inheritdoc/>
    public class FTAPI_Conn : Conn<FTAPI_Conn, FTSPI_Conn>
    {
    }

    /// <summary>A connection for quotes.</summary>
    public class FTAPI_Qot : FTAPI_Conn
    {
        /// <summary>Who gets the answers; null: nobody.</summary>
        public void SetQotCallback(FTSPI_Qot callback) => QotCallback = callback;

        /// <summary>Asks for a stock's capital distribution; OnReply_GetCapitalDistribution gets the answer. Returns its
        /// serial number, or 0 if it was refused, and then nothing comes.</summary>
        public uint GetCapitalDistribution(QotGetCapitalDistribution.Request req) => Ask(req);
    }
}
