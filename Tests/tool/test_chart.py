"""`capdist chart`: the chart as SVG, as PNG, and as an HTML page in Chromium."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import Browser
from market import Told, market, week
from PIL import Image
from support import DONE, FILE, NO_GATEWAY, REFUSED, TOOL, USAGE, Gateway, environment, run

Start = Callable[..., Gateway]
SVG = "{http://www.w3.org/2000/svg}"
#: The colours of in and out, on a light and on a dark background.
LIGHT = {"in": (0x1F, 0x6F, 0xEB), "out": (0xD4, 0x69, 0x1E), "ground": (255, 255, 255)}
DARK = {"in": (0x44, 0x93, 0xF8), "out": (0xF0, 0x88, 0x3E), "ground": (0x0D, 0x11, 0x17)}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of two days and two securities."""
    path = tmp_path_factory.mktemp("record") / "flows.db"
    with market(week(12)) as running:
        run("record", "HK.00700", "HK.00005", "--to", path, "--rounds", 24, "--every", "1ms", "--quota-requests", 0, "--port", running.port)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with Browser() as running:
        yield running


def bars(svg: ElementTree.Element) -> dict[str, float]:
    """The label and the length of each bar."""
    found = {}
    for rect in svg.iter(f"{SVG}rect"):
        told = rect.get("data-told")
        if told:
            found[told.partition(":")[0]] = float(rect.get("width") or 0)
    return found


