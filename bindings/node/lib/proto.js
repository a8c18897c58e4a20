// The vendor's enums that capital distribution needs. Each maps names to numbers, and numbers to names.
"use strict";

function enumOf(numbers) {
  const names = {};
  for (const [name, number] of Object.entries(numbers)) names[number] ??= name;
  return Object.freeze(Object.assign(Object.create(Object.freeze(names)), numbers));
}

const Common = Object.freeze({
  RetType: enumOf({
    RetType_Succeed: 0,
    RetType_Failed: -1,
    RetType_TimeOut: -100,
    RetType_DisConnect: -200,
    RetType_Unknown: -400,
    RetType_Invalid: -500,
  }),
});

const Qot_Common = Object.freeze({
  QotMarket: enumOf({
    QotMarket_Unknown: 0,
    QotMarket_HK_Security: 1,
    QotMarket_US_Security: 11,
    QotMarket_CNSH_Security: 21,
    QotMarket_CNSZ_Security: 22,
    QotMarket_SG_Security: 31,
    QotMarket_JP_Security: 41,
    QotMarket_AU_Security: 51,
    QotMarket_MY_Security: 61,
    QotMarket_CA_Security: 71,
    QotMarket_FX_Security: 81,
    QotMarket_CC_Security: 91,
  }),
  // The sample in the vendor's documentation imports it, and does not use it.
  SubType: enumOf({
    SubType_None: 0,
    SubType_Basic: 1,
    SubType_OrderBook: 2,
    SubType_Ticker: 4,
    SubType_RT: 5,
    SubType_KL_Day: 6,
    SubType_KL_5Min: 7,
    SubType_KL_15Min: 8,
    SubType_KL_30Min: 9,
    SubType_KL_60Min: 10,
    SubType_KL_1Min: 11,
    SubType_KL_Week: 12,
    SubType_KL_Month: 13,
    SubType_Broker: 14,
    SubType_KL_Qurater: 15,
    SubType_KL_Year: 16,
    SubType_KL_3Min: 17,
  }),
});

module.exports = { Common, Qot_Common };
