"""The vendor's constants that published programs use with capital distribution, with the vendor's values."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

#: Results of calls, with the vendor's numbers.
RET_OK = 0
RET_ERROR = -1

#: Stands for a value that is unknown or missing.
UNKNOWN = "N/A"


class Market:
    """The markets: the first part of a security's text."""

    NONE = UNKNOWN
    HK = "HK"
    US = "US"
    SH = "SH"
    SZ = "SZ"
    HK_FUTURE = "HK_FUTURE"
    SG = "SG"
    JP = "JP"
    AU = "AU"
    MY = "MY"
    CA = "CA"
    FX = "FX"
    CC = "CC"
    EC = "EC"


class SecurityFirm:
    """The securities firms, for ``security_firm=``."""

    NONE = UNKNOWN
    FUTUSECURITIES = "FUTUSECURITIES"
    FUTUINC = "FUTUINC"
    FUTUSG = "FUTUSG"
    FUTUAU = "FUTUAU"
    FUTUCA = "FUTUCA"
    FUTUMY = "FUTUMY"
    FUTUJP = "FUTUJP"


#: By their number in the protocol.
SECURITY_FIRMS: Tuple[str, ...] = (
    SecurityFirm.NONE,
    SecurityFirm.FUTUSECURITIES,
    SecurityFirm.FUTUINC,
    SecurityFirm.FUTUSG,
    SecurityFirm.FUTUAU,
    SecurityFirm.FUTUCA,
    SecurityFirm.FUTUMY,
    SecurityFirm.FUTUJP,
)


class ProtoFMT:
    """The formats of a body."""

    Protobuf = 0
    Json = 1


class ContextStatus:
    """The values of :attr:`OpenQuoteContext.status`. This package uses CONNECTING, READY and CLOSED only."""

    START = "START"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    READY = "READY"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    WAIT_RECONNECT = "WAIT_RECONNECT"


class MarketState:
    """The states of a market in the result of :meth:`OpenQuoteContext.get_global_state`."""

    NONE = "NONE"
    AUCTION = "AUCTION"
    WAITING_OPEN = "WAITING_OPEN"
    MORNING = "MORNING"
    REST = "REST"
    AFTERNOON = "AFTERNOON"
    CLOSED = "CLOSED"
    PRE_MARKET_BEGIN = "PRE_MARKET_BEGIN"
    PRE_MARKET_END = "PRE_MARKET_END"
    AFTER_HOURS_BEGIN = "AFTER_HOURS_BEGIN"
    AFTER_HOURS_END = "AFTER_HOURS_END"
    NIGHT_OPEN = "NIGHT_OPEN"
    NIGHT_END = "NIGHT_END"
    FUTURE_DAY_OPEN = "FUTURE_DAY_OPEN"
    FUTURE_DAY_BREAK = "FUTURE_DAY_BREAK"
    FUTURE_DAY_CLOSE = "FUTURE_DAY_CLOSE"
    FUTURE_DAY_WAIT_OPEN = "FUTURE_DAY_WAIT_OPEN"
    HK_CAS = "HK_CAS"
    FUTURE_NIGHT_WAIT = "FUTURE_NIGHT_WAIT"
    FUTURE_AFTERNOON = "FUTURE_AFTERNOON"
    FUTURE_SWITCH_DATE = "FUTURE_SWITCH_DATE"
    FUTURE_OPEN = "FUTURE_OPEN"
    FUTURE_BREAK = "FUTURE_BREAK"
    FUTURE_BREAK_OVER = "FUTURE_BREAK_OVER"
    FUTURE_CLOSE = "FUTURE_CLOSE"
    STIB_AFTER_HOURS_WAIT = "STIB_AFTER_HOURS_WAIT"
    ASHARE_AFTER_HOURS_WAIT = "ASHARE_AFTER_HOURS_WAIT"
    STIB_AFTER_HOURS_BEGIN = "STIB_AFTER_HOURS_BEGIN"
    ASHARE_AFTER_HOURS_BEGIN = "ASHARE_AFTER_HOURS_BEGIN"
    STIB_AFTER_HOURS_END = "STIB_AFTER_HOURS_END"
    ASHARE_AFTER_HOURS_END = "ASHARE_AFTER_HOURS_END"
    NIGHT = "NIGHT"
    TRADE_AT_LAST = "TRADE_AT_LAST"
    OVERNIGHT = "OVERNIGHT"


#: By their number in the protocol. Numbers that are not here are "N/A", as with the vendor.
MARKET_STATES: Dict[int, str] = {
    0: MarketState.NONE,
    1: MarketState.AUCTION,
    2: MarketState.WAITING_OPEN,
    3: MarketState.MORNING,
    4: MarketState.REST,
    5: MarketState.AFTERNOON,
    6: MarketState.CLOSED,
    8: MarketState.PRE_MARKET_BEGIN,
    9: MarketState.PRE_MARKET_END,
    10: MarketState.AFTER_HOURS_BEGIN,
    11: MarketState.AFTER_HOURS_END,
    13: MarketState.NIGHT_OPEN,
    14: MarketState.NIGHT_END,
    15: MarketState.FUTURE_DAY_OPEN,
    16: MarketState.FUTURE_DAY_BREAK,
    17: MarketState.FUTURE_DAY_CLOSE,
    18: MarketState.FUTURE_DAY_WAIT_OPEN,
    19: MarketState.HK_CAS,
    20: MarketState.FUTURE_NIGHT_WAIT,
    21: MarketState.FUTURE_AFTERNOON,
    22: MarketState.FUTURE_SWITCH_DATE,
    23: MarketState.FUTURE_OPEN,
    24: MarketState.FUTURE_BREAK,
    25: MarketState.FUTURE_BREAK_OVER,
    26: MarketState.FUTURE_CLOSE,
    27: MarketState.ASHARE_AFTER_HOURS_WAIT,
    28: MarketState.ASHARE_AFTER_HOURS_BEGIN,
    29: MarketState.ASHARE_AFTER_HOURS_END,
    32: MarketState.NIGHT,
    35: MarketState.TRADE_AT_LAST,
    37: MarketState.OVERNIGHT,
}


