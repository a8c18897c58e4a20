using Capdist.Messages;

namespace Futu.OpenApi.Pb
{
    /// <summary>Qot_GetCapitalDistribution.proto. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class QotGetCapitalDistribution
    {
        internal QotGetCapitalDistribution()
        {
        }

        /// <summary>What is asked for.</summary>
        public sealed class C2S : Message<C2S, C2S.Builder>
        {
            /// <summary>The number of security.</summary>
            public const int SecurityFieldNumber = 1;
            /// <summary>The number of header.</summary>
            public const int HeaderFieldNumber = 100;

            private static readonly Field[] Table =
            {
                Field.Required(SecurityFieldNumber, "security", QotCommon.Security.DefaultInstance),
                Field.Optional(HeaderFieldNumber, "header", QotCommon.QotHeader.DefaultInstance)
            };

            internal override Field[] Fields => Table;

            /// <summary>The stock.</summary>
            public QotCommon.Security Security => Get<QotCommon.Security>(SecurityFieldNumber);
            /// <summary>Whether security is there.</summary>
            public bool HasSecurity => Has(SecurityFieldNumber);

            /// <summary>For gateways since 10.11.</summary>
            public QotCommon.QotHeader Header => Get<QotCommon.QotHeader>(HeaderFieldNumber);
            /// <summary>Whether header is there.</summary>
            public bool HasHeader => Has(HeaderFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<C2S, Builder>
            {
                /// <summary>The stock.</summary>
                public QotCommon.Security Security
                {
                    get { return Get<QotCommon.Security>(SecurityFieldNumber); }
                    set { SetSecurity(value); }
                }
                /// <summary>Whether security is there.</summary>
                public bool HasSecurity => Has(SecurityFieldNumber);
                /// <summary>Sets security.</summary>
                public Builder SetSecurity(QotCommon.Security value) => Set(SecurityFieldNumber, value);
                /// <summary>Sets security to what the builder builds.</summary>
                public Builder SetSecurity(QotCommon.Security.Builder value) => Set(SecurityFieldNumber, value.Build());
                /// <summary>Takes security away.</summary>
                public Builder ClearSecurity() => Clear(SecurityFieldNumber);

                /// <summary>For gateways since 10.11.</summary>
                public QotCommon.QotHeader Header
                {
                    get { return Get<QotCommon.QotHeader>(HeaderFieldNumber); }
                    set { SetHeader(value); }
                }
                /// <summary>Whether header is there.</summary>
                public bool HasHeader => Has(HeaderFieldNumber);
                /// <summary>Sets header.</summary>
                public Builder SetHeader(QotCommon.QotHeader value) => Set(HeaderFieldNumber, value);
                /// <summary>Sets header to what the builder builds.</summary>
                public Builder SetHeader(QotCommon.QotHeader.Builder value) => Set(HeaderFieldNumber, value.Build());
                /// <summary>Takes header away.</summary>
                public Builder ClearHeader() => Clear(HeaderFieldNumber);
            }
        }

        /// <summary>The request.</summary>
        public sealed class Request : Message<Request, Request.Builder>
        {
            /// <summary>The number of c2s.</summary>
            public const int C2SFieldNumber = 1;

            private static readonly Field[] Table =
            {
                Field.Required(C2SFieldNumber, "c2s", C2S.DefaultInstance)
            };

            internal override Field[] Fields => Table;

            /// <summary>What is asked for.</summary>
            public C2S C2S => Get<C2S>(C2SFieldNumber);
            /// <summary>Whether c2s is there.</summary>
            public bool HasC2S => Has(C2SFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Request, Builder>
            {
                /// <summary>What is asked for.</summary>
                public C2S C2S
                {
                    get { return Get<C2S>(C2SFieldNumber); }
                    set { SetC2S(value); }
                }
                /// <summary>Whether c2s is there.</summary>
                public bool HasC2S => Has(C2SFieldNumber);
                /// <summary>Sets c2s.</summary>
                public Builder SetC2S(C2S value) => Set(C2SFieldNumber, value);
                /// <summary>Sets c2s to what the builder builds.</summary>
                public Builder SetC2S(C2S.Builder value) => Set(C2SFieldNumber, value.Build());
                /// <summary>Takes c2s away.</summary>
                public Builder ClearC2S() => Clear(C2SFieldNumber);
            }
        }

        /// <summary>The figures.</summary>
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
                Field.Required(CapitalInBigFieldNumber, "capitalInBig", 0.0),
                Field.Required(CapitalInMidFieldNumber, "capitalInMid", 0.0),
                Field.Required(CapitalInSmallFieldNumber, "capitalInSmall", 0.0),
                Field.Required(CapitalOutBigFieldNumber, "capitalOutBig", 0.0),
                Field.Required(CapitalOutMidFieldNumber, "capitalOutMid", 0.0),
                Field.Required(CapitalOutSmallFieldNumber, "capitalOutSmall", 0.0),
                Field.Optional(UpdateTimeFieldNumber, "updateTime", ""),
                Field.Optional(UpdateTimestampFieldNumber, "updateTimestamp", 0.0),
                Field.Optional(CapitalInSuperFieldNumber, "capitalInSuper", 0.0),
                Field.Optional(CapitalOutSuperFieldNumber, "capitalOutSuper", 0.0)
            };

            internal override Field[] Fields => Table;

            /// <summary>Bought with extra-large orders, in the security's currency as all of these.</summary>
            public double CapitalInSuper => Get<double>(CapitalInSuperFieldNumber);
            /// <summary>Whether capitalInSuper is there.</summary>
            public bool HasCapitalInSuper => Has(CapitalInSuperFieldNumber);

            /// <summary>Bought with big orders.</summary>
            public double CapitalInBig => Get<double>(CapitalInBigFieldNumber);
            /// <summary>Whether capitalInBig is there.</summary>
            public bool HasCapitalInBig => Has(CapitalInBigFieldNumber);

            /// <summary>Bought with mid orders.</summary>
            public double CapitalInMid => Get<double>(CapitalInMidFieldNumber);
            /// <summary>Whether capitalInMid is there.</summary>
            public bool HasCapitalInMid => Has(CapitalInMidFieldNumber);

            /// <summary>Bought with small orders.</summary>
            public double CapitalInSmall => Get<double>(CapitalInSmallFieldNumber);
            /// <summary>Whether capitalInSmall is there.</summary>
            public bool HasCapitalInSmall => Has(CapitalInSmallFieldNumber);

            /// <summary>Sold with extra-large orders.</summary>
            public double CapitalOutSuper => Get<double>(CapitalOutSuperFieldNumber);
            /// <summary>Whether capitalOutSuper is there.</summary>
            public bool HasCapitalOutSuper => Has(CapitalOutSuperFieldNumber);

            /// <summary>Sold with big orders.</summary>
            public double CapitalOutBig => Get<double>(CapitalOutBigFieldNumber);
            /// <summary>Whether capitalOutBig is there.</summary>
            public bool HasCapitalOutBig => Has(CapitalOutBigFieldNumber);

            /// <summary>Sold with mid orders.</summary>
            public double CapitalOutMid => Get<double>(CapitalOutMidFieldNumber);
            /// <summary>Whether capitalOutMid is there.</summary>
            public bool HasCapitalOutMid => Has(CapitalOutMidFieldNumber);

            /// <summary>Sold with small orders.</summary>
            public double CapitalOutSmall => Get<double>(CapitalOutSmallFieldNumber);
            /// <summary>Whether capitalOutSmall is there.</summary>
            public bool HasCapitalOutSmall => Has(CapitalOutSmallFieldNumber);

            /// <summary>The market's local time, "yyyy-MM-dd HH:mm:ss".</summary>
            public string UpdateTime => Get<string>(UpdateTimeFieldNumber);
            /// <summary>Whether updateTime is there.</summary>
            public bool HasUpdateTime => Has(UpdateTimeFieldNumber);

            /// <summary>Unix time in seconds.</summary>
            public double UpdateTimestamp => Get<double>(UpdateTimestampFieldNumber);
            /// <summary>Whether updateTimestamp is there.</summary>
            public bool HasUpdateTimestamp => Has(UpdateTimestampFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<S2C, Builder>
            {
                /// <summary>Bought with extra-large orders, in the security's currency as all of these.</summary>
                public double CapitalInSuper
                {
                    get { return Get<double>(CapitalInSuperFieldNumber); }
                    set { SetCapitalInSuper(value); }
                }
                /// <summary>Whether capitalInSuper is there.</summary>
                public bool HasCapitalInSuper => Has(CapitalInSuperFieldNumber);
                /// <summary>Sets capitalInSuper.</summary>
                public Builder SetCapitalInSuper(double value) => Set(CapitalInSuperFieldNumber, value);
                /// <summary>Takes capitalInSuper away.</summary>
                public Builder ClearCapitalInSuper() => Clear(CapitalInSuperFieldNumber);

                /// <summary>Bought with big orders.</summary>
                public double CapitalInBig
                {
                    get { return Get<double>(CapitalInBigFieldNumber); }
                    set { SetCapitalInBig(value); }
                }
                /// <summary>Whether capitalInBig is there.</summary>
                public bool HasCapitalInBig => Has(CapitalInBigFieldNumber);
                /// <summary>Sets capitalInBig.</summary>
                public Builder SetCapitalInBig(double value) => Set(CapitalInBigFieldNumber, value);
                /// <summary>Takes capitalInBig away.</summary>
                public Builder ClearCapitalInBig() => Clear(CapitalInBigFieldNumber);

                /// <summary>Bought with mid orders.</summary>
                public double CapitalInMid
                {
                    get { return Get<double>(CapitalInMidFieldNumber); }
                    set { SetCapitalInMid(value); }
                }
                /// <summary>Whether capitalInMid is there.</summary>
                public bool HasCapitalInMid => Has(CapitalInMidFieldNumber);
                /// <summary>Sets capitalInMid.</summary>
                public Builder SetCapitalInMid(double value) => Set(CapitalInMidFieldNumber, value);
                /// <summary>Takes capitalInMid away.</summary>
                public Builder ClearCapitalInMid() => Clear(CapitalInMidFieldNumber);

                /// <summary>Bought with small orders.</summary>
                public double CapitalInSmall
                {
                    get { return Get<double>(CapitalInSmallFieldNumber); }
                    set { SetCapitalInSmall(value); }
                }
                /// <summary>Whether capitalInSmall is there.</summary>
                public bool HasCapitalInSmall => Has(CapitalInSmallFieldNumber);
                /// <summary>Sets capitalInSmall.</summary>
                public Builder SetCapitalInSmall(double value) => Set(CapitalInSmallFieldNumber, value);
                /// <summary>Takes capitalInSmall away.</summary>
                public Builder ClearCapitalInSmall() => Clear(CapitalInSmallFieldNumber);

                /// <summary>Sold with extra-large orders.</summary>
                public double CapitalOutSuper
                {
                    get { return Get<double>(CapitalOutSuperFieldNumber); }
                    set { SetCapitalOutSuper(value); }
                }
                /// <summary>Whether capitalOutSuper is there.</summary>
                public bool HasCapitalOutSuper => Has(CapitalOutSuperFieldNumber);
                /// <summary>Sets capitalOutSuper.</summary>
                public Builder SetCapitalOutSuper(double value) => Set(CapitalOutSuperFieldNumber, value);
                /// <summary>Takes capitalOutSuper away.</summary>
                public Builder ClearCapitalOutSuper() => Clear(CapitalOutSuperFieldNumber);

                /// <summary>Sold with big orders.</summary>
                public double CapitalOutBig
                {
                    get { return Get<double>(CapitalOutBigFieldNumber); }
                    set { SetCapitalOutBig(value); }
                }
                /// <summary>Whether capitalOutBig is there.</summary>
                public bool HasCapitalOutBig => Has(CapitalOutBigFieldNumber);
                /// <summary>Sets capitalOutBig.</summary>
                public Builder SetCapitalOutBig(double value) => Set(CapitalOutBigFieldNumber, value);
                /// <summary>Takes capitalOutBig away.</summary>
                public Builder ClearCapitalOutBig() => Clear(CapitalOutBigFieldNumber);

                /// <summary>Sold with mid orders.</summary>
                public double CapitalOutMid
                {
                    get { return Get<double>(CapitalOutMidFieldNumber); }
                    set { SetCapitalOutMid(value); }
                }
                /// <summary>Whether capitalOutMid is there.</summary>
                public bool HasCapitalOutMid => Has(CapitalOutMidFieldNumber);
                /// <summary>Sets capitalOutMid.</summary>
                public Builder SetCapitalOutMid(double value) => Set(CapitalOutMidFieldNumber, value);
                /// <summary>Takes capitalOutMid away.</summary>
                public Builder ClearCapitalOutMid() => Clear(CapitalOutMidFieldNumber);

                /// <summary>Sold with small orders.</summary>
                public double CapitalOutSmall
                {
                    get { return Get<double>(CapitalOutSmallFieldNumber); }
                    set { SetCapitalOutSmall(value); }
                }
                /// <summary>Whether capitalOutSmall is there.</summary>
                public bool HasCapitalOutSmall => Has(CapitalOutSmallFieldNumber);
                /// <summary>Sets capitalOutSmall.</summary>
                public Builder SetCapitalOutSmall(double value) => Set(CapitalOutSmallFieldNumber, value);
                /// <summary>Takes capitalOutSmall away.</summary>
                public Builder ClearCapitalOutSmall() => Clear(CapitalOutSmallFieldNumber);

                /// <summary>The market's local time, "yyyy-MM-dd HH:mm:ss".</summary>
                public string UpdateTime
                {
                    get { return Get<string>(UpdateTimeFieldNumber); }
                    set { SetUpdateTime(value); }
                }
                /// <summary>Whether updateTime is there.</summary>
                public bool HasUpdateTime => Has(UpdateTimeFieldNumber);
                /// <summary>Sets updateTime.</summary>
                public Builder SetUpdateTime(string value) => Set(UpdateTimeFieldNumber, value);
                /// <summary>Takes updateTime away.</summary>
                public Builder ClearUpdateTime() => Clear(UpdateTimeFieldNumber);

                /// <summary>Unix time in seconds.</summary>
                public double UpdateTimestamp
                {
                    get { return Get<double>(UpdateTimestampFieldNumber); }
                    set { SetUpdateTimestamp(value); }
                }
                /// <summary>Whether updateTimestamp is there.</summary>
                public bool HasUpdateTimestamp => Has(UpdateTimestampFieldNumber);
                /// <summary>Sets updateTimestamp.</summary>
                public Builder SetUpdateTimestamp(double value) => Set(UpdateTimestampFieldNumber, value);
                /// <summary>Takes updateTimestamp away.</summary>
                public Builder ClearUpdateTimestamp() => Clear(UpdateTimestampFieldNumber);
            }
        }

        /// <summary>The answer.</summary>
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
                Field.Required(RetTypeFieldNumber, "retType", (int)Common.RetType.RetType_Unknown),
                Field.Optional(RetMsgFieldNumber, "retMsg", ""),
                Field.Optional(ErrCodeFieldNumber, "errCode", 0),
                Field.Optional(S2CFieldNumber, "s2c", S2C.DefaultInstance)
            };

            internal override Field[] Fields => Table;

            /// <summary>A RetType: 0 is success.</summary>
            public int RetType => Get<int>(RetTypeFieldNumber);
            /// <summary>Whether retType is there.</summary>
            public bool HasRetType => Has(RetTypeFieldNumber);

            /// <summary>The gateway's words.</summary>
            public string RetMsg => Get<string>(RetMsgFieldNumber);
            /// <summary>Whether retMsg is there.</summary>
            public bool HasRetMsg => Has(RetMsgFieldNumber);

            /// <summary>The gateway's error code.</summary>
            public int ErrCode => Get<int>(ErrCodeFieldNumber);
            /// <summary>Whether errCode is there.</summary>
            public bool HasErrCode => Has(ErrCodeFieldNumber);

            /// <summary>The figures.</summary>
            public S2C S2C => Get<S2C>(S2CFieldNumber);
            /// <summary>Whether s2c is there.</summary>
            public bool HasS2C => Has(S2CFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Response, Builder>
            {
                /// <summary>A RetType: 0 is success.</summary>
                public int RetType
                {
                    get { return Get<int>(RetTypeFieldNumber); }
                    set { SetRetType(value); }
                }
                /// <summary>Whether retType is there.</summary>
                public bool HasRetType => Has(RetTypeFieldNumber);
                /// <summary>Sets retType.</summary>
                public Builder SetRetType(int value) => Set(RetTypeFieldNumber, value);
                /// <summary>Takes retType away.</summary>
                public Builder ClearRetType() => Clear(RetTypeFieldNumber);

                /// <summary>The gateway's words.</summary>
                public string RetMsg
                {
                    get { return Get<string>(RetMsgFieldNumber); }
                    set { SetRetMsg(value); }
                }
                /// <summary>Whether retMsg is there.</summary>
                public bool HasRetMsg => Has(RetMsgFieldNumber);
                /// <summary>Sets retMsg.</summary>
                public Builder SetRetMsg(string value) => Set(RetMsgFieldNumber, value);
                /// <summary>Takes retMsg away.</summary>
                public Builder ClearRetMsg() => Clear(RetMsgFieldNumber);

                /// <summary>The gateway's error code.</summary>
                public int ErrCode
                {
                    get { return Get<int>(ErrCodeFieldNumber); }
                    set { SetErrCode(value); }
                }
                /// <summary>Whether errCode is there.</summary>
                public bool HasErrCode => Has(ErrCodeFieldNumber);
                /// <summary>Sets errCode.</summary>
                public Builder SetErrCode(int value) => Set(ErrCodeFieldNumber, value);
                /// <summary>Takes errCode away.</summary>
                public Builder ClearErrCode() => Clear(ErrCodeFieldNumber);

                /// <summary>The figures.</summary>
                public S2C S2C
                {
                    get { return Get<S2C>(S2CFieldNumber); }
                    set { SetS2C(value); }
                }
                /// <summary>Whether s2c is there.</summary>
                public bool HasS2C => Has(S2CFieldNumber);
                /// <summary>Sets s2c.</summary>
                public Builder SetS2C(S2C value) => Set(S2CFieldNumber, value);
                /// <summary>Sets s2c to what the builder builds.</summary>
                public Builder SetS2C(S2C.Builder value) => Set(S2CFieldNumber, value.Build());
                /// <summary>Takes s2c away.</summary>
                public Builder ClearS2C() => Clear(S2CFieldNumber);
            }
        }
    }
}
