#!/usr/bin/env bash
# Generates Sources/CMessages/*.pb-c.c and include/*.pb-c.h from its folder proto, and the classes for C#.
# Usage: scripts/messages.sh [--check]. With --check it writes nothing, and fails if a file is stale.
set -euo pipefail
cd "$(dirname "$0")/../Sources/CMessages"

generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
mkdir "$generated/include"
protoc-c -I proto --c_out="$generated" proto/*.proto
mv "$generated"/*.pb-c.h "$generated/include/"
csharp=../../bindings/csharp
python3 -B $csharp/messages.py >"$generated/Messages.cs"

if [ "${1:-}" = --check ]; then
    if ! { diff -u -r --exclude=include --exclude=proto --exclude=Messages.cs . "$generated" &&
        diff -u $csharp/src/Messages/Messages.cs "$generated/Messages.cs" &&
        diff -u -r --exclude=CMessages.h include "$generated/include"; }; then
        echo "messages: what is checked in is not what is made of proto/*.proto: run 'make messages'" >&2
        exit 1
    fi
else
    rm -f ./*.pb-c.c include/*.pb-c.h
    cp "$generated"/*.pb-c.c .
    cp "$generated"/include/*.pb-c.h include/
    cp "$generated/Messages.cs" $csharp/src/Messages/
fi
