// Generated from Sources/CMessages/proto by messages.py: do not edit. `make messages` writes it.
using Capdist.Messages;

namespace Futu.OpenApi.Pb
{
    /// <summary>Common.proto. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class Common
    {
        internal Common()
        {
        }

        /// <summary>RetType in the .proto file.</summary>
        public enum RetType
        {
            /// <summary>Succeed.</summary>
            RetType_Succeed = 0,
            /// <summary>Failed.</summary>
            RetType_Failed = -1,
            /// <summary>TimeOut.</summary>
            RetType_TimeOut = -100,
            /// <summary>DisConnect.</summary>
            RetType_DisConnect = -200,
            /// <summary>Unknown.</summary>
            RetType_Unknown = -400,
            /// <summary>Invalid.</summary>
            RetType_Invalid = -500,
        }
    }

    /// <summary>Qot_Common.proto. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class QotCommon
    {
        internal QotCommon()
        {
        }

        /// <summary>QotMarket in the .proto file.</summary>
        public enum QotMarket
        {
            /// <summary>Unknown.</summary>
            QotMarket_Unknown = 0,
            /// <summary>HK_Security.</summary>
            QotMarket_HK_Security = 1,
            /// <summary>US_Security.</summary>
            QotMarket_US_Security = 11,
            /// <summary>CNSH_Security.</summary>
            QotMarket_CNSH_Security = 21,
            /// <summary>CNSZ_Security.</summary>
            QotMarket_CNSZ_Security = 22,
            /// <summary>SG_Security.</summary>
            QotMarket_SG_Security = 31,
            /// <summary>JP_Security.</summary>
            QotMarket_JP_Security = 41,
            /// <summary>AU_Security.</summary>
            QotMarket_AU_Security = 51,
            /// <summary>MY_Security.</summary>
            QotMarket_MY_Security = 61,
            /// <summary>CA_Security.</summary>
            QotMarket_CA_Security = 71,
            /// <summary>FX_Security.</summary>
            QotMarket_FX_Security = 81,
            /// <summary>CC_Security.</summary>
            QotMarket_CC_Security = 91,
        }

        /// <summary>Security of the .proto file.</summary>
        public sealed class Security : Message<Security, Security.Builder>
        {
            /// <summary>The number of market.</summary>
            public const int MarketFieldNumber = 1;
            /// <summary>The number of code.</summary>
            public const int CodeFieldNumber = 2;
            private static readonly Field[] Table =
            {
                Field.Required(1, "market", 0),
                Field.Required(2, "code", ""),
            };
            internal override Field[] Fields => Table;
            /// <summary>QotMarket.</summary>
            public int Market => Get<int>(1);
            /// <summary>Whether market is there.</summary>
            public bool HasMarket => Has(1);
            /// <summary>code, required.</summary>
            public string Code => Get<string>(2);
            /// <summary>Whether code is there.</summary>
            public bool HasCode => Has(2);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Security, Builder>
            {
                /// <summary>QotMarket.</summary>
                public int Market
                {
                    get { return Get<int>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether market is there.</summary>
                public bool HasMarket => Has(1);
                /// <summary>Sets market.</summary>
                public Builder SetMarket(int value) => Set(1, value);
                /// <summary>Takes market away.</summary>
                public Builder ClearMarket() => Clear(1);
                /// <summary>code, required.</summary>
                public string Code
                {
                    get { return Get<string>(2); }
                    set { Set(2, value); }
                }
                /// <summary>Whether code is there.</summary>
                public bool HasCode => Has(2);
                /// <summary>Sets code.</summary>
                public Builder SetCode(string value) => Set(2, value);
                /// <summary>Takes code away.</summary>
                public Builder ClearCode() => Clear(2);
            }
        }

        /// <summary>QotHeader of the .proto file.</summary>
        public sealed class QotHeader : Message<QotHeader, QotHeader.Builder>
        {
            /// <summary>The number of securityFirm.</summary>
            public const int SecurityFirmFieldNumber = 1;
            private static readonly Field[] Table =
            {
                Field.Optional(1, "securityFirm", 0),
            };
            internal override Field[] Fields => Table;
            /// <summary>securityFirm, optional.</summary>
            public int SecurityFirm => Get<int>(1);
            /// <summary>Whether securityFirm is there.</summary>
            public bool HasSecurityFirm => Has(1);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<QotHeader, Builder>
            {
                /// <summary>securityFirm, optional.</summary>
                public int SecurityFirm
                {
                    get { return Get<int>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether securityFirm is there.</summary>
                public bool HasSecurityFirm => Has(1);
                /// <summary>Sets securityFirm.</summary>
                public Builder SetSecurityFirm(int value) => Set(1, value);
                /// <summary>Takes securityFirm away.</summary>
                public Builder ClearSecurityFirm() => Clear(1);
            }
        }
    }

    /// <summary>Qot_GetCapitalDistribution.proto. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class QotGetCapitalDistribution
    {
        internal QotGetCapitalDistribution()
        {
        }

        /// <summary>C2S of the .proto file.</summary>
        public sealed class C2S : Message<C2S, C2S.Builder>
        {
            /// <summary>The number of security.</summary>
            public const int SecurityFieldNumber = 1;
            /// <summary>The number of header.</summary>
            public const int HeaderFieldNumber = 100;
            private static readonly Field[] Table =
            {
                Field.Required(1, "security", QotCommon.Security.DefaultInstance),
                Field.Optional(100, "header", QotCommon.QotHeader.DefaultInstance),
            };
            internal override Field[] Fields => Table;
            /// <summary>security, required.</summary>
            public QotCommon.Security Security => Get<QotCommon.Security>(1);
            /// <summary>Whether security is there.</summary>
            public bool HasSecurity => Has(1);
            /// <summary>since 10.11.</summary>
            public QotCommon.QotHeader Header => Get<QotCommon.QotHeader>(100);
            /// <summary>Whether header is there.</summary>
            public bool HasHeader => Has(100);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<C2S, Builder>
            {
                /// <summary>security, required.</summary>
                public QotCommon.Security Security
                {
                    get { return Get<QotCommon.Security>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether security is there.</summary>
                public bool HasSecurity => Has(1);
                /// <summary>Sets security.</summary>
                public Builder SetSecurity(QotCommon.Security value) => Set(1, value);
                /// <summary>Sets security to what the builder builds.</summary>
                public Builder SetSecurity(QotCommon.Security.Builder value) => Set(1, value.Build());
                /// <summary>Takes security away.</summary>
                public Builder ClearSecurity() => Clear(1);
                /// <summary>since 10.11.</summary>
                public QotCommon.QotHeader Header
                {
                    get { return Get<QotCommon.QotHeader>(100); }
                    set { Set(100, value); }
                }
                /// <summary>Whether header is there.</summary>
                public bool HasHeader => Has(100);
                /// <summary>Sets header.</summary>
                public Builder SetHeader(QotCommon.QotHeader value) => Set(100, value);
                /// <summary>Sets header to what the builder builds.</summary>
                public Builder SetHeader(QotCommon.QotHeader.Builder value) => Set(100, value.Build());
                /// <summary>Takes header away.</summary>
                public Builder ClearHeader() => Clear(100);
            }
        }

        /// <summary>Request of the .proto file.</summary>
        public sealed class Request : Message<Request, Request.Builder>
        {
            /// <summary>The number of c2s.</summary>
            public const int C2SFieldNumber = 1;
            private static readonly Field[] Table =
            {
                Field.Required(1, "c2s", C2S.DefaultInstance),
            };
            internal override Field[] Fields => Table;
            /// <summary>c2s, required.</summary>
            public C2S C2S => Get<C2S>(1);
            /// <summary>Whether c2s is there.</summary>
            public bool HasC2S => Has(1);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Request, Builder>
            {
                /// <summary>c2s, required.</summary>
                public C2S C2S
                {
                    get { return Get<C2S>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether c2s is there.</summary>
                public bool HasC2S => Has(1);
                /// <summary>Sets c2s.</summary>
                public Builder SetC2S(C2S value) => Set(1, value);
                /// <summary>Sets c2s to what the builder builds.</summary>
                public Builder SetC2S(C2S.Builder value) => Set(1, value.Build());
                /// <summary>Takes c2s away.</summary>
                public Builder ClearC2S() => Clear(1);
            }
        }

        /// <summary>S2C of the .proto file.</summary>
        public sealed class S2C : Message<S2C, S2C.Builder>
        {
            /// <summary>The number of capitalInSuper.</summary>
            public const int CapitalInSuperFieldNumber = 9;
            /// <summary>The number of capitalInBig.</summary>
            public const int CapitalInBigFieldNumber = 1;
            /// <summary>The number of capitalInMid.</summary>
            public const int CapitalInMidFieldNumber = 2;
            /// <summary>The number of capitalInSmall.</summary>
            public const int CapitalInSmallFieldNumber = 3;
            /// <summary>The number of capitalOutSuper.</summary>
            public const int CapitalOutSuperFieldNumber = 10;
            /// <summary>The number of capitalOutBig.</summary>
            public const int CapitalOutBigFieldNumber = 4;
            /// <summary>The number of capitalOutMid.</summary>
            public const int CapitalOutMidFieldNumber = 5;
            /// <summary>The number of capitalOutSmall.</summary>
            public const int CapitalOutSmallFieldNumber = 6;
            /// <summary>The number of updateTime.</summary>
            public const int UpdateTimeFieldNumber = 7;
            /// <summary>The number of updateTimestamp.</summary>
            public const int UpdateTimestampFieldNumber = 8;
            private static readonly Field[] Table =
            {
                Field.Required(1, "capitalInBig", 0.0),
                Field.Required(2, "capitalInMid", 0.0),
                Field.Required(3, "capitalInSmall", 0.0),
                Field.Required(4, "capitalOutBig", 0.0),
                Field.Required(5, "capitalOutMid", 0.0),
                Field.Required(6, "capitalOutSmall", 0.0),
                Field.Optional(7, "updateTime", ""),
                Field.Optional(8, "updateTimestamp", 0.0),
                Field.Optional(9, "capitalInSuper", 0.0),
                Field.Optional(10, "capitalOutSuper", 0.0),
            };
            internal override Field[] Fields => Table;
            /// <summary>capitalInSuper, optional.</summary>
            public double CapitalInSuper => Get<double>(9);
            /// <summary>Whether capitalInSuper is there.</summary>
            public bool HasCapitalInSuper => Has(9);
            /// <summary>capitalInBig, required.</summary>
            public double CapitalInBig => Get<double>(1);
            /// <summary>Whether capitalInBig is there.</summary>
            public bool HasCapitalInBig => Has(1);
            /// <summary>capitalInMid, required.</summary>
            public double CapitalInMid => Get<double>(2);
            /// <summary>Whether capitalInMid is there.</summary>
            public bool HasCapitalInMid => Has(2);
            /// <summary>capitalInSmall, required.</summary>
            public double CapitalInSmall => Get<double>(3);
            /// <summary>Whether capitalInSmall is there.</summary>
            public bool HasCapitalInSmall => Has(3);
            /// <summary>capitalOutSuper, optional.</summary>
            public double CapitalOutSuper => Get<double>(10);
            /// <summary>Whether capitalOutSuper is there.</summary>
            public bool HasCapitalOutSuper => Has(10);
            /// <summary>capitalOutBig, required.</summary>
            public double CapitalOutBig => Get<double>(4);
            /// <summary>Whether capitalOutBig is there.</summary>
            public bool HasCapitalOutBig => Has(4);
            /// <summary>capitalOutMid, required.</summary>
            public double CapitalOutMid => Get<double>(5);
            /// <summary>Whether capitalOutMid is there.</summary>
            public bool HasCapitalOutMid => Has(5);
            /// <summary>capitalOutSmall, required.</summary>
            public double CapitalOutSmall => Get<double>(6);
            /// <summary>Whether capitalOutSmall is there.</summary>
            public bool HasCapitalOutSmall => Has(6);
            /// <summary>market's local wall clock, yyyy-MM-dd HH:mm:ss.</summary>
            public string UpdateTime => Get<string>(7);
            /// <summary>Whether updateTime is there.</summary>
            public bool HasUpdateTime => Has(7);
            /// <summary>Unix seconds.</summary>
            public double UpdateTimestamp => Get<double>(8);
            /// <summary>Whether updateTimestamp is there.</summary>
            public bool HasUpdateTimestamp => Has(8);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<S2C, Builder>
            {
                /// <summary>capitalInSuper, optional.</summary>
                public double CapitalInSuper
                {
                    get { return Get<double>(9); }
                    set { Set(9, value); }
                }
                /// <summary>Whether capitalInSuper is there.</summary>
                public bool HasCapitalInSuper => Has(9);
                /// <summary>Sets capitalInSuper.</summary>
                public Builder SetCapitalInSuper(double value) => Set(9, value);
                /// <summary>Takes capitalInSuper away.</summary>
                public Builder ClearCapitalInSuper() => Clear(9);
                /// <summary>capitalInBig, required.</summary>
                public double CapitalInBig
                {
                    get { return Get<double>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether capitalInBig is there.</summary>
                public bool HasCapitalInBig => Has(1);
                /// <summary>Sets capitalInBig.</summary>
                public Builder SetCapitalInBig(double value) => Set(1, value);
                /// <summary>Takes capitalInBig away.</summary>
                public Builder ClearCapitalInBig() => Clear(1);
                /// <summary>capitalInMid, required.</summary>
                public double CapitalInMid
                {
                    get { return Get<double>(2); }
                    set { Set(2, value); }
                }
                /// <summary>Whether capitalInMid is there.</summary>
                public bool HasCapitalInMid => Has(2);
                /// <summary>Sets capitalInMid.</summary>
                public Builder SetCapitalInMid(double value) => Set(2, value);
                /// <summary>Takes capitalInMid away.</summary>
                public Builder ClearCapitalInMid() => Clear(2);
                /// <summary>capitalInSmall, required.</summary>
                public double CapitalInSmall
                {
                    get { return Get<double>(3); }
                    set { Set(3, value); }
                }
                /// <summary>Whether capitalInSmall is there.</summary>
                public bool HasCapitalInSmall => Has(3);
                /// <summary>Sets capitalInSmall.</summary>
                public Builder SetCapitalInSmall(double value) => Set(3, value);
                /// <summary>Takes capitalInSmall away.</summary>
                public Builder ClearCapitalInSmall() => Clear(3);
                /// <summary>capitalOutSuper, optional.</summary>
                public double CapitalOutSuper
                {
                    get { return Get<double>(10); }
                    set { Set(10, value); }
                }
                /// <summary>Whether capitalOutSuper is there.</summary>
                public bool HasCapitalOutSuper => Has(10);
                /// <summary>Sets capitalOutSuper.</summary>
                public Builder SetCapitalOutSuper(double value) => Set(10, value);
                /// <summary>Takes capitalOutSuper away.</summary>
                public Builder ClearCapitalOutSuper() => Clear(10);
                /// <summary>capitalOutBig, required.</summary>
                public double CapitalOutBig
                {
                    get { return Get<double>(4); }
                    set { Set(4, value); }
                }
                /// <summary>Whether capitalOutBig is there.</summary>
                public bool HasCapitalOutBig => Has(4);
                /// <summary>Sets capitalOutBig.</summary>
                public Builder SetCapitalOutBig(double value) => Set(4, value);
                /// <summary>Takes capitalOutBig away.</summary>
                public Builder ClearCapitalOutBig() => Clear(4);
                /// <summary>capitalOutMid, required.</summary>
                public double CapitalOutMid
                {
                    get { return Get<double>(5); }
                    set { Set(5, value); }
                }
                /// <summary>Whether capitalOutMid is there.</summary>
                public bool HasCapitalOutMid => Has(5);
                /// <summary>Sets capitalOutMid.</summary>
                public Builder SetCapitalOutMid(double value) => Set(5, value);
                /// <summary>Takes capitalOutMid away.</summary>
                public Builder ClearCapitalOutMid() => Clear(5);
                /// <summary>capitalOutSmall, required.</summary>
                public double CapitalOutSmall
                {
                    get { return Get<double>(6); }
                    set { Set(6, value); }
                }
                /// <summary>Whether capitalOutSmall is there.</summary>
                public bool HasCapitalOutSmall => Has(6);
                /// <summary>Sets capitalOutSmall.</summary>
                public Builder SetCapitalOutSmall(double value) => Set(6, value);
                /// <summary>Takes capitalOutSmall away.</summary>
                public Builder ClearCapitalOutSmall() => Clear(6);
                /// <summary>market's local wall clock, yyyy-MM-dd HH:mm:ss.</summary>
                public string UpdateTime
                {
                    get { return Get<string>(7); }
                    set { Set(7, value); }
                }
                /// <summary>Whether updateTime is there.</summary>
                public bool HasUpdateTime => Has(7);
                /// <summary>Sets updateTime.</summary>
                public Builder SetUpdateTime(string value) => Set(7, value);
                /// <summary>Takes updateTime away.</summary>
                public Builder ClearUpdateTime() => Clear(7);
                /// <summary>Unix seconds.</summary>
                public double UpdateTimestamp
                {
                    get { return Get<double>(8); }
                    set { Set(8, value); }
                }
                /// <summary>Whether updateTimestamp is there.</summary>
                public bool HasUpdateTimestamp => Has(8);
                /// <summary>Sets updateTimestamp.</summary>
                public Builder SetUpdateTimestamp(double value) => Set(8, value);
                /// <summary>Takes updateTimestamp away.</summary>
                public Builder ClearUpdateTimestamp() => Clear(8);
            }
        }

        /// <summary>Response of the .proto file.</summary>
        public sealed class Response : Message<Response, Response.Builder>
        {
            /// <summary>The number of retType.</summary>
            public const int RetTypeFieldNumber = 1;
            /// <summary>The number of retMsg.</summary>
            public const int RetMsgFieldNumber = 2;
            /// <summary>The number of errCode.</summary>
            public const int ErrCodeFieldNumber = 3;
            /// <summary>The number of s2c.</summary>
            public const int S2CFieldNumber = 4;
            private static readonly Field[] Table =
            {
                Field.Required(1, "retType", -400),
                Field.Optional(2, "retMsg", ""),
                Field.Optional(3, "errCode", 0),
                Field.Optional(4, "s2c", S2C.DefaultInstance),
            };
            internal override Field[] Fields => Table;
            /// <summary>without its default, see Common.proto.</summary>
            public int RetType => Get<int>(1);
            /// <summary>Whether retType is there.</summary>
            public bool HasRetType => Has(1);
            /// <summary>retMsg, optional.</summary>
            public string RetMsg => Get<string>(2);
            /// <summary>Whether retMsg is there.</summary>
            public bool HasRetMsg => Has(2);
            /// <summary>errCode, optional.</summary>
            public int ErrCode => Get<int>(3);
            /// <summary>Whether errCode is there.</summary>
            public bool HasErrCode => Has(3);
            /// <summary>s2c, optional.</summary>
            public S2C S2C => Get<S2C>(4);
            /// <summary>Whether s2c is there.</summary>
            public bool HasS2C => Has(4);
            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Response, Builder>
            {
                /// <summary>without its default, see Common.proto.</summary>
                public int RetType
                {
                    get { return Get<int>(1); }
                    set { Set(1, value); }
                }
                /// <summary>Whether retType is there.</summary>
                public bool HasRetType => Has(1);
                /// <summary>Sets retType.</summary>
                public Builder SetRetType(int value) => Set(1, value);
                /// <summary>Takes retType away.</summary>
                public Builder ClearRetType() => Clear(1);
                /// <summary>retMsg, optional.</summary>
                public string RetMsg
                {
                    get { return Get<string>(2); }
                    set { Set(2, value); }
                }
                /// <summary>Whether retMsg is there.</summary>
                public bool HasRetMsg => Has(2);
                /// <summary>Sets retMsg.</summary>
                public Builder SetRetMsg(string value) => Set(2, value);
                /// <summary>Takes retMsg away.</summary>
                public Builder ClearRetMsg() => Clear(2);
                /// <summary>errCode, optional.</summary>
                public int ErrCode
                {
                    get { return Get<int>(3); }
                    set { Set(3, value); }
                }
                /// <summary>Whether errCode is there.</summary>
                public bool HasErrCode => Has(3);
                /// <summary>Sets errCode.</summary>
                public Builder SetErrCode(int value) => Set(3, value);
                /// <summary>Takes errCode away.</summary>
                public Builder ClearErrCode() => Clear(3);
                /// <summary>s2c, optional.</summary>
                public S2C S2C
                {
                    get { return Get<S2C>(4); }
                    set { Set(4, value); }
                }
                /// <summary>Whether s2c is there.</summary>
                public bool HasS2C => Has(4);
                /// <summary>Sets s2c.</summary>
                public Builder SetS2C(S2C value) => Set(4, value);
                /// <summary>Sets s2c to what the builder builds.</summary>
                public Builder SetS2C(S2C.Builder value) => Set(4, value.Build());
                /// <summary>Takes s2c away.</summary>
                public Builder ClearS2C() => Clear(4);
            }
        }
    }
}

namespace Moomoo.OpenApi.Pb
{
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
