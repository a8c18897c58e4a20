"""Tests releases of the vendor's Python package from PyPI, one for each major version that installs, with opend-simulator.

Each has a virtual environment of its own with the protobuf that it needs. Other packages, such as pandas, come from the
environment of the tests. Needs PyPI.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = Path(os.environ.get("CAPDIST_SIMULATOR", ROOT / ".build-test" / "release" / "opend-simulator"))
KEY = ROOT / "Tests" / "vectors" / "rsa" / "1024.pem"
#: Limits of an installation and of a program with a few requests, in seconds.
INSTALL_S = 300
ASK_S = 120

#: The figures of HK.00700, those of the vendor's C++ sample.
FIGURES = {
    "capital_in_big": 859479380.0,
    "capital_in_mid": 763181580.0,
    "capital_in_small": 1011289940.0,
    "capital_out_big": 444405720.0,
    "capital_out_mid": 503977520.0,
    "capital_out_small": 807438760.0,
    "update_time": "2022-06-08 10:44:21",
}
SUPER = {"capital_in_super": 824967660.0, "capital_out_super": 252818140.0}


@dataclass(frozen=True)
class Release:
    """A package, its version (none: the newest), and the protobuf that it needs."""

    package: str
    version: str | None
    protobuf: str = "protobuf"
    has_super: bool = True

    @property
    def name(self) -> str:
        """The name for people."""
        return f"{self.package} {self.version or 'newest'}"

    @property
    def wanted(self) -> str:
        """The requirement for pip."""
        return f"{self.package}=={self.version}" if self.version else self.package


#: Up to 10.0 they need an old protobuf, which defines messages in another way.
OLD = "protobuf==3.20.3"
RELEASES = [
    Release("futu-api", "3.9.1", OLD, has_super=False),
    Release("futu-api", "6.6.3108", OLD),
    Release("futu-api", "7.0.3208", OLD),
    Release("futu-api", "9.6.5608", OLD),
    Release("futu-api", "10.0.6008", OLD),
    Release("futu-api", None),
    Release("moomoo-api", None),
]


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: release.name)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Path]:
    """A release, with the Python of its environment."""
    release: Release = request.param
    folder = tmp_path_factory.mktemp("release")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=INSTALL_S)
    python = folder / "bin" / "python"
    # Its own packages come first.
    (own,) = folder.glob("lib/python3*/site-packages")
    (own / "shared.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--ignore-installed", release.wanted, release.protobuf],
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    assert done.returncode == 0, f"{release.name} does not install: {done.stderr[-800:]}"
    return release, python


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
def test_it_gets_figures(installed: tuple[Release, Path], tmp_path: Path, encrypted: bool) -> None:
    release, python = installed
    # Like a real gateway, it pushes, and wants keep-alives.
    options = ["--push", "1", "--keep-alive", "2", *(["--rsa-key", str(KEY)] if encrypted else [])]
    gateway = Simulator(SIMULATOR, tmp_path / "trace.jsonl", options)
    answers = tmp_path / "answers.json"
    codes = ["HK.00700", "US.AAPL", "HK.99999"]
    words = [release.package.removesuffix("-api"), str(gateway.port), str(answers), str(KEY) if encrypted else "-"]
    try:
        done = subprocess.run(
            [python, Path(__file__).with_name("ask.py"), *words, *codes],
            # The package makes a log folder in HOME when it is imported.
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        )
        requests = gateway.seen("request")
    finally:
        gateway.stop()
    assert done.returncode == 0 and answers.exists(), f"{done.stdout[-800:]}\n{done.stderr[-800:]}"
    found = json.loads(answers.read_text(encoding="utf-8"))
    expected = FIGURES | SUPER if release.has_super else FIGURES
    assert found["HK.00700"] == [0, expected]
    assert found["US.AAPL"][0] == 0 and found["US.AAPL"][1]["capital_in_big"] == 19462320.5
    assert found["HK.99999"] == [-1, "未知股票 HK.99999"]
    assert found["state"] == [0, "1011"]
    (first,) = [request for request in requests if request["proto_id"] == 1001]
    assert ("packet_enc_algo" in first) == encrypted
    assert [request["code"] for request in requests if request["proto_id"] == 3212] == ["00700", "AAPL", "99999"]
