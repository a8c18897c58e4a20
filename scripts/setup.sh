#!/usr/bin/env bash
# Installs those of the given Debian packages that are missing. If none is missing, it needs no network. With PREBUILT set it does
# not check for Swift. Usage: scripts/setup.sh PACKAGE...
set -euo pipefail

if [ -z "${PREBUILT:-}" ] && ! command -v swift >/dev/null; then
    echo "setup: there is no 'swift' on the PATH. Install a Swift 6.3 toolchain (swift.org/install) and try again." >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is no Debian: install the like of these yourself: $*" >&2
    exit 0
fi

missing=()
for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
