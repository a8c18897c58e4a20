#!/usr/bin/env bash
# Generates Sources/CMessages/*.pb-c.c and include/*.pb-c.h from its folder proto, and for C# the messages' classes, and moomoo's
# classes, which are made from futu's.
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
{
    echo '// Generated from Futu.cs by moomoo.sed: do not edit. `make messages` writes it.'
    sed -f $csharp/moomoo.sed $csharp/src/Vendor/Futu.cs
} >"$generated/Moomoo.cs"

if [ "${1:-}" = --check ]; then
    if ! { diff -u -r --exclude=include --exclude=proto --exclude='*.cs' . "$generated" &&
        diff -u $csharp/src/Messages/Messages.cs "$generated/Messages.cs" &&
        diff -u $csharp/src/Vendor/Moomoo.cs "$generated/Moomoo.cs" &&
        diff -u -r --exclude=CMessages.h include "$generated/include"; }; then
        echo "messages: a generated file is stale: run 'make messages'" >&2
        exit 1
    fi
else
    rm -f ./*.pb-c.c include/*.pb-c.h
    cp "$generated"/*.pb-c.c .
    cp "$generated"/include/*.pb-c.h include/
    cp "$generated/Messages.cs" $csharp/src/Messages/
    cp "$generated/Moomoo.cs" $csharp/src/Vendor/
fi
