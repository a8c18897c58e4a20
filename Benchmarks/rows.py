"""The clients that are measured, and what is measured of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import tools

#: A mode in words.
MODES = {"one": "one at a time", "many": "64 in flight"}
#: The ciphers that are measured, as `packet_cipher`: the default, and what the vendor's client asks for.
CIPHERS = {0: "FTAES_ECB", 2: "AES_CBC"}
#: What else a gateway is reached over, against TCP in clear.
TRANSPORTS = {"websocket": "WebSocket", "tls": "WebSocket over TLS"}
#: A way to reach a gateway in words; None is TCP in clear.
WAYS = {**CIPHERS, **TRANSPORTS}


@dataclass(frozen=True)
class Client:
    """A client in one mode: a row of a table."""

    key: str
    name: str
    #: "C" or "Python"
    language: str
    #: "one" at a time or "many", 64 in flight
    mode: str
    command: tuple[str, ...]
    #: Requests of a full run.
    requests: int
    #: Key of the row its ratios are against.
    against: str
    #: One of WAYS: the packet_cipher of an encrypted gateway, or a transport; None: TCP in clear.
    way: int | str | None = None

    @property
    def quick_requests(self) -> int:
        """Requests of a quick run."""
        return max(self.requests // 20, 100)


@dataclass
class Row:
    """What was measured of a client, round by round where it is a list."""

    client: Client
    runs: list[dict[str, float]] = field(default_factory=list)
    #: System calls a request, by name.
    calls: dict[str, float] = field(default_factory=dict)
    instructions: float | None = None
    #: Why it was not measured; empty if it was.
    missing: str = ""

    def values(self, name: str) -> list[float]:
        """One figure of every round."""
        return [run[name] for run in self.runs]


def clients(python: str) -> list[Client]:
    """All rows, in the order of the tables."""
    c = str(tools.PROGRAMS) + "/"
    py = (python, str(tools.HERE / "python_client.py"))
    rows = [
        Client("minimal", "minimal C client", "C", "one", (c + "minimal_client", "one"), 20_000, "minimal"),
        Client("callback", "libcapdist, callbacks", "C", "one", (c + "capdist_client", "callback"), 20_000, "minimal"),
        Client("poll", "libcapdist, application-driven", "C", "one", (c + "capdist_client", "poll"), 20_000, "minimal"),
        Client("fetch", "libcapdist, blocking", "C", "one", (c + "capdist_client", "fetch"), 20_000, "minimal"),
        Client("minimal-thread", "minimal C client, 2 threads", "C", "one", (c + "minimal_client", "thread"), 20_000,
               "minimal"),
        Client("minimal64", "minimal C client", "C", "many", (c + "minimal_client", "many"), 100_000, "minimal64"),
        Client("together64", "minimal C client, asks together", "C", "many", (c + "minimal_client", "together"), 100_000,
               "minimal64"),
        Client(
            "callback64", "libcapdist, callbacks", "C", "many", (c + "capdist_client", "many"), 100_000, "minimal64"
        ),
        Client(
            "poll64", "libcapdist, application-driven", "C", "many", (c + "capdist_client", "poll-many"), 100_000, "minimal64"
        ),
    ]
    for cipher in CIPHERS:
        for mode, requests, ours in (("one", 20_000, "callback"), ("many", 100_000, "many")):
            minimal, words = f"minimal-{mode}-{cipher}", (mode, str(tools.RSA_KEY), str(cipher))
            rows += [
                Client(minimal, "minimal C client", "C", mode, (c + "minimal_client", *words), requests, minimal,
                       cipher),
                Client(f"callback-{mode}-{cipher}", "libcapdist, callbacks", "C", mode,
                       (c + "capdist_client", ours, *words[1:]), requests, minimal, cipher),
            ]  # fmt: skip
    for way in TRANSPORTS:
        words = (way, str(tools.TLS / "ca.pem")) if way == "tls" else (way,)
        for mode, requests, ours, tcp in (("one", 20_000, "callback", "callback"), ("many", 100_000, "many", "callback64")):
            command = (c + "capdist_client", ours, *words)
            rows.append(Client(f"callback-{mode}-{way}", "libcapdist, callbacks", "C", mode, command, requests, tcp, way))
    for suffix, mode in (("", "one"), ("64", "many")):
        futu, futu_frame = f"futu{suffix}", f"futu-frame{suffix}"
        rows += [
            Client(f"capdist{suffix}", "capdist, object", "Python", mode, (*py, "capdist", mode), 10_000, futu),
            Client(f"loop{suffix}", "capdist, asyncio", "Python", mode, (*py, "loop", mode), 10_000, futu),
            Client(f"nautilus{suffix}", "nautilus-futu, dict", "Python", mode, (*py, "nautilus", mode), 10_000, futu),
            Client(futu, "futu-api, dict", "Python", mode, (*py, "futu", mode), 3_000, futu),
            Client(f"capdist-frame{suffix}", "capdist.futu, DataFrame", "Python", mode, (*py, "capdist-frame", mode),
                   3_000, futu_frame),
            Client(futu_frame, "futu-api, DataFrame", "Python", mode, (*py, "futu-frame", mode), 2_000, futu_frame),
        ]  # fmt: skip
    return rows
