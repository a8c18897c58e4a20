/** Maps names to numbers, and numbers to names. */
type Enum<Names extends string> = { readonly [name in Names]: number } & { readonly [number: number]: string };

export declare const Common: {
  readonly RetType: Enum<
    | "RetType_Succeed"
    | "RetType_Failed"
    | "RetType_TimeOut"
    | "RetType_DisConnect"
    | "RetType_Unknown"
    | "RetType_Invalid"
  >;
};

export declare const Qot_Common: {
  readonly QotMarket: Enum<
    | "QotMarket_Unknown"
    | "QotMarket_HK_Security"
    | "QotMarket_US_Security"
    | "QotMarket_CNSH_Security"
    | "QotMarket_CNSZ_Security"
    | "QotMarket_SG_Security"
    | "QotMarket_JP_Security"
    | "QotMarket_AU_Security"
    | "QotMarket_MY_Security"
    | "QotMarket_CA_Security"
    | "QotMarket_FX_Security"
    | "QotMarket_CC_Security"
  >;
  readonly SubType: Enum<
    | "SubType_None"
    | "SubType_Basic"
    | "SubType_OrderBook"
    | "SubType_Ticker"
    | "SubType_RT"
    | "SubType_KL_Day"
    | "SubType_KL_5Min"
    | "SubType_KL_15Min"
    | "SubType_KL_30Min"
    | "SubType_KL_60Min"
    | "SubType_KL_1Min"
    | "SubType_KL_Week"
    | "SubType_KL_Month"
    | "SubType_Broker"
    | "SubType_KL_Qurater"
    | "SubType_KL_Year"
    | "SubType_KL_3Min"
  >;
};
