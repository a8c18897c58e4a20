#!/usr/bin/env python3
"""Writes an SPDX 2.3 document of what the shipped library contains: sbom.py LIBRARY SWIFT-VERSION [OPENSSL-FOLDER]

It tells which release of OpenSSL a library contains, and under which licences it may be distributed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Writes the document."""
    library, swift, *openssl = sys.argv[1:]
    version = header_version(ROOT / "include" / "capdist.h", r"CAPDIST_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)")
    digest = hashlib.sha256(Path(library).read_bytes()).hexdigest()
    packages = [
        package("libcapdist", version, "Apache-2.0", f"pkg:generic/libcapdist@{version}"),
        package("openssl", *(own_openssl(Path(openssl[0])) if openssl else system("libssl", "openssl", "Apache-2.0"))),
        package("protobuf-c", *system("libprotobuf-c", "protobuf-c", "BSD-2-Clause")),
        package("swift-stdlib", swift, "Apache-2.0 WITH Swift-exception", f"pkg:github/swiftlang/swift@swift-{swift}-RELEASE"),
    ]
    inside = [{"spdxElementId": packages[0]["SPDXID"], "relationshipType": "CONTAINS", "relatedSpdxElement": other["SPDXID"]}
              for other in packages[1:]]  # fmt: skip
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"libcapdist-{version}-{platform.machine()}",
        # The namespace must be unique for each build.
        "documentNamespace": f"https://spdx.org/spdxdocs/libcapdist-{version}-{digest[:32]}",
        "creationInfo": {"created": created(), "creators": ["Tool: libcapdist-sbom"]},
        "packages": packages,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": packages[0]["SPDXID"]},
            *inside,
        ],
    }
    json.dump(document, sys.stdout, indent=2)
    print()


def package(name: str, version: str, licence: str, purl: str) -> dict[str, Any]:
    """A package of the document."""
    return {
        "SPDXID": f"SPDXRef-{name}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }


def system(library: str, source: str, licence: str) -> tuple[str, str, str]:
    """Version, licence and purl of a system's archive. Only the version of the Debian package shows security updates."""
    if not shutil.which("dpkg-query"):
        version = output("pkg-config", "--modversion", library).strip()
        return version, licence, f"pkg:generic/{source}@{version}"
    told = output("dpkg-query", "--show", "--showformat", "${source:Version} ${Architecture}", f"{library}-dev")
    version, architecture = told.split()
    return version, licence, f"pkg:deb/debian/{source}@{version}?arch={architecture}"


def output(*command: str) -> str:
    """The output of a program."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def own_openssl(folder: Path) -> tuple[str, str, str]:
    """The same for an OpenSSL that was built from source: Debian's (scripts/openssl.sh), or another."""
    debian = folder / "debian-version"
    if debian.exists():
        version = debian.read_text(encoding="utf-8").strip()
        return version, "Apache-2.0", f"pkg:deb/debian/openssl@{version}?arch=source"
    version = header_version(folder / "include" / "openssl" / "opensslv.h", r"OPENSSL_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)")
    return version, "Apache-2.0", f"pkg:generic/openssl@{version}"


def header_version(header: Path, pattern: str) -> str:
    """The version that a header defines in three numbers."""
    return ".".join(re.findall(rf"^#\s*define {pattern}$", header.read_text(encoding="utf-8"), re.MULTILINE))


def created() -> str:
    """The current time, or SOURCE_DATE_EPOCH in reproducible builds."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else datetime.now(timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
