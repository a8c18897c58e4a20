"""The vendor's Python sample for both brands, with only its import line changed, and the blocks of
bindings/python/samples/README.md.

The sample uses port 11111. The test replaces it, so that no port must be free. pandas prints as many columns as the terminal
has, and the documentation's had more than 80.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy
import pytest
from conftest import Start
from support import PACKAGE, child_env, run_child, unused_port

SAMPLES = PACKAGE / "samples"
BRANDS = ("futu", "moomoo")
#: SHA-256 of the words of the sample in the vendor's documentation, without its import line.
SAMPLE = "036494d4e7b2f7b729221d70ed420862974ceebe5a4181941e2f7666bbf7a35a"

README = (SAMPLES / "README.md").read_text(encoding="utf-8")
#: The output that the page, like the vendor's documentation, shows below the sample.
(OUTPUT,) = re.findall(r"^```console\n\$ python futu_sample\.py\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
(PLOT,) = re.findall(r"^```sh\n(.*)\n```$", README, re.MULTILINE)


def words(text: str) -> list[list[str]]:
    """The words of each line. The documentation has lost the sample's indentation."""
    return [line.split() for line in text.splitlines() if line.strip()]


def of_brand(brand: str) -> str:
    """The sample of a brand. moomoo.sed converts futu's to moomoo's."""
    text = (SAMPLES / "futu_sample.py").read_text(encoding="utf-8")
    if brand == "futu":
        return text
    script = PACKAGE / f"{brand}.sed"
    return subprocess.run(["sed", "-f", script], input=text, capture_output=True, text=True, encoding="utf-8", check=True).stdout


def sample(brand: str, port: int) -> str:
    """The sample with another port."""
    text, count = re.subn(r"\bport=11111\b", f"port={port}", of_brand(brand))
    assert count == 1
    return text


@pytest.mark.parametrize("brand", BRANDS)
def test_the_sample_prints_what_the_documentation_shows(brand: str, simulator: Start) -> None:
    gateway = simulator("--figures", "python")
    assert words(run_child(sample(brand, gateway.port), env={"COLUMNS": "100"})) == words(OUTPUT)
    (request,) = gateway.requests()
    assert (request["market"], request["code"]) == (1, "00700")


@pytest.mark.parametrize("brand", BRANDS)
def test_only_the_import_line_is_changed(brand: str) -> None:
    lines = words(of_brand(brand))
    assert lines[0] == ["from", f"capdist.{brand}", "import", "*"]
    text = "\n".join(" ".join(line) for line in lines[1:])
    assert hashlib.sha256(text.encode()).hexdigest() == SAMPLE


def test_the_sample_without_a_gateway_says_why() -> None:
    text = sample("futu", unused_port()).replace("port=", "connect_timeout=0.3, port=")
    output = run_child(text)
    assert output.startswith("error: ")
    assert "is OpenD running there?" in output


@pytest.mark.parametrize("brand", BRANDS)
def test_star_import_brings_what_the_vendor_users_name(brand: str) -> None:
    output = run_child(f"from capdist.{brand} import *\nprint(RET_OK, RET_ERROR, OpenQuoteContext.__name__)")
    assert output == "0 -1 OpenQuoteContext\n"


def plot(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs plot.py without a screen."""
    env = {**child_env(), "MPLBACKEND": "Agg"}
    command = [sys.executable, SAMPLES / "plot.py", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def bars(image: numpy.ndarray, color: str) -> list[int]:
    """The heights of the bars of that colour in points, from left to right, without the legend."""
    wanted = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    matching = (numpy.rint(image[:, :, :3] * 255) == wanted).all(axis=2)
    columns = matching.sum(axis=0) > 0
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([False], columns, [False])).astype(int)))
    spans = [slice(start, end) for start, end in zip(edges[::2], edges[1::2]) if end - start > 30]
    # A bar stands on the axis. What is above it in the same columns is the legend.
    heights = []
    for span in spans:
        rows = numpy.flatnonzero(matching[:, (span.start + span.stop) // 2])
        breaks = numpy.flatnonzero(numpy.diff(rows) > 1)
        heights.append(len(rows) if not len(breaks) else len(rows) - int(breaks[-1]) - 1)
    return heights


def test_plot_shows_the_bars_of_the_figures(simulator: Start, tmp_path: Path) -> None:
    gateway = simulator("--figures", "python")
    program, script, name, security = shlex.split(PLOT)
    assert (program, script) == ("python", "plot.py")
    file = tmp_path / name
    done = plot(file, security, "127.0.0.1", gateway.port)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    image = matplotlib.image.imread(file)
    # The simulator's figures, in the order super, big, mid, small.
    amounts_in = [2261085120, 2141963720, 2404108360, 3120457240]
    amounts_out = [1283551480, 1462098640, 2010345880, 2887413260]
    heights_in, heights_out = bars(image, "#2a9d5c"), bars(image, "#c8423b")
    assert len(heights_in) == len(heights_out) == 4
    scale = heights_in[3] / amounts_in[3]
    for height, amount in zip(heights_in + heights_out, amounts_in + amounts_out):
        assert abs(height - amount * scale) <= 2


def test_plot_leaves_out_what_the_gateway_left_out(simulator: Start, tmp_path: Path) -> None:
    file = tmp_path / "plot.png"
    done = plot(file, "HK.00700", "127.0.0.1", simulator("--old").port)
    assert done.returncode == 0, done.stderr
    image = matplotlib.image.imread(file)
    assert len(bars(image, "#2a9d5c")) == len(bars(image, "#c8423b")) == 3


def test_plot_without_a_gateway_says_why(tmp_path: Path) -> None:
    done = plot(tmp_path / "plot.png", "HK.00700", "127.0.0.1", unused_port())
    assert done.returncode == 1
    assert "is OpenD running there?" in done.stderr
    assert not (tmp_path / "plot.png").exists()


def periodic(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs periodic.py without a screen."""
    env = {**child_env(), "MPLBACKEND": "Agg"}
    command = [sys.executable, SAMPLES / "periodic.py", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def test_periodic_appends_what_follows_and_draws_it(simulator: Start, tmp_path: Path) -> None:
    table, chart = tmp_path / "flows.csv", tmp_path / "chart.png"
    words = [table, chart, "HK.00700", "HK.99999", "US.AAPL", "--every", "0.01", "--rounds", "2", "--port", simulator().port]
    for rounds in (2, 4):
        done = periodic(*words)
        assert done.returncode == 0, done.stderr
        lines = [line.split(",") for line in table.read_text().splitlines()]
        assert lines[0][1:] == ["security", "update_time", "main_net", "retail_net", "total_net", "total_out_share"]
        assert len(lines) == 1 + 2 * rounds
        told = {tuple(line[1:]) for line in lines[1:] if line[1] == "HK.00700"}
        assert told == {("HK.00700", "2022-06-08 10:44:21", "987223180.0", "463055240.0", "1450278420.0", "0.36737422499003075")}
    assert "HK.99999" in done.stderr
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_periodic_leaves_blank_what_is_missing(simulator: Start, tmp_path: Path) -> None:
    table = tmp_path / "flows.csv"
    done = periodic(table, tmp_path / "chart.png", "HK.00005", "--rounds", "1", "--port", simulator("--old").port)
    assert done.returncode == 0, done.stderr
    _, _, update_time, main, retail, total, share = table.read_text().splitlines()[1].split(",")
    assert update_time == main == total == share == "" and float(retail) != 0
