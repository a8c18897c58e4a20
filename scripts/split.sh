#!/usr/bin/env bash
# Takes a library apart: the library without symbols, which is what is shipped, and beside it its debug information, which
# debuggers find by the name that the first has of the second, and by the build id of both.
# Usage: scripts/split.sh WITH-SYMBOLS SHIPPED
set -euo pipefail
whole=$1
shipped=$2

made=$(mktemp -d "$(dirname "$shipped")/split.XXXXXX")
trap 'rm -rf "$made"' EXIT
debug=$made/${shipped##*/}.debug
# With this index, which LLVM writes, gdb 13 finds no line.
objcopy --only-keep-debug --remove-section=.debug_names "$whole" "$debug"
chmod 644 "$debug"
objcopy --strip-all --add-gnu-debuglink="$debug" "$whole" "$made/${shipped##*/}"
# In one step, for those who have it open.
mv -f "$debug" "$made/${shipped##*/}" "$(dirname "$shipped")"