class ProgramStatusType:
    """The states of OpenD itself."""

    NONE = UNKNOWN
    LOADED = "LOADED"
    LOGING = "LOGING"
    NEED_PIC_VERIFY_CODE = "NEED_PIC_VERIFY_CODE"
    NEED_PHONE_VERIFY_CODE = "NEED_PHONE_VERIFY_CODE"
    LOGIN_FAILED = "LOGIN_FAILED"
    FORCE_UPDATE = "FORCE_UPDATE"
    NESSARY_DATA_PREPARING = "NESSARY_DATA_PREPARING"
    NESSARY_DATA_MISSING = "NESSARY_DATA_MISSING"
    UN_AGREE_DISCLAIMER = "UN_AGREE_DISCLAIMER"
    READY = "READY"
    FORCE_LOGOUT = "FORCE_LOGOUT"


#: By their number in the protocol.
PROGRAM_STATUSES: Tuple[str, ...] = (
    ProgramStatusType.NONE,
    ProgramStatusType.LOADED,
    ProgramStatusType.LOGING,
    ProgramStatusType.NEED_PIC_VERIFY_CODE,
    ProgramStatusType.NEED_PHONE_VERIFY_CODE,
    ProgramStatusType.LOGIN_FAILED,
    ProgramStatusType.FORCE_UPDATE,
    ProgramStatusType.NESSARY_DATA_PREPARING,
    ProgramStatusType.NESSARY_DATA_MISSING,
    ProgramStatusType.UN_AGREE_DISCLAIMER,
    ProgramStatusType.READY,
    ProgramStatusType.FORCE_LOGOUT,
)


class SysNotifyType:
    """The types of notifications."""

    NONE = UNKNOWN
    GTW_EVENT = "GTW_EVENT"
    PROGRAM_STATUS = "PROGRAM_STATUS"
    CONN_STATUS = "CONN_STATUS"
    QOT_RIGHT = "QOT_RIGHT"
    API_LEVEL = "API_LEVEL"
    API_QUOTA = "API_QUOTA"
    USED_QUOTA = "USED_QUOTA"


#: By their number in the protocol.
NOTIFY_TYPES: Tuple[str, ...] = (
    SysNotifyType.NONE,
    SysNotifyType.GTW_EVENT,
    SysNotifyType.PROGRAM_STATUS,
    SysNotifyType.CONN_STATUS,
    SysNotifyType.QOT_RIGHT,
    SysNotifyType.API_LEVEL,
    SysNotifyType.API_QUOTA,
    SysNotifyType.USED_QUOTA,
)


class GtwEventType:
    """Events of OpenD."""

    NONE = UNKNOWN
    LocalCfgLoadFailed = "LocalCfgLoadFailed"
    APISvrRunFailed = "APISvrRunFailed"
    ForceUpdate = "ForceUpdate"
    LoginFailed = "LoginFailed"
    UnAgreeDisclaimer = "UnAgreeDisclaimer"
    NetCfgMissing = "NetCfgMissing"
    KickedOut = "KickedOut"
    LoginPwdChanged = "LoginPwdChanged"
    BanLogin = "BanLogin"
    NeedPicVerifyCode = "NeedPicVerifyCode"
    NeedPhoneVerifyCode = "NeedPhoneVerifyCode"
    AppDataNotExist = "AppDataNotExist"
    NessaryDataMissing = "NessaryDataMissing"
    TradePwdChanged = "TradePwdChanged"
    EnableDeviceLock = "EnableDeviceLock"


#: By their number in the protocol.
GATEWAY_EVENTS: Tuple[str, ...] = (
    GtwEventType.NONE,
    GtwEventType.LocalCfgLoadFailed,
    GtwEventType.APISvrRunFailed,
    GtwEventType.ForceUpdate,
    GtwEventType.LoginFailed,
    GtwEventType.UnAgreeDisclaimer,
    GtwEventType.NetCfgMissing,
    GtwEventType.KickedOut,
    GtwEventType.LoginPwdChanged,
    GtwEventType.BanLogin,
    GtwEventType.NeedPicVerifyCode,
    GtwEventType.NeedPhoneVerifyCode,
    GtwEventType.AppDataNotExist,
    GtwEventType.NessaryDataMissing,
    GtwEventType.TradePwdChanged,
    GtwEventType.EnableDeviceLock,
)


class QotRight:
    """Rights to quotes."""

    NONE = UNKNOWN
    BMP = "BMP"
    LEVEL1 = "LV1"
    LEVEL2 = "LV2"
    SF = "SF"
    NO = "NO"
    LEVEL3 = "LV3"


#: By their number in the protocol.
QUOTE_RIGHTS: Tuple[str, ...] = (
    QotRight.NONE,
    QotRight.BMP,
    QotRight.LEVEL1,
    QotRight.LEVEL2,
    QotRight.SF,
    QotRight.NO,
    QotRight.LEVEL3,
)


def name_at(names: Tuple[str, ...], number: Optional[int]) -> str:
    """The name with that number; "N/A" if it is absent or not known."""
    return names[number] if number is not None and 0 <= number < len(names) else UNKNOWN
