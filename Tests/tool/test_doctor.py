"""`capdist doctor`: each step that can fail does, and is reported with its likely cause."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import DONE, FILE, NO_GATEWAY, REFUSED, RSA_KEY, TIMED_OUT, USAGE, Gateway, Terminal, plain, run

Start = Callable[..., Gateway]
STEPS = ["settings", "name", "port", "gateway", "encryption", "login", "version", "clock", "quota", "figures"]


def examined(*words: str | Path | int) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit status, and each step's finding."""
    told = run("doctor", "--json", *words)
    findings = json.loads(told.stdout)
    assert [finding["step"] for finding in findings] == STEPS, told.stderr
    failed = [place for place, finding in enumerate(findings) if finding["state"] == "failed"]
    # After the first failure no further step runs.
    assert len(failed) <= 1
    assert all((finding["state"] == "not tried") == bool(failed and place > failed[0]) for place, finding in enumerate(findings))
    for finding in findings:
        if finding["state"] in ("failed", "warning"):
            assert finding["told"] and finding["cause"] and finding["advice"]
    return told.returncode, {finding["step"]: finding for finding in findings}


def failure(*words: str | Path | int) -> tuple[int, dict[str, str]]:
    """The exit status, and the step that failed."""
    status, findings = examined(*words)
    (failed,) = [finding for finding in findings.values() if finding["state"] == "failed"]
    return status, failed


