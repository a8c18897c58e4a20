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
        /// <summary>Who gets the answers; null: nobody.</summary>
        public void SetQotCallback(MMSPI_Qot callback) => QotCallback = callback;

        /// <summary>Asks for a stock's capital distribution; OnReply_GetCapitalDistribution gets the answer. Returns its
        /// serial number, or 0 if it was refused, and then nothing comes.</summary>
        public uint GetCapitalDistribution(QotGetCapitalDistribution.Request req) => Ask(req);
    }
}
