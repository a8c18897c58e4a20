namespace Futu.OpenApi.Pb
{
    /// <summary>Common.proto, as far as it is needed. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class Common
    {
        internal Common()
        {
        }

        /// <summary>What became of a request.</summary>
        public enum RetType
        {
            /// <summary>Done.</summary>
            RetType_Succeed = 0,
            /// <summary>Failed.</summary>
            RetType_Failed = -1,
            /// <summary>No answer in time.</summary>
            RetType_TimeOut = -100,
            /// <summary>The connection was lost.</summary>
            RetType_DisConnect = -200,
            /// <summary>Not known.</summary>
            RetType_Unknown = -400,
            /// <summary>The message is none.</summary>
            RetType_Invalid = -500
        }
    }
}
