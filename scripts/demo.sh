#!/usr/bin/env bash
# Fetches one stock's capital distribution through the C library, from a stand-in gateway that it starts and stops.
# Needs `make lib`. Usage: [RELEASE=FOLDER] scripts/demo.sh [SECURITY]
set -euo pipefail
cd "$(dirname "$0")/.."

release=$(realpath "${RELEASE:-.build/release}")
work=$(mktemp -d)
simulator=
clean_up() {
    if [ -n "$simulator" ]; then
        kill "$simulator" 2>/dev/null || true
        wait "$simulator" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

cc -std=c99 -I include bindings/c/fetch.c -L "$release" -lcapdist -Wl,-rpath,"$release" -o "$work/fetch"

exec 3< <(exec "$release/opend-simulator" --port 0)
simulator=$!
if ! read -r -t 10 line <&3 || [[ $line != listening\ *:* ]]; then
    echo "demo: opend-simulator did not start: ${line:-it said nothing}" >&2
    exit 1
fi

timeout 30 "$work/fetch" "${1:-HK.00700}" 127.0.0.1 "${line##*:}"
