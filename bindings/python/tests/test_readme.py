"""The programs in README.md run, with the port of a gateway that stands in for OpenD."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Start
from support import PACKAGE, run_child

README = (PACKAGE / "README.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)

#: The output of each block, in the order of the page, as a pattern.
OUTPUTS = [
    r"2141963720\.0\n",
    r"679865080\.0 2022-06-08 15:59:59\n",
    r"2141963720\.0 [\d.]+\n",
    r"2141963720\.0\n",
    r"(?=(?s:.)*^HK\.00700 2261085120\.0$)(?=(?s:.)*^HK\.99999 failed: .*未知股票 HK\.99999$)(?=(?s:.)*^US\.AAPL [\d.]+$)(?s:.*)",
    r"REFUSED 未知股票 HK\.99999\n",
    r"CapitalDistribution\(security='HK\.00700', .*\n",
    r"\[2141963720\.0, [\d.]+\]\n",
]


def test_every_block_has_its_output() -> None:
    assert len(BLOCKS) == len(OUTPUTS)
    assert all(block.count("11111") == 1 for block in BLOCKS)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(number: int, simulator: Start, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    port = simulator("--figures", "python").port
    program.write_text(BLOCKS[number].replace("11111", str(port)), encoding="utf-8")
    output = run_child("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", program)
    assert re.fullmatch(OUTPUTS[number], output, flags=re.MULTILINE), output


def test_every_error_is_told() -> None:
    import capdist

    kinds = {name for name in capdist.__all__ if name.endswith("Error")}
    assert {name for name in kinds if f"`{name}`" not in README} == set()


def test_the_page_is_one_page() -> None:
    assert len(README.splitlines()) < 170
    assert all(len(line) <= 130 for line in README.splitlines() if not line.startswith("|"))
