#!/usr/bin/env bash
# Splits a library into the shipped library, without symbols, and its debug information beside it. Debuggers find that by its
# name, which is in the shipped library, and by the build id of both. Usage: scripts/split.sh WITH-SYMBOLS SHIPPED
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
# mv replaces the files in one step, since a process may have the library open.
mv -f "$debug" "$made/${shipped##*/}" "$(dirname "$shipped")"
