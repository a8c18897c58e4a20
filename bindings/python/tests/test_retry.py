"""Whether to repeat: for replies, for refused calls, and with an older library, which does not have the field."""

from __future__ import annotations

import ctypes

import pytest
from capdist import (
    ArgumentError,
    CapitalDistribution,
    Client,
    ClosedError,
    ProtoReply,
    RefusedError,
    RequestTimeoutError,
    Retry,
    Status,
    _model,
    _native,
)
from capdist._status import retry_of
from conftest import Start
from support import PATIENCE, ROOT, wait_until


def test_a_refusal_tells_whether_it_may_pass(simulator: Start) -> None:
    with Client(port=simulator().port) as client:
        with pytest.raises(RefusedError) as refused:
            client.capital_distribution("HK.99999")
        assert refused.value.retry is Retry.NEVER
        replies: list[ProtoReply] = []
        client.send_proto(3212, bytes.fromhex("0a0b0a0908011205393939 3939".replace(" ", "")), replies.append)
        assert wait_until(lambda: bool(replies))
        assert (replies[0].status, replies[0].retry) == (Status.REFUSED, Retry.NEVER)


def test_a_timeout_may_pass(simulator: Start) -> None:
    with Client(port=simulator("--latency", "1500").port) as client:
        client.wait_ready(PATIENCE)
        with pytest.raises(RequestTimeoutError) as late:
            client.capital_distribution("HK.00700", reply_timeout=0.05)
        assert late.value.retry is Retry.LATER


def test_a_refused_call_tells_by_its_status(simulator: Start) -> None:
    client = Client(port=simulator().port)
    with pytest.raises(ArgumentError) as wrong:
        client.capital_distribution("nonsense")
    assert wrong.value.retry is Retry.NEVER
    client.close()
    with pytest.raises(ClosedError) as closed:
        client.capital_distribution("HK.00700")
    assert closed.value.retry is Retry.NEVER


def test_an_older_library_s_struct_is_not_read_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The struct of an older library ends before `retry`."""
    for struct, read in ((_native.Reply, _model.result_of), (_native.ProtoReply, _model.proto_reply_of)):
        size = struct._retry.offset
        memory = (ctypes.c_ubyte * (size + 8))(*([0] * size + [1] * 8))
        old = ctypes.cast(memory, ctypes.POINTER(struct)).contents
        old.status = Status.REFUSED
        result = read(old, "HK.00700") if struct is _native.Reply else read(old)  # type: ignore[operator]
        assert not isinstance(result, CapitalDistribution) and result.retry is Retry.UNKNOWN
    # It also lacks the function.
    monkeypatch.setattr(_native, "lib", object())
    assert _native.retry_of_status(Status.RELEASED) is Retry.UNKNOWN


def test_what_only_a_newer_library_knows_is_unknown() -> None:
    assert retry_of(77) is Retry.UNKNOWN and retry_of(3) is Retry.AFTER


def spellings() -> list[tuple[str, str, str]]:
    """The table that all languages share: a text, the security that it means, the suggestion of the error."""
    lines = (ROOT / "Tests" / "cases" / "securities.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line and not line.startswith("# ")]
    escapes = (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"))
    table = []
    for text, read, meant in rows:
        for escape, character in escapes:
            text = text.replace(escape, character)
        table.append((text, read, meant))
    return table


def test_securities_are_read_as_people_write_them(simulator: Start) -> None:
    from capdist._arguments import parse_security

    names: set[str] = set()
    for text, read, meant in spellings():
        if read != "-":
            security = parse_security(text)
            buffer = ctypes.create_string_buffer(80)
            _native.lib.capdist_security_format(ctypes.byref(security), buffer, 80)
            assert buffer.value.decode() == read, text
            names.add(read)
            continue
        with pytest.raises(ArgumentError) as refused:
            parse_security(text)
        assert f"was {meant} meant?" in str(refused.value) if meant != "-" else "meant" not in str(refused.value), text
    assert len(names) > 8
    gateway = simulator()
    with Client(port=gateway.port) as client:
        assert client.capital_distribution(" hk.00700\n") == client.capital_distribution(" hk.00700\n")
    assert {request["code"] for request in gateway.requests()} == {"00700"}
