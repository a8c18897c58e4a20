// Generated from Futu.cs by moomoo.sed: do not edit. `make messages` writes it.
using Capdist.Vendor;
using Moomoo.OpenApi.Pb;

namespace Moomoo.OpenApi
{
    /// <inheritdoc/>
    public class MMAPI : Api
    {
    }

    /// <inheritdoc/>
    public interface MMSPI_Conn : IConnCallback<MMAPI_Conn>
    {
    }

    /// <inheritdoc/>
    public interface MMSPI_Qot : IQotCallback<MMAPI_Conn>
    {
    }

    /// <inheritdoc/>
    public class MMAPI_Conn : Conn<MMAPI_Conn, MMSPI_Conn>
    {
    }

    /// <summary>A connection for quotes.</summary>
    public class MMAPI_Qot : MMAPI_Conn
    {
        /// <summary>Sets who receives the answers; null: nobody.</summary>
        public void SetQotCallback(MMSPI_Qot callback) => QotCallback = callback;

        /// <summary>Requests a stock's capital distribution. The answer goes to OnReply_GetCapitalDistribution. Returns the
        /// request's serial number; 0 if refused, and then no answer follows.</summary>
        public uint GetCapitalDistribution(QotGetCapitalDistribution.Request req) => Ask(req);
    }
}