def test_svg_from_the_gateway(gateway: Start, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert run("chart", "HK.00700", "-o", out, "--port", gateway().port).returncode == DONE
    svg = ElementTree.parse(out).getroot()
    lengths = bars(svg)
    assert len(lengths) == 14
    # The lengths match the amounts.
    scale = lengths["total in"] / 3458918560
    expected = {"super in": 824967660, "super out": 252818140, "main out": 697223860, "retail in": 1774471520}
    for name, amount in expected.items():
        assert lengths[name] == pytest.approx(amount * scale, abs=0.2)
    assert "main: in 1.68B, out 697.22M, net +987.22M" in (svg.findtext(f"{SVG}desc") or "")
    assert svg.get("role") == "img" and svg.findtext(f"{SVG}title") == "HK.00700: money in and out by order size"
    assert not list(svg.iter(f"{SVG}path"))


def test_svg_from_a_record(record: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert run("chart", "HK.00700", "--from", record, "-o", out).returncode == DONE
    svg = ElementTree.parse(out).getroot()
    paths = {path.get("class"): path.get("d") or "" for path in svg.iter(f"{SVG}path")}
    assert set(paths) == {"main", "retail", "total"}
    # A new day is not connected with the line of the day before.
    assert all(course.count("M") == 2 and course.count("L") == 22 for course in paths.values())
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert "2026-11-23" in texts and "2026-11-24" in texts and "Net over time" in texts
    one = tmp_path / "one.svg"
    assert run("chart", "HK.00700", "--from", record, "--until", "2026-11-24", "-o", one).returncode == DONE
    assert "09:30" in [text.text for text in ElementTree.parse(one).getroot().iter(f"{SVG}text")]


def test_absent_and_negative_figures(gateway: Start, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert run("chart", "HK.00005", "-o", out, "--port", gateway("--old").port).returncode == DONE
    svg = ElementTree.parse(out).getroot()
    assert set(bars(svg)) == {f"{group} {way}" for group in ("big", "mid", "small", "retail") for way in ("in", "out")}
    assert [text.text for text in svg.iter(f"{SVG}text")].count("not told by the gateway") == 3
    for amounts in ((0.0,) * 8, (-5.0,) * 8, (1e300,) * 8, (1e-300,) * 8):
        with market(lambda name, asked, amounts=amounts: Told(amounts, "2026-11-30 10:00:00")) as running:  # type: ignore[misc]
            assert run("chart", "HK.00700", "-o", out, "--port", running.port).returncode == DONE
            assert "nan" not in out.read_text().lower().replace("cnan", "") and "inf" not in out.read_text()
            ElementTree.parse(out)


def test_what_a_name_holds_is_no_markup(tmp_path: Path) -> None:
    name = 'HK.<script>"&\'x'
    with market(week(10)) as running:
        for kind in ("svg", "html"):
            out = tmp_path / f"out.{kind}"
            assert run("chart", name, "-o", out, "--port", running.port).returncode == DONE
            assert "<script>\"" not in out.read_text() and "&lt;script&gt;&quot;&amp;" in out.read_text()
        ElementTree.parse(tmp_path / "out.svg")


def test_png(record: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("chart", "HK.00700", "--from", record, "-o", out).returncode == DONE
    picture = Image.open(out).convert("RGB")
    assert picture.width == 1760 and picture.height > 1400
    colours = {colour: count for count, colour in picture.getcolors(1 << 24) or []}
    assert colours[LIGHT["in"]] > 10_000 and colours[LIGHT["out"]] > 10_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.png"]


def test_png_without_its_program(record: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    told = subprocess.run([TOOL, "chart", "HK.00700", "--from", record, "-o", out], capture_output=True, text=True, timeout=60,
                          env={**environment(), "PATH": str(tmp_path)}, check=False)  # fmt: skip
    assert told.returncode == FILE and "apt install librsvg2-bin" in told.stderr and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dark", [False, True])
def test_page_in_light_and_dark(record: Path, tmp_path: Path, browser: Browser, dark: bool) -> None:
    out = tmp_path / "out.html"
    assert run("chart", "HK.00700", "--from", record, "-o", out).returncode == DONE
    page = browser.open(out, dark=dark)
    picture = page.screenshot(tmp_path / "out.png")
    expected = DARK if dark else LIGHT
    colours = {colour: count for count, colour in picture.getcolors(1 << 24) or []}
    assert picture.getpixel((2, 2)) == expected["ground"]
    assert colours[expected["in"]] > 3000 and colours[expected["out"]] > 3000
    assert page.errors == []


def test_page_is_read_out(record: Path, tmp_path: Path, browser: Browser) -> None:
    out = tmp_path / "out.html"
    run("chart", "HK.00700", "--from", record, "-o", out)
    page = browser.open(out)
    tree = page.accessibility()
    by_role: dict[str, list[str]] = {}
    for role, name in tree:
        by_role.setdefault(role, []).append(name)
    assert by_role["heading"] == ["HK.00700: money in and out by order size"]
    assert [name for name in by_role["rowheader"]] == ["super", "big", "mid", "small", "main", "retail", "total"]
    assert by_role["columnheader"] == ["order size", "in", "out", "net", "share of out"]
    assert len(by_role["cell"]) == 28 and all(by_role["cell"])
    assert by_role["caption" if "caption" in by_role else "Caption"]
    marks = [name for name in by_role.get("image", []) + by_role.get("img", []) if re.fullmatch(r"\w+ (in|out): .+", name)]
    assert len(marks) == 14
    assert "status" in by_role


def test_page_answers_pointer_and_keys(record: Path, tmp_path: Path, browser: Browser) -> None:
    out = tmp_path / "out.html"
    run("chart", "HK.00700", "--from", record, "-o", out)
    page = browser.open(out)
    x, y = page.middle_of('[data-told^="main in"]')
    page.point_at(x, y)
    assert page.text("#told").startswith("main in: ")
    # The pointer is over the lines.
    x, y = page.middle_of("path.main")
    page.point_at(x, y)
    assert re.match(r"2026-11-2[34] \d\d:\d\d:\d\d: main \+", page.text("#told"))
    before = page.text("#told")
    page.press("ArrowRight")
    assert page.text("#told") != before
    page.press("Tab")
    assert page.text("#told").startswith("super in: ")


def test_page_asks_nothing_of_the_network(record: Path, tmp_path: Path, browser: Browser) -> None:
    out = tmp_path / "out.html"
    run("chart", "HK.00700", "--from", record, "-o", out)
    assert set(re.findall(r"https?://[^\"\s<]+", out.read_text())) <= {"http://www.w3.org/2000/svg"}
    page = browser.open(out)
    assert page.requests == [out.as_uri()]
    json.loads(re.findall(r'id="course">(.*?)</script>', out.read_text(), re.DOTALL)[0])


def test_how_it_ends(gateway: Start, record: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.svg"
    assert run("chart", "HK.00700", "-o", tmp_path / "x.gif").returncode == USAGE
    assert run("chart", "HK.00700", "-o", out, "--since", "2026").returncode == USAGE
    assert run("chart", "nonsense", "-o", out).returncode == USAGE
    assert run("chart", "HK.00700", "-o", out, "--port", 1).returncode == NO_GATEWAY
    assert run("chart", "HK.99999", "-o", out, "--port", gateway().port).returncode == REFUSED
    nothing = run("chart", "US.AAPL", "--from", record, "-o", out)
    assert nothing.returncode == REFUSED and "has no figures of US.AAPL" in nothing.stderr
    assert run("chart", "HK.00700", "--from", record, "-o", tmp_path / "no" / "x.svg").returncode == FILE
    assert not out.exists()
