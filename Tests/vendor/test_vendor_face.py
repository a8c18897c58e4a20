"""Compares capdist.futu with the vendor's package: signatures, names, numbers, and the results for the same messages."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import capdist.futu as ours
import futu as theirs
import pytest
from capdist import _vendor_messages, _vendor_names
from crypto import Handshake
from futu.common.pb import Common_pb2, GetGlobalState_pb2, Notify_pb2
from futu.quote.quote_query import GlobalStateQuery, SysNotifyPush
from gateway import INIT_CONNECT, Gateway
from simulator import PATIENCE_S, Simulator
from test_vendor_client import connected

KEY = Path(__file__).parents[1] / "vectors" / "rsa" / "1024.pem"

Start = Callable[..., Simulator]

METHODS = [
    "get_capital_distribution",
    "get_global_state",
    "set_handler",
    "set_sync_query_connect_timeout",
    "start",
    "stop",
]
SETTINGS = [
    "enable_proto_encrypt",
    "enable_console_log",
    "get_all_thread_daemon",
    "get_proto_fmt",
    "is_proto_encrypt",
    "set_all_thread_daemon",
    "set_client_info",
    "set_init_rsa_file",
    "set_proto_fmt",
]
#: Classes of constants, with how this package finds a constant by its number.
CONSTANTS: dict[str, Any] = {
    "GtwEventType": dict(enumerate(_vendor_names.GATEWAY_EVENTS)),
    "MarketState": _vendor_names.MARKET_STATES,
    "ProgramStatusType": dict(enumerate(_vendor_names.PROGRAM_STATUSES)),
    "QotRight": dict(enumerate(_vendor_names.QUOTE_RIGHTS)),
    "SecurityFirm": dict(enumerate(_vendor_names.SECURITY_FIRMS)),
    "SysNotifyType": dict(enumerate(_vendor_names.NOTIFY_TYPES)),
}


def arguments(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, defaults and kinds of a function's parameters."""
    return [(one.name, one.default, one.kind) for one in inspect.signature(function).parameters.values()]


def constants(kind: type) -> dict[str, Any]:
    """A class's constants."""
    return {name: value for name, value in vars(kind).items() if isinstance(value, (str, int)) and name[0] != "_"}


def test_the_constructor_takes_what_theirs_takes() -> None:
    expected = arguments(theirs.OpenQuoteContext.__init__)
    assert arguments(ours.OpenQuoteContext.__init__)[: len(expected)] == expected
    rest = arguments(ours.OpenQuoteContext.__init__)[len(expected) :]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for _, _, kind in rest)


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_what_theirs_take(name: str) -> None:
    assert arguments(getattr(ours.OpenQuoteContext, name)) == arguments(getattr(theirs.OpenQuoteContext, name))


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_take_what_theirs_take(name: str) -> None:
    assert arguments(getattr(ours.SysConfig, name)) == arguments(getattr(theirs.SysConfig, name))


def test_every_public_name_is_one_of_theirs() -> None:
    assert [name for name in ours.__all__ if not hasattr(theirs, name)] == ["ErrorText"]


@pytest.mark.parametrize("name", [*CONSTANTS, "ContextStatus", "Market", "ProtoFMT"])
def test_constants_are_theirs(name: str) -> None:
    kind = getattr(theirs, name)
    assert constants(getattr(ours, name)) == constants(kind)
    if name in CONSTANTS:
        assert kind().number_dic == CONSTANTS[name]


def test_both_tell_the_same_state(simulator: Start) -> None:
    gateway = simulator()
    with connected(gateway) as their_context, ours.OpenQuoteContext(port=gateway.port) as our_context:
        expected, told = their_context.get_global_state(), our_context.get_global_state()
    for state in (expected[1], told[1]):
        state.pop("timestamp"), state.pop("local_timestamp")
    assert told == expected
    assert list(told[1]) == list(expected[1])
    assert [type(value) for value in told[1].values()] == [type(value) for value in expected[1].values()]