@contextmanager
def server(say: bytes | None) -> Iterator[int]:
    """Another server: sends this to every client that sends something, and closes; None: never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                clients.append(client)
                if say is not None:
                    threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            try:
                client.recv(4096)
                client.sendall(say or b"")
                client.close()
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for client in clients:
            client.close()


def test_all_is_well(gateway: Start) -> None:
    status, findings = examined("--port", gateway().port)
    assert status == DONE and {finding["state"] for finding in findings.values()} == {"ok"}
    assert "OpenD 10.11" in findings["version"]["told"] and "2022-06-08 10:44:21" in findings["figures"]["told"]


def test_text_for_people(gateway: Start) -> None:
    lines = run("doctor", "--port", gateway().port).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", step] for step in STEPS]
    told = run("doctor", "--port", 1).stdout
    assert "failed    port" in told and "\n          cause       " in told and "\n          what to do  start OpenD" in told
    terminal = Terminal("doctor", "--port", 1, columns=60)
    assert terminal.end() == NO_GATEWAY
    assert max(map(len, plain(terminal.output).splitlines())) <= 60 and "\x1b[38" in terminal.output


def test_name_that_is_none() -> None:
    status, failed = failure("--host", "nobody.invalid")
    assert (status, failed["step"]) == (NO_GATEWAY, "name") and "misspelt" in failed["cause"]
    status, failed = failure("--host", "127.0.0.1:11111")
    assert failed["step"] == "name" and "the port is another option" in failed["cause"]


def test_port_that_nobody_listens_on() -> None:
    status, failed = failure("--port", 1)
    assert (status, failed["step"]) == (NO_GATEWAY, "port") and "OpenD is not running" in failed["cause"]
    _, failed = failure("--port", 1, "--transport", "websocket")
    assert "after it has logged in" in failed["cause"]


def test_gateway_that_is_silent() -> None:
    with server(None) as port:
        status, failed = failure("--port", port, "--connect-timeout-ms", 500)
        assert (status, failed["step"]) == (TIMED_OUT, "gateway")
        assert "before it has logged in" in failed["cause"] and "password or a code" in failed["advice"]
        status, failed = failure("--port", port, "--connect-timeout-ms", 500, "--transport", "websocket")
        assert status == TIMED_OUT and "speaks no WebSocket, or needs TLS" in failed["cause"]


def test_a_wrong_websocket_key(gateway: Start, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("another\n")
    port = gateway("--websocket-port", "0", "--websocket-key", "secret").websocket_port
    for words in (["--websocket-key-file", key], []):
        status, failed = failure("--port", port, "--connect-timeout-ms", 1000, "--transport", "websocket", *words)
        assert status == TIMED_OUT and "WebSocket key may be wrong or missing" in failed["cause"]
        # The library's sentence, without the advice for programmers.
        assert "InitWebSocket was not answered within 1000 ms" in failed["told"] and "release the connection" not in failed["told"]


@pytest.mark.parametrize(("say", "words"), [
    (b"HTTP/1.0 200 OK\r\n\r\nhello", "web server"), (b"HTTP/1.1 404 Not Found\r\n\r\n", "web server"), (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"), (b"\x00" * 60, "something else than OpenD"), (b"", "128 clients"),
])  # fmt: skip
def test_port_of_something_else(say: bytes, words: str) -> None:
    with server(say) as port:
        status, failed = failure("--port", port, "--connect-timeout-ms", 3000)
    assert (status, failed["step"]) == (NO_GATEWAY, "gateway") and words in failed["cause"], failed


def test_websocket_port_taken_for_the_api_and_the_reverse(gateway: Start) -> None:
    running = gateway("--websocket-port", "0")
    _, failed = failure("--port", running.websocket_port)
    assert "this port is a WebSocket" in failed["cause"] and "--transport websocket" in failed["advice"]
    _, failed = failure("--port", running.port, "--transport", "websocket", "--connect-timeout-ms", 2000)
    assert "OpenD's API port" in failed["cause"]
    status, findings = examined("--port", running.websocket_port, "--transport", "websocket")
    assert status == DONE and findings["gateway"]["told"] == "OpenD's WebSocket answers"


def test_encryption(gateway: Start) -> None:
    plain_port, encrypted_port = gateway().port, gateway("--rsa-key", str(RSA_KEY)).port
    status, findings = examined("--port", encrypted_port, "--rsa-private-key-file", RSA_KEY)
    assert status == DONE and "on, and the key is the gateway's" in findings["encryption"]["told"]
    status, failed = failure("--port", plain_port, "--rsa-private-key-file", RSA_KEY)
    assert status == NO_GATEWAY and "OpenD is not encrypted, and this side is" in failed["cause"]
    _, failed = failure("--port", encrypted_port, "--connect-timeout-ms", 1000)
    assert "RSA key" in failed["cause"] or "logged in" in failed["cause"]
    other = RSA_KEY.with_name("1024.pem")
    _, failed = failure("--port", encrypted_port, "--rsa-private-key-file", other, "--connect-timeout-ms", 1000)
    assert "another RSA key" in failed["cause"] or "not this one" in failed["cause"] or "logged in" in failed["cause"]


def test_key_files(gateway: Start, tmp_path: Path) -> None:
    status, failed = failure("--rsa-private-key-file", "/proc/version")
    assert (status, failed["step"]) == (FILE, "settings") and "holds no private key" in failed["told"]
    assert run("doctor", "--rsa-private-key-file", tmp_path / "none").returncode == FILE
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    port = gateway("--websocket-port", "0", "--websocket-key", "0123456789abcdef0123456789abcdef").websocket_port
    status, findings = examined("--transport", "websocket", "--websocket-key-file", key, "--port", port)
    assert status == DONE and findings["settings"]["state"] == "warning" and "MD5" in findings["settings"]["cause"]
    _, findings = examined("--websocket-key-file", key, "--port", gateway().port)
    assert "no use over TCP" in findings["settings"]["cause"]


def test_refused(gateway: Start) -> None:
    status, failed = failure("--port", gateway("--fault", "init-refused").port)
    assert (status, failed["step"]) == (NO_GATEWAY, "gateway") and "waits for a code" in failed["cause"]
    for code, words in (("HK.99999", "no such security"), ("HK.800000", "no such figures")):
        status, failed = failure(code, "--port", gateway().port)
        assert (status, failed["step"]) == (REFUSED, "figures") and words in failed["cause"]
    assert run("doctor", "nonsense").returncode == USAGE


def test_quota(gateway: Start) -> None:
    status, findings = examined("--port", gateway("--fault", "too-frequent=30").port)
    assert status == DONE and findings["figures"]["state"] == "warning" and "other programs" in findings["figures"]["cause"]
    _, findings = examined("--port", gateway().port, "--quota-requests", 0)
    assert findings["quota"]["state"] == "warning"


def test_no_figures_in_time(gateway: Start) -> None:
    status, failed = failure("--port", gateway("--fault", "never").port, "--reply-timeout-ms", 300)
    assert (status, failed["step"]) == (TIMED_OUT, "figures")


def test_settings_are_told_with_their_source(gateway: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPDIST_CLIENT_ID", "me")
    _, findings = examined("--port", gateway().port)
    assert "CAPDIST_CLIENT_ID" in findings["settings"]["told"]
