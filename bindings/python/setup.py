"""The parts of the build that pyproject.toml cannot do: the version is the C header's, and a wheel with the library is for one
platform."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "capdist.h"


def version() -> str:
    """The version of libcapdist, in whose source tree this package is built."""
    if not HEADER.exists():
        raise SystemExit(f"{HEADER} is missing: build this package inside the source tree of libcapdist")
    return ".".join(re.findall(r"#define CAPDIST_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", HEADER.read_text("utf-8")))


class Package(Distribution):
    """A wheel is for one platform only if `make wheel` has put the library into the package."""

    def has_ext_modules(self) -> bool:
        return (HERE / "src" / "capdist" / "libcapdist.so.1").exists()


class Wheel(bdist_wheel):
    """The wheel works with any Python 3, since the library does not use Python."""

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        # The place of an SBOM in a wheel (PEP 770).
        told = HERE / "libcapdist.spdx.json"
        if told.exists():
            (Path(distinfo_path) / "sboms").mkdir()
            shutil.copy(told, Path(distinfo_path) / "sboms")

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(version=version(), distclass=Package, cmdclass={"bdist_wheel": Wheel})
