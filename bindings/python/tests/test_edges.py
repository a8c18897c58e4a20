"""The package with reloaded modules, in subinterpreters, with trio, and in an archive."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest
from support import LIBRARY, SOURCE, Simulator, run_child

RELOAD = """
    import gc, importlib, sys
    import capdist
    from capdist import Client
    told = []
    client = Client(port=int(sys.argv[1]), quota_requests=0, on_log=lambda *line: told.append(line))
    client.wait_ready()
    names = [name for name in sys.modules if name.startswith("capdist.")]
    client.get_capital_distribution("HK.00700", lambda _, result: told.append(result))
    if sys.argv[2] == "forgotten":
        for name in [*names, "capdist"]:
            del sys.modules[name]
        del capdist
        import capdist
    else:
        for name in names if sys.argv[2] == "each" else []:
            importlib.reload(sys.modules[name])
        importlib.reload(capdist)
    gc.collect()
    print(client.capital_distribution("HK.00700").capital_in_big)
    other = capdist.Client(port=int(sys.argv[1]), quota_requests=0)
    print(other.capital_distribution("HK.00700").capital_in_big)
    client.close()
    other.close()
    print(len([one for one in told if hasattr(one, "capital_in_big")]))
"""


@pytest.mark.parametrize("how", ["package", "each", "forgotten"])
def test_reload_with_an_open_client(how: str, gateway: Simulator) -> None:
    assert run_child(RELOAD, gateway.port, how) == "859479380.0\n859479380.0\n1\n"


INSIDE = """
import asyncio, sys
try:
    from capdist import ArgumentError, Client, LoopClient
except ImportError as error:
    # 3.12's ctypes, where the interpreter has a lock of its own.
    assert "subinterpreters" in str(error), error
    print("not imported")
else:
    try:
        Client(port=PORT)
    except ArgumentError as error:
        print(error.status.name, "LoopClient" in str(error))

    async def main():
        async with await LoopClient.connect(port=PORT, quota_requests=0) as client:
            print((await client.capital_distribution("HK.00700")).capital_in_big)

    asyncio.run(main())
sys.stdout.flush()
"""
SUBINTERPRETER = """
    import sys
    try:
        import _interpreters as interpreters
        run, kinds = interpreters.exec, ["legacy", "isolated"]
    except ImportError:
        import _xxsubinterpreters as interpreters
        run, kinds = interpreters.run_string, [{"isolated": False}, {"isolated": True}]
    inside = sys.argv[1].replace("PORT", sys.argv[2])
    for kind in kinds:
        one = interpreters.create(kind) if isinstance(kind, str) else interpreters.create(**kind)
        failed = run(one, inside)
        assert failed is None, failed.formatted
        interpreters.destroy(one)
    from capdist import Client
    with Client(port=int(sys.argv[2]), quota_requests=0) as client:
        print(client.capital_distribution("HK.00700").capital_in_big)
"""


def test_in_a_subinterpreter_a_client_with_a_thread_is_refused(gateway: Simulator) -> None:
    printed = run_child(SUBINTERPRETER, INSIDE, gateway.port)
    told = "UNSUPPORTED True\n859479380.0\n"
    refused = "not imported\n" if sys.version_info[:2] == (3, 12) else told
    assert printed == told + refused + "859479380.0\n"


TRIO = """
    import sys, trio
    from capdist import AsyncClient, Client, LoopClient

    async def main():
        async with AsyncClient(port=int(sys.argv[1]), quota_requests=0) as wrong:
            for call in (wrong.wait_ready(), wrong.capital_distribution("HK.00700"), LoopClient.connect(port=int(sys.argv[1]))):
                try:
                    await call
                except RuntimeError as error:
                    print("trio" in str(error) and "trio.to_thread.run_sync" in str(error))
        with Client(port=int(sys.argv[1]), quota_requests=0) as client:
            figures = await trio.to_thread.run_sync(client.capital_distribution, "HK.00700")
            print(figures.capital_in_big)

    trio.run(main)
"""


def test_under_trio_it_says_what_to_use(gateway: Simulator) -> None:
    assert run_child(TRIO, gateway.port) == "True\nTrue\nTrue\n859479380.0\n"


PROGRAM = """\
import sys
from capdist import Client
with Client(port=int(sys.argv[1]), quota_requests=0) as client:
    print(client.capital_distribution("HK.00700").capital_in_big)
"""


def test_an_archive_with_the_library_inside(gateway: Simulator, tmp_path: Path) -> None:
    package = tmp_path / "app" / "capdist"
    shutil.copytree(SOURCE / "capdist", package, ignore=shutil.ignore_patterns("__pycache__", "libcapdist*"))
    shutil.copy(LIBRARY, package / "libcapdist.so.1")
    (tmp_path / "app" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    archive = tmp_path / "app.pyz"
    zipapp.create_archive(tmp_path / "app", archive)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": str(scratch)}
    command = [sys.executable, "-I", str(archive), str(gateway.port)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("859479380.0\n", "")
    # The extracted files were deleted after loading.
    assert list(scratch.iterdir()) == []