def filled(message: Any, chance: random.Random) -> Any:
    """A message with every required field and some optional ones, with known and unknown numbers."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and chance.random() < 0.3:
            continue
        if field.message_type is not None:
            getattr(message, field.name).SetInParent()
            filled(getattr(message, field.name), chance)
        elif field.cpp_type == field.CPPTYPE_STRING:
            setattr(message, field.name, chance.choice(["", "掉线", "NN"]))
        elif field.cpp_type == field.CPPTYPE_DOUBLE:
            setattr(message, field.name, chance.choice([0.0, -1.5, 1654656261.25]))
        elif field.cpp_type == field.CPPTYPE_BOOL:
            setattr(message, field.name, chance.random() < 0.5)
        elif field.enum_type is not None:
            setattr(message, field.name, chance.choice(field.enum_type.values).number)
        else:
            setattr(message, field.name, chance.choice([*range(40), 2**31 - 1]))
    return message


@pytest.mark.parametrize("seed", range(200))
def test_both_read_the_same_of_a_state(seed: int) -> None:
    response = GetGlobalState_pb2.Response(retType=-1, retMsg="网络中断")
    if seed:
        response = GetGlobalState_pb2.Response(retType=0)
        # If localTime is missing, both use the current time.
        filled(response.s2c, random.Random(seed)).localTime = 1.0
    ret, msg, state = GlobalStateQuery.unpack_rsp(response)
    assert _vendor_messages.global_state(response.SerializeToString()) == (ret, state if ret == 0 else msg)


@pytest.mark.parametrize("seed", range(200))
def test_both_read_the_same_of_a_notification(seed: int) -> None:
    response = Notify_pb2.Response(retType=0)
    filled(response.s2c, random.Random(seed)).type = seed % 9
    assert ours.SysNotifyHandlerBase.parse_rsp_pb(response.SerializeToString()) == SysNotifyPush.unpack_rsp(response)


def test_a_notification_that_is_an_error_is_its_words() -> None:
    response = Notify_pb2.Response(retType=-1, retMsg="断线")
    assert ours.SysNotifyHandlerBase.parse_rsp_pb(response.SerializeToString()) == SysNotifyPush.unpack_rsp(response)


def test_refusals_are_the_same_text(simulator: Start) -> None:
    gateway = simulator()
    with connected(gateway) as their_context, ours.OpenQuoteContext(port=gateway.port) as our_context:
        for code in ("HK.800000", "HK.99999", "US.ES2412"):
            expected = their_context.get_capital_distribution(code)
            assert expected[0] == ours.RET_ERROR
            assert our_context.get_capital_distribution(code) == expected


@pytest.mark.parametrize("is_encrypt", [False, None])
def test_a_key_without_encryption_does_the_same(is_encrypt: bool | None) -> None:
    """Both encrypt InitConnect, and nothing after it."""
    for sdk in (theirs, ours):
        with Gateway(Handshake(KEY)) as gateway:
            gateway.answers_in_clear = True
            sdk.SysConfig.set_init_rsa_file(str(KEY))
            try:
                context = sdk.OpenQuoteContext("127.0.0.1", gateway.port, is_encrypt=is_encrypt, is_async_connect=True)
                context.set_sync_query_connect_timeout(PATIENCE_S)
                ret, data = context.get_capital_distribution("HK.00700")
                context.close()
            finally:
                sdk.SysConfig.set_init_rsa_file("")
            assert ret == theirs.RET_OK, data
            (first,) = gateway.of(INIT_CONNECT)
            assert first.message.c2s.packetEncAlgo == Common_pb2.PacketEncAlgo_None
        assert sdk is theirs or not gateway.failures  # the vendor's serial numbers are not in order


def test_every_state_of_the_program_has_its_number() -> None:
    assert len(_vendor_names.PROGRAM_STATUSES) <= len(Common_pb2.ProgramStatusType.values())
