"""Records the C interface of include/capdist.h in capdist.json, and generates from it the raw layers of the bindings and the
tables of the pages. docs/abi.md has the rules.

    python3 bindings/abi             fails, and says why, if the header differs from the record, or a generated file is stale
    python3 bindings/abi --record    records the header's interface and writes the generated files; refuses changes that break
                                     programs, unless the major number changed
    python3 bindings/abi --header H --into FOLDER    writes the files for another header, and records nothing
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import c_tests
import cpp
import csharp
import header
import java
import node
import pages
import python
import record
import swift
from words import COMMAND

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).resolve().with_name("capdist.json")


def generated(interface: record.Node, instead: dict[str, Path]) -> dict[str, str]:
    """The text that every generated file should have, by its path in the project."""
    files = pages.write(interface, ROOT, instead) | swift.write(interface, ROOT)
    for language in (c_tests, cpp, csharp, java, node, python):
        files |= language.write(interface)
    return files


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description="Compares the C interface and what is generated from it with the record.")
    parser.add_argument("--record", action="store_true", help="record the header's interface, and write the generated files")
    parser.add_argument("--header", type=Path, default=ROOT / "include" / "capdist.h")
    parser.add_argument("--into", type=Path, help="only write what this header would make, below that folder")
    parser.add_argument(
        "--instead", nargs=2, action="append", default=[], metavar=("PATH", "FILE"), help="read FILE for a generated one"
    )
    arguments = parser.parse_args()
    current = header.read(arguments.header.resolve())
    recorded = record.load(RECORD)
    record.keep(recorded, current)
    if arguments.into:
        for name, text in generated(current, {}).items():
            (arguments.into / name).parent.mkdir(parents=True, exist_ok=True)
            (arguments.into / name).write_text(text, encoding="utf-8")
        return 0
    breaks, new = record.compare(recorded, current) if recorded["version"] else ([], ["all of it"])
    for text in breaks:
        print(f"breaks programs: {text}")
    if arguments.record and not breaks:
        RECORD.write_text(record.dump(current), encoding="utf-8")
        for name, text in generated(current, {}).items():
            file = ROOT / name
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
                print(f"written: {name}")
        return 0
    for text in new:
        print(f"not recorded (run `{COMMAND}`): {text}")
    stale = []
    instead = {name: Path(file) for name, file in arguments.instead}
    for name, text in generated(recorded, instead).items():
        file = instead.get(name, ROOT / name)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            print(f"stale (run `{COMMAND}`): {name} is not what the record makes")
    return 1 if breaks or new or stale else 0


if __name__ == "__main__":
    sys.exit(main())
