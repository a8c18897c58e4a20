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
        /// <summary>Sets who receives the answers; null: nobody.</summary>
        public void SetQotCallback(FTSPI_Qot callback) => QotCallback = callback;

        /// <summary>Requests a stock's capital distribution. The answer goes to OnReply_GetCapitalDistribution. Returns the
        /// request's serial number; 0 if refused, and then no answer follows.</summary>
        public uint GetCapitalDistribution(QotGetCapitalDistribution.Request req) => Ask(req);
    }
}
