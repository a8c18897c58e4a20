"""What pyproject.toml cannot say: the version is the C header's, a wheel with the library inside is for one platform."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "capdist.h"


def version() -> str:
    """The version of libcapdist, in whose tree this package is built."""
    if not HEADER.exists():
        raise SystemExit(f"{HEADER} is missing: build this package inside the source tree of libcapdist")
    return ".".join(re.findall(r"#define CAPDIST_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", HEADER.read_text("utf-8")))


class Package(Distribution):
    """For one platform only with the library in it, which `make wheel` puts there."""

    def has_ext_modules(self) -> bool:
        return (HERE / "src" / "capdist" / "libcapdist.so.1").exists()


class Wheel(bdist_wheel):
    """For any Python 3: the library knows nothing of Python."""

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        # Where tools look for it (PEP 770).
        told = HERE / "libcapdist.spdx.json"
        if told.exists():
            (Path(distinfo_path) / "sboms").mkdir()
            shutil.copy(told, Path(distinfo_path) / "sboms")

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(version=version(), distclass=Package, cmdclass={"bdist_wheel": Wheel})
