using Capdist.Messages;

namespace Futu.OpenApi.Pb
{
    /// <summary>Qot_Common.proto, as far as it is needed. Not static, so that moomoo's inherits what is in it.</summary>
    public abstract class QotCommon
    {
        internal QotCommon()
        {
        }

        /// <summary>Markets.</summary>
        public enum QotMarket
        {
            /// <summary>Not known.</summary>
            QotMarket_Unknown = 0,
            /// <summary>Hong Kong.</summary>
            QotMarket_HK_Security = 1,
            /// <summary>United States.</summary>
            QotMarket_US_Security = 11,
            /// <summary>Shanghai.</summary>
            QotMarket_CNSH_Security = 21,
            /// <summary>Shenzhen.</summary>
            QotMarket_CNSZ_Security = 22,
            /// <summary>Singapore.</summary>
            QotMarket_SG_Security = 31,
            /// <summary>Japan.</summary>
            QotMarket_JP_Security = 41,
            /// <summary>Australia.</summary>
            QotMarket_AU_Security = 51,
            /// <summary>Malaysia.</summary>
            QotMarket_MY_Security = 61,
            /// <summary>Canada.</summary>
            QotMarket_CA_Security = 71,
            /// <summary>Foreign exchange.</summary>
            QotMarket_FX_Security = 81,
            /// <summary>Crypto currencies.</summary>
            QotMarket_CC_Security = 91
        }

        /// <summary>A stock, warrant or fund.</summary>
        public sealed class Security : Message<Security, Security.Builder>
        {
            /// <summary>The number of market.</summary>
            public const int MarketFieldNumber = 1;
            /// <summary>The number of code.</summary>
            public const int CodeFieldNumber = 2;

            private static readonly Field[] Table =
            {
                Field.Required(MarketFieldNumber, "market", 0),
                Field.Required(CodeFieldNumber, "code", "")
            };

            internal override Field[] Fields => Table;

            /// <summary>A QotMarket.</summary>
            public int Market => Get<int>(MarketFieldNumber);
            /// <summary>Whether market is there.</summary>
            public bool HasMarket => Has(MarketFieldNumber);

            /// <summary>"00700", "AAPL".</summary>
            public string Code => Get<string>(CodeFieldNumber);
            /// <summary>Whether code is there.</summary>
            public bool HasCode => Has(CodeFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<Security, Builder>
            {
                /// <summary>A QotMarket.</summary>
                public int Market
                {
                    get { return Get<int>(MarketFieldNumber); }
                    set { SetMarket(value); }
                }
                /// <summary>Whether market is there.</summary>
                public bool HasMarket => Has(MarketFieldNumber);
                /// <summary>Sets market.</summary>
                public Builder SetMarket(int value) => Set(MarketFieldNumber, value);
                /// <summary>Takes market away.</summary>
                public Builder ClearMarket() => Clear(MarketFieldNumber);

                /// <summary>"00700", "AAPL".</summary>
                public string Code
                {
                    get { return Get<string>(CodeFieldNumber); }
                    set { SetCode(value); }
                }
                /// <summary>Whether code is there.</summary>
                public bool HasCode => Has(CodeFieldNumber);
                /// <summary>Sets code.</summary>
                public Builder SetCode(string value) => Set(CodeFieldNumber, value);
                /// <summary>Takes code away.</summary>
                public Builder ClearCode() => Clear(CodeFieldNumber);
            }
        }

        /// <summary>What gateways since 10.11 take with a request.</summary>
        public sealed class QotHeader : Message<QotHeader, QotHeader.Builder>
        {
            /// <summary>The number of securityFirm.</summary>
            public const int SecurityFirmFieldNumber = 1;

            private static readonly Field[] Table =
            {
                Field.Optional(SecurityFirmFieldNumber, "securityFirm", 0)
            };

            internal override Field[] Fields => Table;

            /// <summary>The firm that is asked for; 0 is not sent.</summary>
            public int SecurityFirm => Get<int>(SecurityFirmFieldNumber);
            /// <summary>Whether securityFirm is there.</summary>
            public bool HasSecurityFirm => Has(SecurityFirmFieldNumber);

            /// <summary>Makes one.</summary>
            public sealed class Builder : Builder<QotHeader, Builder>
            {
                /// <summary>The firm that is asked for; 0 is not sent.</summary>
                public int SecurityFirm
                {
                    get { return Get<int>(SecurityFirmFieldNumber); }
                    set { SetSecurityFirm(value); }
                }
                /// <summary>Whether securityFirm is there.</summary>
                public bool HasSecurityFirm => Has(SecurityFirmFieldNumber);
                /// <summary>Sets securityFirm.</summary>
                public Builder SetSecurityFirm(int value) => Set(SecurityFirmFieldNumber, value);
                /// <summary>Takes securityFirm away.</summary>
                public Builder ClearSecurityFirm() => Clear(SecurityFirmFieldNumber);
            }
        }
    }
}
