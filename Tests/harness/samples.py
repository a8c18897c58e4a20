"""Runs a binding's samples, and the programs on its pages, with stand-in gateways.

    python3 -m harness.samples TABLE.toml OUT [--only NAME]

The table has an entry `[[sample]]` for each:

    name           the case's name; {brand} in it and below is replaced by the vendor's brand
    source         the file, relative to the parent of the table's folder; or `page`: the fenced block of `language` with the
                   number `block` (1 is the first), put into `around` at %s
    as             the name of the copy in OUT; without it there is no copy
    replace        texts to replace in the copy, which must occur; default: "11111" = "{port}"
    simulator      the gateway's options; {websocket_port} is the port of its WebSocket, if it has one
    build, run     shell commands, in OUT; {source} is the copy, {out} OUT, {here} the binding, {root} the project
    until          a pattern: when such a line was printed, and nothing follows, the program is sent SIGTERM
    status         the expected exit status, default 0; negative: the signal that ends it
    output         the expected output, compared word by word; or `exactly`; or `matches`, a pattern; or `has`, a part of it
    brands         run it for both brands: moomoo's source is made with moomoo.sed, in the parent of the table's folder

and `[[documented]]` for a sample in the vendor's documentation: `source`, `digests` (SHA-256 of its words, by brand), and the
number of added lines before it (`before`) and after it (`after`), or those lines. With `bare`, white space is ignored.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from .gateway import gateway
from .suite import BUSY, ROOT, side_by_side
from .tap import Case, SuiteError, report

BRANDS = ("futu", "moomoo")
LIMIT_S = 60.0
#: How long a program is watched after its last expected line.
SILENCE_S = 0.5


def branded(text: str, brand: str, here: Path) -> str:
    """The text with the brand's names. The source has futu's."""
    if brand == "futu":
        return text
    done = subprocess.run(["sed", "-f", here / f"{brand}.sed"], input=text, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def documented(entry: dict[str, Any], here: Path) -> list[Case]:
    """Checks that the sample has the documentation's words, and that the added lines are the listed ones."""
    cases = []
    for brand, digest in entry["digests"].items():
        lines = branded((here / entry["source"]).read_text(encoding="utf-8"), brand, here).splitlines()
        sides = [entry.get("before", 0), entry.get("after", 0)]
        first, last = (side if isinstance(side, int) else len(side) for side in sides)
        around = [lines[:first], lines[len(lines) - last :]]
        wanted = [side for side in sides if not isinstance(side, int)]
        found = [given for side, given in zip(sides, around, strict=True) if not isinstance(side, int)]
        if wanted:
            same = found == [[branded(line, brand, here).rstrip("\n") for line in side] for side in wanted]
            cases.append(Case(f"{brand}: the lines added to the sample", same, "" if same else f"{found}"))
        words = _words(lines[first : len(lines) - last])
        text = "".join(map("".join, words)) if entry.get("bare") else "\n".join(map(" ".join, words))
        same = hashlib.sha256(text.encode()).hexdigest() == digest
        cases.append(Case(f"{brand}: the sample is the documentation's", same, "" if same else "its words are others"))
    return cases


def _words(lines: list[str]) -> list[list[str]]:
    """The words of each line. The documentation has lost the samples' indentation."""
    return [line.split() for line in lines if line.strip()]


