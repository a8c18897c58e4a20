#!/bin/sh
# Checks that a command prints the lines of a file, in any order, and succeeds: says.sh FILE COMMAND
told=$(sh -c "$2" 2>&1) || { echo "exit status $?: $told"; exit 1; }
echo "$told" | LC_ALL=C sort -u | diff "$1" -
