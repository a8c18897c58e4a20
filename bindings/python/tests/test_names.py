"""Name lookup for a client that the event loop drives."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from capdist import ConnectError, LoopClient
from conftest import Start
from support import PATIENCE, ROOT, SilentGateway, Simulator, unused_port

TLS = ROOT / "Tests" / "vectors" / "tls"

pytestmark = pytest.mark.usefixtures("nothing_left")


class Names:
    """Replaces the loop's name lookup. `answers` has the result of each lookup; the last one is repeated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._look_up)

    async def _look_up(self, host: str, port: int, **_options: Any) -> list[Any]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        six = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0)) for one in addresses if ":" in one]
        return six + [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses if ":" not in one]


async def until(done: Any) -> None:
    """Waits until `done` returns true, while the loop runs."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_names_are_looked_up_by_the_loop(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        names = Names(monkeypatch, ["::1", "127.0.0.1"], [])
        async with await LoopClient.connect("gateway.test", gateway.port) as client:
            assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
        with pytest.raises(ConnectError, match="no-such-host.test was not found"):
            await LoopClient.connect("no-such-host.test", gateway.port)
        async with await LoopClient.connect("localhost", gateway.port) as client:
            await client.wait_ready()
        assert names.asked == ["gateway.test", "no-such-host.test"]

    asyncio.run(main())


def test_every_attempt_after_a_failure_looks_up_again(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[int] = []

    async def main() -> None:
        # Nothing listens at the first two addresses, then the name is unknown, then it has another address.
        names = Names(monkeypatch, ["127.0.0.2"], ["127.0.0.3"], [], ["127.0.0.1"])
        async with await LoopClient.connect(
            "gateway.test", gateway.port, reconnect_min=0.02, reconnect_max=0.05, on_disconnect=lambda *_: lost.append(1)
        ) as client:
            assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
            assert len(names.asked) == 4
            gateway.kill()
            await until(lambda: lost and len(names.asked) >= 6)

    asyncio.run(main())


def test_all_addresses_have_their_turn(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        # Nothing listens at the first address, and the one at the second never answers.
        names = Names(monkeypatch, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
        with socket.socket() as full, socket.socket() as one, socket.socket() as two:
            full.bind(("127.0.0.3", gateway.port))
            full.listen(0)
            for waiting in (one, two):
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            async with await LoopClient.connect("gateway.test", gateway.port, connect_timeout=2, reconnect=False) as client:
                assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
        assert len(names.asked) == 1

    asyncio.run(main())


def test_no_address_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        Names(monkeypatch, ["127.0.0.2", "127.0.0.3"])
        async with await LoopClient.connect("gateway.test", unused_port(), reconnect=False) as client:
            with pytest.raises(ConnectError, match=r"gateway\.test: port \d+ refused .*is OpenD running there"):
                await client.wait_ready()

    asyncio.run(main())


def test_a_name_that_is_gone_is_told(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        Names(monkeypatch, ["127.0.0.2"], [])
        async with await LoopClient.connect("gateway.test", gateway.port, reconnect_min=0.02, reconnect_max=0.02) as client:
            with pytest.raises(ConnectError, match="gateway.test was not found .Name or service not known."):
                await client.wait_ready(0.5)

    asyncio.run(main())


def test_cancelled_while_it_looks_up(silent: SilentGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        stuck = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lambda *_, **__: stuck)
        task = asyncio.create_task(LoopClient.connect("gateway.test", silent.port))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_closed_while_it_looks_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        names = Names(monkeypatch, ["127.0.0.2"])
        client = await LoopClient.connect("gateway.test", unused_port(), reconnect_min=0.02)
        asked: list[str] = []

        async def stuck(host: str, *_: Any, **__: Any) -> None:
            asked.append(host)
            await asyncio.get_running_loop().create_future()

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", stuck)
        await until(lambda: asked)
        # If the attempt ends during the lookup, the name is not looked up again.
        await asyncio.sleep(0.1)
        assert (len(names.asked), len(asked)) == (1, 1)
        client.close()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_the_certificate_is_for_the_name(simulator: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = ("--tls-cert", str(TLS / "other-name.pem"), "--tls-key", str(TLS / "key.pem"))
    port = simulator("--no-quota", "--websocket-port", "0", *certificate).websocket_port

    async def main() -> None:
        async def look_up(_host: str, port: int, **_options: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        async with await LoopClient.connect("quotes.example", port, tls=True, ca_file=TLS / "ca.pem", reconnect=False) as client:
            assert (await client.capital_distribution("HK.00700")).capital_in_big == 859479380.0
        async with await LoopClient.connect("other.example", port, tls=True, ca_file=TLS / "ca.pem", reconnect=False) as client:
            with pytest.raises(ConnectError, match="other.example"):
                await client.wait_ready()

    asyncio.run(main())


def test_the_gateway_is_asked_for_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def look_up(_host: str, port: int, **_options: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        for host, asked in {"quotes.example": "quotes.example", "127.0.0.1": "127.0.0.1"}.items():
            async with await LoopClient.connect(host, port, websocket_key="", reconnect=False) as client:
                with pytest.raises(ConnectError, match="has no WebSocket at this path"):
                    await client.wait_ready()
            assert f"\r\nHost: {asked}:{port}\r\n".encode() in heads.pop()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