def _text(entry: dict[str, Any], brand: str, here: Path) -> str:
    if "page" not in entry:
        return branded((here / entry["source"]).read_text(encoding="utf-8"), brand, here)
    page = (here / entry["page"]).read_text(encoding="utf-8")
    blocks: list[str] = re.findall(rf"^```{entry['language']}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    whole = entry.get("blocks", len(blocks))
    if whole != len(blocks):
        raise SuiteError(f"{entry['page']} has {len(blocks)} blocks, and {whole} are listed")
    return str(entry.get("around", "%s")).replace("%s", blocks[entry.get("block", 1) - 1])


def play(entry: dict[str, Any], brand: str, here: Path, out: Path) -> Case:
    """Runs a sample, and returns its case."""
    name = str(entry["name"]).replace("{brand}", brand)
    started = time.monotonic()
    try:
        with gateway(*str(entry.get("simulator", "")).format(root=ROOT, out=out).split()) as running:
            values = {"port": running.port, "websocket_port": running.websocket_port, "brand": brand}
            values |= {"out": out, "here": here, "root": ROOT}
            if "as" in entry:
                values["source"] = _copied(entry, values, _text(entry, brand, here))
            why = _played(entry, values)
    except (SuiteError, subprocess.CalledProcessError) as error:
        why = str(error)
    return Case(name, not why, why, time.monotonic() - started)


def _filled(text: str, values: dict[str, Any]) -> str:
    """Replaces {names} by values. Other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)


def _copied(entry: dict[str, Any], values: dict[str, Any], text: str) -> Path:
    """Writes the copy, and returns its path."""
    for old, new in entry.get("replace", {"11111": "{port}"}).items():
        if old not in text:
            raise SuiteError(f"{old} does not stand in it")
        text = text.replace(old, _filled(new, values))
    copy = Path(values["out"]) / _filled(entry["as"], values)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, encoding="utf-8")
    return copy


def _played(entry: dict[str, Any], values: dict[str, Any]) -> str:
    if "build" in entry:
        command = ["sh", "-c", _filled(entry["build"], values)]
        built = subprocess.run(command, cwd=values["out"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return f"it does not build: {(built.stdout + built.stderr).strip()[-400:]}"
    status, output = _run(_filled(entry["run"], values), Path(values["out"]), entry.get("until"))
    if status != entry.get("status", 0):
        return f"ended with {status}: {output[-300:]}"
    if "output" in entry:
        good = _words(output.splitlines()) == _words(_filled(entry["output"], values).splitlines())
    elif "exactly" in entry:
        good = output == _filled(entry["exactly"], values)
    elif "matches" in entry:
        good = re.fullmatch(entry["matches"], output, flags=re.MULTILINE) is not None
    else:
        good = entry["has"] in output
    return "" if good else f"it printed {output[-400:]!r}"


def _run(command: str, folder: Path, until: str | None) -> tuple[int, str]:
    """Runs a program to its end, or until it has printed that line. Returns its exit status and its output."""
    lines: list[str] = []
    came = threading.Event()
    with subprocess.Popen(
        ["sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", start_new_session=True,
    ) as process:  # fmt: skip

        def read() -> None:
            for line in process.stdout or ():
                lines.append(line)
                if until and re.fullmatch(until, line.rstrip("\n")):
                    came.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            if until:
                came.wait(LIMIT_S * BUSY)
                time.sleep(SILENCE_S)
                process.send_signal(signal.SIGTERM)
            status = process.wait(LIMIT_S * BUSY)
        except subprocess.TimeoutExpired:
            raise SuiteError(f"it did not end within {LIMIT_S * BUSY:.0f} s: {''.join(lines)[-300:]}") from None
        finally:
            process.kill()
            process.wait()
        reader.join(timeout=10)
    return status, "".join(lines)


def main() -> int:
    """Runs the samples in the table."""
    parser = argparse.ArgumentParser(description="Runs a binding's samples.")
    parser.add_argument("table", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    here = arguments.table.resolve().parents[1]
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    table = tomllib.loads(arguments.table.read_text(encoding="utf-8"))
    cases = [case for entry in table.get("documented", []) for case in documented(entry, here)]
    cases = [case for case in cases if arguments.only in case.name]
    plays = [(entry, brand) for entry in table["sample"] for brand in (BRANDS if entry.get("brands") else BRANDS[:1])]
    plays = [(entry, brand) for entry, brand in plays if arguments.only in entry["name"].replace("{brand}", brand)]
    cases += side_by_side(lambda chosen: play(*chosen, here, out), plays, 3)
    return report(cases)


if __name__ == "__main__":
    sys.exit(main())
