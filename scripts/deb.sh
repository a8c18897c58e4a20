#!/usr/bin/env bash
# Builds the Debian packages. Usage: [PREBUILT=1 RELEASE=FOLDER] scripts/deb.sh VERSION DIST
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
mkdir -p "$2"
dist=$(realpath "$2")
made=()
[ -z "${PREBUILT:-}" ] || made=(PREBUILT=1 "RELEASE=$(realpath "$RELEASE")")

# dpkg-buildpackage writes its results beside the folder that it builds.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$work/libcapdist-$version
mkdir "$source"
tar --create --exclude=__pycache__ --exclude=.results --exclude=.build --exclude='*.egg-info' \
    Makefile Package.swift README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE \
    Sources Tests bindings debian docs include packaging scripts tools | tar --extract --directory "$source"
# The version is lower than that of a package that Debian itself may make of this release.
cat >"$source/debian/changelog" <<END
libcapdist ($version-0upstream1) unstable; urgency=medium

  * What has changed is in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -R -u -r CHANGELOG.md)
END

# -d: the Swift toolchain cannot be a build dependency, since Debian does not package it. setup.sh installs the others.
(cd "$source" && env "${made[@]}" dpkg-buildpackage -d -b -us -uc) >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$dist"
ls "$dist"/*.deb
